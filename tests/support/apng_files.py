"""Animated PNG files, written chunk by chunk: Pillow writes few of their forms."""

import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> color type, PNG specification section 11.2.2
SOURCE, OVER = 0, 1  # blend operations of APNG


class Frame(NamedTuple):
    """A frame of an animation."""

    pixels: NDArray[np.uint8]
    x: int = 0
    y: int = 0
    dispose: int = 0
    blend: int = SOURCE


def apng(frames: list[Frame], default: NDArray[np.uint8] | None = None) -> bytes:
    """Return an animation of (H, W, channels) frames.

    Args:
        frames: the first one has the size of the image if there is no `default`.
        default: an image that is not a part of the animation; None: the first frame is the default image.
    """
    height, width, channels = (frames[0].pixels if default is None else default).shape
    out = b"\x89PNG\r\n\x1a\n"
    out += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0))
    out += chunk(b"acTL", struct.pack(">II", len(frames), 0))
    out += chunk(b"IDAT", _rows(default)) if default is not None else b""
    number = 0
    for index, frame in enumerate(frames):
        size = (frame.pixels.shape[1], frame.pixels.shape[0])
        control = struct.pack(">IIIIIHHBB", number, *size, frame.x, frame.y, 1, 10, frame.dispose, frame.blend)
        number += 1
        out += chunk(b"fcTL", control)
        if index == 0 and default is None:
            out += chunk(b"IDAT", _rows(frame.pixels))
        else:
            out += chunk(b"fdAT", struct.pack(">I", number) + _rows(frame.pixels))
            number += 1
    return out + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _rows(pixels: NDArray[Any]) -> bytes:
    return zlib.compress(b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in pixels))
