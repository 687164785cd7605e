"""Time of the formats that are decoded in one call, which nothing can interrupt: WebP, AVIF and TIFF.

The others are decoded in parts of the file, and end at a time limit.
"""

from function.metadata import GRAY_CHANNELS, RGB_CHANNELS
from function.preprocess import image

# CPU seconds for a megapixel and for a megabyte of the file, Pillow 13.0; the larger of both is the time. Photos of 16
# megapixels take at most 0.04, 0.046 and 0.018 for a megapixel, noise in CMYK with LZW 0.026. Noise at quality 100
# takes 0.029 and 0.067 for a megabyte.
SECONDS = {"WEBP": (0.05, 0.032), "AVIF": (0.06, 0.075), "TIFF": (0.03, 0.0)}
MILLION = 1_000_000
MB_PER_CPU = 1769  # AWS Lambda developer guide, "Configure Lambda function memory"
STARTS = (b"RIFF", b"II", b"MM")
FTYP = b"ftyp"


def uninterrupted_s(data: bytes, max_pixels: int, memory_mb: int | None, channels: int = RGB_CHANNELS) -> float:
    """Return the seconds of a call that decodes an image, 0 if it is decoded in parts; only the header is read.

    Args:
        data: the encoded file.
        max_pixels: as for `image.read_reduced`, whose errors are raised.
        memory_mb: of the function, and with it the share of a CPU; None: a whole one.
        channels: of the model.
    """
    if not (data.startswith(STARTS) or data.startswith(FTYP, 4)):
        return 0.0
    format_name, (width, height) = _header(data, max_pixels, channels)
    cpu = min(1.0, memory_mb / MB_PER_CPU) if memory_mb else 1.0
    by_pixels, by_bytes = SECONDS.get(format_name, (0.0, 0.0))
    return max(by_pixels * width * height, by_bytes * len(data)) / MILLION / cpu


def _header(data: bytes, max_pixels: int, channels: int) -> tuple[str, tuple[int, int]]:
    """Return the format and the size; of several bands, each three are an image of the same width below the others."""
    if channels in (GRAY_CHANNELS, RGB_CHANNELS):
        return image.header(data, max_pixels)
    from function.preprocess import multiband  # imported here: few models take images of several bands

    (width, height), bands = multiband.header(data, max_pixels)
    return "TIFF", (width, -(-height * bands // 3))
