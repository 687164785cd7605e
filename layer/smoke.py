"""Smoke test of the layer: use each feature of the packages that the function uses, once.

Run it with the layer's `python/` as the only packages. It is a standalone program that imports nothing of the project,
so that it runs in the tests, with each Python on the machine, and in the container build, on the image of the Lambda
runtime. At the end it prints the versions of the packages.
"""

import io
import struct
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFile, ImageFont, ImageOps
from python_multipart import MultipartParser

SIZE = (48, 40)  # pixels, width and height of the test images
FLOAT = 1  # onnx.proto: TensorProto.DataType
IR_VERSION, OPSET = 8, 17  # both of 2022; onnxruntime 1.31 reads much newer ones
LOSSLESS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "L", {}),
    ("PNG", "LA", {}),
    ("PNG", "P", {}),
    ("PNG", "1", {}),
    ("PNG", "I;16", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True, "exact": True}),
    ("BMP", "RGB", {}),
    ("BMP", "L", {}),
    ("GIF", "P", {}),
    ("PPM", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "CMYK", {}),
    ("TIFF", "I;16", {}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "RGB", {"compression": "packbits"}),
    ("TIFF", "RGB", {"compression": "zstd"}),
    ("TIFF", "RGB", {"compression": "lzma"}),
)
LOSSY: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("JPEG", "RGB", {"quality": 90}),
    ("JPEG", "RGB", {"quality": 90, "progressive": True}),
    ("JPEG", "L", {"quality": 90}),
    ("JPEG", "CMYK", {"quality": 90}),
    ("MPO", "RGB", {"quality": 90}),
    ("WEBP", "RGB", {"quality": 90}),
    ("AVIF", "RGB", {"quality": 90}),
    ("TIFF", "RGB", {"compression": "jpeg", "quality": 90}),
)


def make_image(mode: str) -> Image.Image:
    """Return a smooth image in a mode of Pillow."""
    x, y = np.meshgrid(np.linspace(0, 255, SIZE[0]), np.linspace(0, 255, SIZE[1]))
    if mode == "I;16":
        return Image.fromarray((x * 257).astype(np.uint16))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)).convert(mode)


def reread(image: Image.Image, name: str, options: Mapping[str, object]) -> Image.Image:
    """Write the image in a format and open it again with the reader of that format; an MPO is opened as a JPEG."""
    file = io.BytesIO()
    image.save(file, name, **options)
    opened = Image.open(io.BytesIO(file.getvalue()), formats=("JPEG" if name == "MPO" else name,))
    opened.load()
    return opened


def check_formats() -> None:
    """Check the reader and the writer of every format and compression that the function reads."""
    for name, mode, options in LOSSLESS:
        compared = "RGB" if mode == "P" else mode  # a writer may change the order of the colors of a palette
        before, after = make_image(mode).convert(compared), reread(make_image(mode), name, options).convert(compared)
        assert np.array_equal(np.asarray(before), np.asarray(after)), f"{name} {mode} {options}"
    for name, mode, options in LOSSY:
        original = np.asarray(make_image(mode), float)
        decoded = np.asarray(reread(make_image(mode), name, options), float)
        assert original.shape == decoded.shape, f"{name} {mode} {options}"
        assert np.abs(original - decoded).mean() < 6, f"{name} {mode} {options}"  # gray levels


