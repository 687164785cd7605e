"""A refused image leaves nothing in memory: neither in the same request nor in the same environment."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.memory import images
from tests.memory.processes import MB, Measured, run
from tests.memory.server import serving
from tests.support import color_model, fixed_output_model

SIDE = 1500  # px: 9 MB of pixels, so that 20 images exceed the tolerance several times
COUNT = 20
TOLERANCE = 48 * MB  # the allocator keeps some memory, and 20 rows are larger than one
CUT = [kind for kind in images.KINDS if not kind.startswith(("GIF", "BMP"))]  # Pillow reads those to their last byte
FAST = ("JPEG, CMYK, progressive", "PNG, alpha, rotated", "TIFF, CMYK", "AVIF, alpha, 4:4:4")
METADATA = color_model.METADATA | {"imgsz": "[64, 64]"}


def cut(data: bytes) -> bytes:
    return data[: len(data) * 9 // 10]


def image_event(data: bytes, **options: Any) -> dict[str, Any]:
    return {"image_data": base64.b64encode(data).decode(), **options}


def assert_released(
    folder: Path, model: Path, event: dict[str, Any], expected: str, port: int = 0, **environ: str
) -> None:
    """Refuse the image alone, 20 times in one request, and 20 times in a row."""
    events = [event, {"images": [event] * COUNT}, *[event] * COUNT]
    first, together, *in_a_row = run(folder, model, events, None, port, MAX_IMAGES=str(COUNT), **environ)
    measured: list[Measured] = [first, together, *in_a_row]
    assert [name for response in measured for name in response.types] == [expected] * (1 + 2 * COUNT)
    assert together.growth < first.growth + TOLERANCE
    assert in_a_row[-1].peak < first.peak + TOLERANCE
    assert in_a_row[-1].after < first.after + TOLERANCE


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_model.save(tmp_path_factory.mktemp("model") / "colors.onnx")


def test_image_that_is_no_image_any_more_is_released(colors: Path, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(3 * MB)  # no compression: the data themselves are large
    assert_released(tmp_path, colors, image_event(data), "UnsupportedImage")


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k in FAST else pytest.mark.long) for k in CUT])
def test_image_cut_short_is_released(kind: str, colors: Path, tmp_path: Path) -> None:
    assert_released(tmp_path, colors, image_event(cut(images.KINDS[kind](SIDE))), "UnsupportedImage")


@pytest.mark.parametrize("kind", ["JPEG", pytest.param("WebP", marks=pytest.mark.long)])
def test_image_of_too_many_pixels_is_released(kind: str, colors: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS[kind](SIDE))
    assert_released(tmp_path, colors, event, "TooLarge", MAX_IMAGE_PIXELS="1000000")


@pytest.mark.parametrize("kind", ["PNG, palette", pytest.param("TIFF, gray, 16 bits", marks=pytest.mark.long)])
def test_image_that_does_not_fit_into_the_memory_is_released(kind: str, colors: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS[kind](2 * SIDE))
    assert_released(tmp_path, colors, event, "TooLarge", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="128")


def test_image_with_an_unknown_class_is_released(colors: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS["PNG"](SIDE), classes=["green"])
    assert_released(tmp_path, colors, event, "InvalidOption")


def test_image_with_nan_in_its_output_is_released(tmp_path: Path) -> None:
    output = np.full((1, 6, 84), np.nan, dtype=np.float32)
    output[:, 4:] = 0.9
    model = fixed_output_model.save(tmp_path / "nan.onnx", [output], METADATA)
    assert_released(tmp_path, model, image_event(images.KINDS["PNG"](SIDE)), "InternalError")


@pytest.mark.long
@pytest.mark.parametrize("reference", [{"s3": "s3://images/a.png"}, {"url": "https://a.example/a.png"}])
def test_image_of_another_machine_that_is_cut_short_is_released(
    reference: dict[str, str], colors: Path, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)).save(buffer, "PNG")
    data = cut(buffer.getvalue())
    assert len(data) > 3 * MB
    with serving(data) as server:
        assert_released(tmp_path, colors, reference, "UnsupportedImage", server.port, **server.variables)


@pytest.mark.parametrize(
    ("reference", "error"),
    [({"s3": "s3://images/a.png"}, "Forbidden"), ({"url": "https://a.example/a"}, "UrlFetchFailed")],
)
def test_large_body_of_an_error_of_another_machine_is_released(
    reference: dict[str, str], error: str, colors: Path, tmp_path: Path
) -> None:
    with serving(bytes(1 * MB), status=403) as server:
        assert_released(tmp_path, colors, reference, error, server.port, **server.variables)


def test_response_that_is_too_large_is_released(tmp_path: Path) -> None:
    boxes = np.zeros((1, 6, 3000), dtype=np.float32)
    boxes[0, :2], boxes[0, 2:4], boxes[0, 4] = np.indices((50, 60)).reshape(2, -1), 0.5, 0.9
    model = fixed_output_model.save(tmp_path / "boxes.onnx", [boxes], METADATA)
    event = {"images": [image_event(images.KINDS["PNG"](64), max_det=3000)] * 12}
    first, *others = run(tmp_path, model, [event] * 4)
    assert {name for response in (first, *others) for name in response.types} == {"TooLarge"}
    assert others[-1].peak < first.peak + TOLERANCE
    assert others[-1].after < first.after + TOLERANCE
