"""A picture's pixels as an array in Pillow's own memory; it knows no sizes and no arithmetic.

`np.asarray(picture)` packs and copies every pixel. Pillow lends its memory by the Arrow C data interface, four bytes to
a pixel, which is also the faster layout to pick pixels from.

Source: arrow.apache.org/docs/format/CDataInterface.html and CDataInterface/PyCapsuleInterface.html.
"""

import ctypes

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BYTES = 4  # of a pixel: red, green, blue, and one that means nothing


class _ArrowArray(ctypes.Structure):
    """`struct ArrowArray`: the beginning of it, which is all that is read."""


_ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.argtypes, _pointer.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an RGB picture.

    Args:
        picture: of mode RGB; not to be changed while the array is in use.

    Returns:
        (H, W, 4) uint8, read-only: red, green, blue, and a byte without meaning. It keeps what it looks at alive.
    """
    width, height = picture.size
    buffer = _lent(picture, width * height * BYTES) or picture.tobytes("raw", "RGBX")
    lent = np.frombuffer(buffer, dtype=np.uint8).reshape(height, width, BYTES)
    lent.flags.writeable = False
    return lent


def _lent(picture: Image.Image, size: int) -> "ctypes.Array[ctypes.c_uint8] | None":
    """Pillow's memory, or None where its rows do not lie in one piece: above PILLOW_BLOCK_SIZE they do not."""
    try:
        _, capsule = picture.__arrow_c_array__()
    except ValueError:
        return None
    array = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    child = array.children[0].contents  # a list of 4 bytes for each pixel; the bytes are its child
    if array.offset or child.offset or child.length != size:
        raise RuntimeError(f"Pillow lends {child.length} bytes from {child.offset} on for a picture of {size}")
    buffer = (ctypes.c_uint8 * size).from_address(child.buffers[1])
    buffer.capsule = capsule  # type: ignore[attr-defined]  # whose end gives the memory back
    return buffer
