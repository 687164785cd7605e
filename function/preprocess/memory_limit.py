"""Memory that an image needs, checked before each step that takes it.

Lambda ends a function that exceeds its memory, without a response. So the bytes that Pillow takes for a large image are
compared with what is left of the memory of the function, and the image is refused if they do not fit.

`tests/memory` measures the bytes per pixel that are stated here, with Pillow 13.0, for each format.
"""

from typing import Any

from function.errors import TooLarge

RESERVE = 48_000_000  # bytes; for the model input, the response and other processes of the sandbox
MIB, MB = 1024 * 1024, 1_000_000
PAGE = 4096
COPY = 4  # bytes per pixel of an RGB image, and so of a rotated one
CONVERSION = 6  # bytes per pixel: the RGB image, and an intermediate one
STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}  # bytes per pixel of a mode; 4 for the others
WEBP = 12.5  # two canvases and one copy
AVIF, AVIF_ALPHA = 16.5, 18.7  # two copies and the frame in its own colors: up to 12 bits for each, and their alpha
CLASS_MAP, CLASS_MAP_16_BIT = 3, 6  # bytes per pixel: the map, its image in Pillow, and the PNG
DEPTH_MAP = 9  # the map, and the PNG as base64, as text of JSON and as bytes of a result in S3
BMP_RLE = 1
COEFFICIENT = 2  # bytes; JPEG, one for each sample
YCBCR_RASTER = 4  # bytes per pixel of a strip of a TIFF


class MemoryLimit:
    """The memory of the function, compared with the steps of one image; each check raises TooLarge."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb

    def check_decoding(self, opened: Any, data: bytes) -> None:
        """Check the decoding of a Pillow image that is not loaded yet, and its file."""
        self._check(opened.size, _decoding_bytes(opened, data))

    def check_conversion(self, size_wh: tuple[int, int]) -> None:
        """Check the conversion to RGB."""
        self._check(size_wh, CONVERSION)

    def check_copy(self, size_wh: tuple[int, int]) -> None:
        """Check a copy, which is a rotated image."""
        self._check(size_wh, COPY)

    def check_bands(self, size_wh: tuple[int, int], bytes_per_pixel: int) -> None:
        """Check the bands of an image for a model of several channels."""
        self._check(size_wh, bytes_per_pixel)

    def check_map(self, size_wh: tuple[int, int], bytes_per_pixel: int) -> None:
        """Check a map of the pixels: classes or distances."""
        self._check(size_wh, bytes_per_pixel)

    def _check(self, size_wh: tuple[int, int], bytes_per_pixel: float) -> None:
        needed, left = size_wh[0] * size_wh[1] * bytes_per_pixel, self._memory_mb * MIB - _resident() - RESERVE
        if needed > left:
            raise TooLarge(
                f"the image must need at most {max(left, 0) // MB} MB of memory, the rest of the {self._memory_mb} MB "
                f"of the function, got {size_wh[0]} x {size_wh[1]} pixels, which need {needed / MB:.0f} MB: send a "
                "smaller image or give the function more memory"
            )


def _resident() -> int:
    """Return the memory of this process in bytes; 0 on a system without procfs, where no function runs."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * PAGE
    except FileNotFoundError:
        return 0


def _decoding_bytes(opened: Any, data: bytes) -> float:
    """Return the most bytes per pixel while an image is decoded."""
    stored = float(STORED.get(opened.mode, COPY))
    if opened.format == "WEBP":
        return WEBP
    if opened.format == "AVIF":
        return AVIF_ALPHA if opened.mode == "RGBA" else AVIF
    if opened.format == "JPEG" and (opened.info.get("progressive") or _has_several_scans(opened, data)):
        scale: int = opened.decoderconfig[0] if opened.decoderconfig else 1  # of a reduced image
        return stored + COEFFICIENT * _samples_per_pixel(opened.layer) * scale**2
    if opened.format == "TIFF":
        return stored + _block_bytes(opened)
    return stored + BMP_RLE if opened.format == "BMP" else stored


def _has_several_scans(opened: Any, data: bytes) -> bool:
    """Return whether the first scan of a JPEG, whose header was read last, has not all of its layers."""
    end = opened.fp.tell()
    for layers in range(1, opened.layers):
        length = 6 + 2 * layers
        if data[max(end - length - 2, 0) : end - length + 3] == bytes((0xFF, 0xDA, 0, length, layers)):
            return True
    return False


def _samples_per_pixel(layers: list[tuple[int, int, int, int]]) -> float:
    """Return the number of samples of all layers, of which some have fewer than one for each pixel."""
    horizontal, vertical = (max(layer[side] for layer in layers) for side in (1, 2))
    return float(sum(layer[1] * layer[2] for layer in layers)) / max(horizontal * vertical, 1)


def _block_bytes(opened: Any) -> float:
    """Return the bytes of a decoded strip or tile of a TIFF, for each pixel of the image."""
    from function.preprocess import tiff  # imported here: it loads Pillow's reader of TIFF files

    width, height = opened.size
    layout: tiff.Layout = opened.layout
    bits: int = opened.bits
    per_pixel = bits * (1 if layout.planar else layout.bands) / 8 + YCBCR_RASTER * (layout.photometric == tiff.YCBCR)
    rows: Any = opened.tag_v2.get(tiff.ROWS_PER_STRIP, height)
    pixels: int = width * min(rows, height) if isinstance(rows, int) else width * height
    for tile_width, tile_height in opened.coded_sizes_wh:
        pixels = tile_width * tile_height
    return float(per_pixel * pixels / (width * height))
