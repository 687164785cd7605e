"""Zero-copy access to the pixels of a Pillow image as a NumPy array.

`np.asarray(image)` packs and copies every pixel. Pillow exports its memory through the Arrow C data interface with four
bytes per pixel; selecting pixels is also faster with four bytes than with three.

Source: arrow.apache.org/docs/format/CDataInterface.html and CDataInterface/PyCapsuleInterface.html.
"""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

BYTES = 4  # per pixel: red, green, blue, and one unused byte


class _ArrowArray(ctypes.Structure):
    """`struct ArrowArray`: its first fields; the others are not read."""


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


def decode_into_array(opened: ImageFile.ImageFile) -> None:
    """Let Pillow decode an image into a new array, which `as_array` returns.

    Pillow fills the memory of an image with zeros first, which takes a tenth of the time in which a JPEG is decoded.
    Nothing is done for a file without pixels, which Pillow refuses only if the image has no memory yet.

    Args:
        opened: mode RGB, not loaded yet; its decoder must write every pixel or fail, as that of JPEG does.
    """
    if not opened.tile:
        return
    width, height = opened.size
    decoded = np.empty((height, width, BYTES), dtype=np.uint8)
    # As Pillow maps the pixels of an uncompressed file: "raw" data from offset 0, bytes per row, first row on top.
    core: Any = Image.core  # type: ignore[attr-defined]  # the module in C, of which the type stubs know little
    opened.im = core.map_buffer(decoded, opened.size, "raw", 0, ("RGB", width * BYTES, 1))
    opened.decoded_into = (opened.im, decoded)  # type: ignore[attr-defined]


def as_array(image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of an image.

    Args:
        image: mode RGB, or L for a model of one channel; must not be changed while the array is in use. Bands of more
            channels are an array already.

    Returns:
        (H, W, 4) uint8, read-only: red, green, blue, and an unused byte. The array keeps the memory of the image alive.
        (H, W, 1) for mode L; the argument itself if it is an array.
    """
    if isinstance(image, np.ndarray):
        return image
    if image.mode == "L":
        return np.asarray(image)[..., None]
    width, height = image.size
    core, decoded = getattr(image, "decoded_into", (None, None))
    if decoded is not None and core is image.im:
        pixels: NDArray[np.uint8] = decoded.view()
    else:
        buffer = _shared_memory(image, width * height * BYTES) or image.tobytes("raw", "RGBX")
        pixels = np.frombuffer(buffer, dtype=np.uint8).reshape(height, width, BYTES)
    pixels.flags.writeable = False
    return pixels


def _shared_memory(image: Image.Image, size: int) -> "ctypes.Array[ctypes.c_uint8] | None":
    """Return Pillow's memory, or None if its rows are not contiguous, as in images above PILLOW_BLOCK_SIZE."""
    try:
        _, capsule = image.__arrow_c_array__()
    except ValueError:
        return None
    array = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    child = array.children[0].contents  # a list of 4 bytes for each pixel; the child holds the bytes
    if array.offset or child.offset or child.length != size:
        raise RuntimeError(f"Pillow must export {size} bytes from offset 0, got {child.length} from {child.offset}")
    buffer = (ctypes.c_uint8 * size).from_address(child.buffers[1])
    buffer.capsule = capsule  # type: ignore[attr-defined]  # its destructor releases the memory
    return buffer
