"""Images of the mixed soak test: small, medium, large and tiny ones in several formats, and broken files."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

UNSUPPORTED, TOO_LARGE = ("UnsupportedImage",), ("TooLarge",)
SMALL_BYTES = 64 * 1024  # a sample image of up to this size is a small image
LARGE_SIZE = (4000, 3000)  # pixels: a photo of 12 megapixels
BOMB_SIDE = 60_000  # pixels that a header states: 3.6 gigapixels in a file of 60 bytes
WEIGHTS = {"small": 70, "medium": 10, "large": 1, "tiny": 7, "broken": 12}  # how often each kind of image is sent


class KnownImage(NamedTuple):
    """Image that the test sends many times.

    Attributes:
        name: file name.
        kind: key of `WEIGHTS`.
        data: content of the file.
        content_type: type of the request that has it as its body.
        error: error types of which a response must have one; empty for an image that can be read.
    """

    name: str
    kind: str
    data: bytes
    content_type: str = "image/jpeg"
    error: tuple[str, ...] = ()


def make(samples: Path) -> list[KnownImage]:
    """Return all images.

    Args:
        samples: folder of JPEG files.
    """
    files = {path.name: path.read_bytes() for path in sorted(samples.glob("*.jpg"))}
    known = [_sample(name, data) for name, data in files.items()]
    smallest = min(files.values(), key=len)
    return [*known, *_formats(smallest), *_sizes(max(files.values(), key=len)), *_broken(smallest)]


def choose(images: Sequence[KnownImage], rng: random.Random, kinds: Sequence[str] = tuple(WEIGHTS)) -> KnownImage:
    """Return an image: a kind at random by its weight, then one of this kind."""
    (kind,) = rng.choices(kinds, [WEIGHTS[kind] for kind in kinds])
    return rng.choice([image for image in images if image.kind == kind])


def _sample(name: str, data: bytes) -> KnownImage:
    return KnownImage(name, "small" if len(data) <= SMALL_BYTES else "medium", data)


def _formats(jpeg: bytes) -> Iterator[KnownImage]:
    """Yield an image in other formats and color modes."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        for suffix, mode in (("png", "RGB"), ("webp", "RGB"), ("gif", "P"), ("tiff", "RGB"), ("png", "RGBA")):
            data = _encode(image.convert(mode), suffix)
            yield KnownImage(f"{mode.lower()}.{suffix}", "small", data, f"image/{suffix}")
        yield KnownImage("cmyk.jpg", "small", _encode(image.convert("CMYK"), "jpeg"))


def _sizes(jpeg: bytes) -> Iterator[KnownImage]:
    """Yield an image at 12 megapixels, and images of a few pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        yield KnownImage("large.jpg", "large", _encode(image.resize(LARGE_SIZE), "jpeg"))
        for size in ((1, 1), (3, 200), (40, 30)):
            name = f"tiny-{size[0]}x{size[1]}.png"
            yield KnownImage(name, "tiny", _encode(image.resize(size), "png"), "image/png")


def _broken(jpeg: bytes) -> Iterator[KnownImage]:
    """Yield files that are not images, are truncated, or state an impossible size."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        png, webp = _encode(image, "png"), _encode(image, "webp")
    yield KnownImage("text.jpg", "broken", b"<html>not an image</html>", error=UNSUPPORTED)
    yield KnownImage("header.jpg", "broken", jpeg[:200], error=UNSUPPORTED)
    yield KnownImage("second-half.jpg", "broken", jpeg[len(jpeg) // 2 :], error=UNSUPPORTED)
    yield KnownImage("truncated.png", "broken", png[: len(png) // 2], "image/png", UNSUPPORTED)
    yield KnownImage("truncated.webp", "broken", webp[: len(webp) // 2], "image/webp", UNSUPPORTED)
    yield KnownImage("bomb.png", "broken", _png_header(BOMB_SIDE, BOMB_SIDE), "image/png", TOO_LARGE)


def _png_header(width: int, height: int) -> bytes:
    """Return a PNG file with the header of a large image and without pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b""))
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _encode(image: object, suffix: str) -> bytes:
    from PIL import Image

    assert isinstance(image, Image.Image)
    output = io.BytesIO()
    image.save(output, suffix)
    return output.getvalue()