def check_operations() -> None:
    """Check orientation, resizing, incremental reading, a truncated file, lines and labels."""
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: rotate by 90 degrees
    upright = ImageOps.exif_transpose(reread(make_image("RGB"), "JPEG", {"exif": exif}))
    assert upright.size == SIZE[::-1], upright.size
    small = make_image("RGB").transform((20, 20), Image.Transform.AFFINE, (2, 0, 0, 0, 2, 0), Image.Resampling.BILINEAR)
    assert small.size == make_image("RGB").resize((20, 20), Image.Resampling.BILINEAR).size
    file = io.BytesIO()
    make_image("RGB").save(file, "JPEG")
    parser = ImageFile.Parser()
    parser.feed(file.getvalue())
    assert parser.close().size == SIZE
    try:
        Image.open(io.BytesIO(file.getvalue()[:-200])).load()
    except OSError:
        pass
    else:
        raise AssertionError("a truncated JPEG was read")
    canvas = Image.new("RGB", SIZE)
    for font in (ImageFont.load_default(), ImageFont.load_default_imagefont()):
        ImageDraw.Draw(canvas).text((2, 2), "a 0.9", fill="white", font=font)
    ImageDraw.Draw(canvas).rectangle((0, 0, 30, 30), outline=(0, 255, 0), width=2)
    assert len(canvas.getcolors() or ()) >= 3
    schema, shared = make_image("RGB").__arrow_c_array__()  # the function reads pixels from Pillow's memory
    assert "arrow_schema" in repr(schema) and "arrow_array" in repr(shared), (schema, shared)


def check_form() -> None:
    """Check the parser of multipart forms."""
    contents: list[bytes] = []
    parser = MultipartParser(b"x", {"on_part_data": lambda data, start, end: contents.append(data[start:end])})
    parser.write(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n')
    assert contents == [b"1"], contents


def field(number: int, value: int | bytes | str) -> bytes:
    """Encode one field of a protocol buffer: a number of up to 7 bits, or bytes."""
    if isinstance(value, int):
        return bytes((number << 3, value))
    data = value.encode() if isinstance(value, str) else value
    assert len(data) < 1 << 14
    return bytes((number << 3 | 2, len(data) & 127 | 128, len(data) >> 7)) + data


def tensor_info(name: str, channels: int) -> bytes:
    """Encode an ONNX ValueInfoProto: float32 (1, channels, height, width), with dynamic height and width."""
    sides = (field(1, 1), field(1, channels), field(2, "height"), field(2, "width"))
    shape = b"".join(field(1, side) for side in sides)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def model() -> bytes:
    """Encode an ONNX model of two nodes, a 1x1 convolution of weights 1, 2, 3 and a sigmoid, with metadata."""
    weights = b"".join(field(1, side) for side in (1, 3, 1, 1)) + field(2, FLOAT) + field(8, "weights")
    weights += field(9, struct.pack("<3f", 1, 2, 3))
    nodes = field(1, field(1, "x") + field(1, "weights") + field(2, "z") + field(4, "Conv"))
    nodes += field(1, field(1, "z") + field(2, "y") + field(4, "Sigmoid"))
    graph = nodes + field(2, "graph") + field(5, weights)
    graph += field(11, tensor_info("x", 3)) + field(12, tensor_info("y", 1))
    metadata = field(14, field(1, "task") + field(2, "detect"))
    return field(1, IR_VERSION) + field(7, graph) + field(8, field(2, OPSET)) + metadata


def check_session() -> None:
    """Check a session of a model in memory, with the options that the function sets, at two input shapes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model(), options, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {"task": "detect"}
    for side in (4, 7):
        x = np.full((1, 3, side, side), 0.1, np.float32)
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
        assert y.shape == (1, 1, side, side)
        assert_close(y, 1 / (1 + np.exp(-0.6)))


def assert_close(values: NDArray[np.floating[Any]], expected: float) -> None:
    """Assert that all `values` are within 1e-6 of `expected`."""
    assert float(np.abs(values - expected).max()) < 1e-6


def check_arrays() -> None:
    """Check functions of different parts of numpy, including its BLAS."""
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert_close(a @ a.T - np.einsum("ik,jk->ij", a, a), 0)
    assert_close(np.linalg.inv(np.eye(3, dtype=np.float32) * 2) - np.eye(3, dtype=np.float32) / 2, 0)
    assert np.unique(a.astype(np.int64) % 3).tolist() == [0, 1, 2]
    assert np.median(a) == 5.5
    assert np.isin(a, [1, 2]).sum() == 2
    assert np.array2string(np.array([1.5])) == "[1.5]"


if __name__ == "__main__":
    for check in (check_formats, check_operations, check_session, check_arrays, check_form):
        check()
    sys.stdout.write(f"numpy {np.__version__}, onnxruntime {onnxruntime.__version__}, pillow {PIL.__version__}\n")
