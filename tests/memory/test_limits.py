"""The worst legal request of each kind gets a response within the memory of the function, whose process goes on."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from function.preprocess import memory_limit
from function.settings import MAX_TENSOR_ELEMENTS
from tests.memory import images
from tests.memory.processes import MB, MIB, ROOT, Measured, run
from tests.memory.server import serving
from tests.support import color_model, tensor_models

EXAMPLES_MB = 1024
YOLOV8N_MB = 512  # docs/performance.md, "Memory"
BODY = 4 * MB  # of an HTTP request without base64, 6 MB with it
DOCUMENTED = {200, 400, 413, 422}  # status
SIDE = 2500  # px: large enough that a measured byte per pixel is not the interpreter's
AT_MOST = {  # bytes per pixel from the memory before an event to its peak; docs/performance.md
    "JPEG": 8, "JPEG, upright": 4, "JPEG, progressive": 10, "JPEG, CMYK": 8, "JPEG, CMYK, progressive": 12,
    "JPEG, gray": 8, "PNG": 4, "PNG, alpha, rotated": 8, "PNG, alpha, 16 bits, interlaced": 8, "PNG, gray, 16 bits": 6,
    "PNG, gray and alpha": 8,
    "PNG, palette": 5, "PNG, 1 bit": 5, "WebP": 12, "WebP, alpha": 12, "WebP, lossless": 12, "AVIF": 9,
    "AVIF, alpha, 4:4:4": 14, "BMP, palette": 6, "GIF": 5, "GIF, transparent": 5, "TIFF": 7,
    "TIFF, alpha, rotated": 8, "TIFF, alpha, 16 bits": 12, "TIFF, planar": 6, "TIFF, CMYK": 8,
    "TIFF, CMYK, 16 bits": 12, "TIFF, gray, 16 bits": 8, "TIFF, gray, inverted": 5, "TIFF, LZW": 4, "TIFF, JPEG": 4,
    "TIFF, 1 bit": 5,
}  # fmt: skip
TOLERANCE = 18 * MB  # the model, the encoded image, bands of rows; less than a copy of SIDE x SIDE x 4 bytes

Models = Callable[[str], Path]


def http_event(body: bytes, content_type: str, coding: str = "", query: str = "") -> dict[str, Any]:
    headers = {"content-type": content_type} | ({"content-encoding": coding} if coding else {})
    return {
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "rawPath": "/",
        "headers": headers,
        "queryStringParameters": dict(pair.split("=") for pair in query.split("&") if pair),
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def image_event(data: bytes, **options: Any) -> dict[str, Any]:
    return {"image_data": base64.b64encode(data).decode(), **options}


def form(parts: list[tuple[str, bytes]]) -> bytes:
    """Return a form of fields, each with a file name if its name is `image`."""
    lines = []
    for name, content in parts:
        file = '; filename="a.png"' if name == "image" else ""
        lines += [f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode(), content, b"\r\n"]
    return b"".join((*lines, b"--x--\r\n"))


def largest_png() -> bytes:
    return images.KINDS["PNG"](images.LARGEST)


def sixteen_images() -> Any:
    return {"images": [image_event(largest_png(), conf=0, max_det=3000)] * 16}


def form_of_sixteen_files() -> Any:
    return http_event(form([("image", largest_png())] * 16), "multipart/form-data; boundary=x", query="conf=0")


def large_form_of_text() -> Any:
    content = "😀".encode() + b"a" * (30 * MB)  # every character needs four bytes as text
    packed = gzip.compress(form([("conf", content), ("image", b"x")]))
    return http_event(packed, "multipart/form-data; boundary=x", "gzip")


def large_form_of_text_above_the_limit() -> Any:
    packed = gzip.compress(form([("conf", "😀".encode() + b"a" * (99 * MB))]))
    return http_event(packed, "multipart/form-data; boundary=x", "gzip")


def small_objects(unit: bytes, size: int) -> bytes:
    return b'{"images": [' + unit * (size // len(unit)) + b"0]}"


def objects_of_json() -> Any:
    return http_event(small_objects(b'{"a":1},', BODY), "application/json")


def compressed_objects_of_json() -> Any:
    return http_event(gzip.compress(small_objects(b'{"a":1},', 10 * MB)), "application/json", "gzip")


def compressed_objects_of_json_above_the_limit() -> Any:
    return http_event(gzip.compress(small_objects(b'{"a":1},', 33 * MB)), "application/json", "gzip")


def decompressed_image() -> Any:
    return http_event(gzip.compress(images.KINDS["JPEG"](64) + bytes(99 * MB)), "image/jpeg", "gzip")


def most_detections() -> Any:
    return image_event(largest_png(), conf=0, max_det=3000)


def most_masks() -> Any:
    return image_event(largest_png(), conf=0, max_det=3000, masks="rle")


REQUESTS = (
    sixteen_images, form_of_sixteen_files, large_form_of_text, large_form_of_text_above_the_limit, objects_of_json,
    compressed_objects_of_json, compressed_objects_of_json_above_the_limit, decompressed_image, most_detections,
)  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, in_export_environment: Callable[[str], str]) -> Models:
    """Return a function that exports the weights of a name, relative to the repository, once."""
    folder = tmp_path_factory.mktemp("models")

    def export(weights: str) -> Path:
        model = folder / f"{Path(weights).stem}.onnx"
        if not model.exists():
            in_export_environment(
                f"import sys; from export.cli import main; sys.exit(main(['{ROOT / weights}', '--output', '{model}']))"
            )
        return model

    return export


@pytest.fixture(scope="session")
def yolov8n(models: Models) -> Path:
    from benchmarks.models import yolov8n

    return models(str(yolov8n().weights))


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_model.save(tmp_path_factory.mktemp("model") / "colors.onnx")


def respond(folder: Path, model: Path, event: Any, limit_mb: int, port: int = 0, **environ: str) -> Measured:
    """Return the response to an event, which is a documented one."""
    (measured,) = run(folder, model, [event], limit_mb, port, **environ)
    assert measured.status in DOCUMENTED
    assert "InternalError" not in measured.types
    assert measured.peak < limit_mb * MIB
    return measured


def test_documented_bytes_per_pixel_are_not_exceeded(colors: Path, tmp_path: Path) -> None:
    kinds = list(images.KINDS)
    measured = run(tmp_path, colors, [image_event(images.KINDS[kind](SIDE)) for kind in kinds])
    assert {response.status for response in measured} == {200}
    excess = {k: r.growth - AT_MOST[k] * SIDE**2 - TOLERANCE for k, r in zip(kinds, measured, strict=True)}
    assert {kind: size for kind, size in excess.items() if size > 0} == {}


REFUSED = ["JPEG", "JPEG, CMYK, progressive", "WebP", "AVIF, alpha, 4:4:4", "TIFF, CMYK, 16 bits"]


@pytest.mark.parametrize("kind", REFUSED)
def test_image_that_does_not_fit_is_refused_before_it_is_decoded(kind: str, colors: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS[kind](SIDE))
    (measured,) = run(tmp_path, colors, [event], AWS_LAMBDA_FUNCTION_MEMORY_SIZE="130")
    assert (measured.status, measured.types) == (413, ["TooLarge"])
    assert measured.growth < 4 * SIDE**2
    assert "130 MB of the function" in measured.errors[0]


def test_request_that_needs_more_than_the_limit_ends_the_process(colors: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS["WebP"](SIDE))
    with pytest.raises(AssertionError):  # otherwise the other tests of this module would limit nothing
        respond(tmp_path, colors, event, 128, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1024")


@pytest.mark.parametrize("request_", [objects_of_json, large_form_of_text, compressed_objects_of_json])
def test_large_body_fits_into_the_least_memory(request_: Callable[[], Any], colors: Path, tmp_path: Path) -> None:
    assert respond(tmp_path, colors, request_(), YOLOV8N_MB).status in (400, 413, 422)


@pytest.mark.long
@pytest.mark.torch
@pytest.mark.parametrize("kind", images.KINDS)
def test_largest_image_fits_into_the_memory_of_the_examples(kind: str, models: Models, tmp_path: Path) -> None:
    side = 7000 if kind == "AVIF, alpha, 4:4:4" else images.LARGEST  # with 12 bits, more would not fit
    event = image_event(images.KINDS[kind](side), conf=0)
    assert respond(tmp_path, models("example/best.pt"), event, EXAMPLES_MB).status == 200


@pytest.mark.long
@pytest.mark.torch
@pytest.mark.parametrize("kind", images.KINDS)
def test_largest_image_fits_into_the_least_memory_or_is_refused(kind: str, yolov8n: Path, tmp_path: Path) -> None:
    event = image_event(images.KINDS[kind](images.LARGEST), conf=0)
    assert respond(tmp_path, yolov8n, event, YOLOV8N_MB).status in (200, 413)


@pytest.mark.long
@pytest.mark.torch
@pytest.mark.parametrize("request_", REQUESTS)
def test_request_fits_into_the_memory_of_the_examples(
    request_: Callable[[], Any], models: Models, tmp_path: Path
) -> None:
    respond(tmp_path, models("example/best.pt"), request_(), EXAMPLES_MB)


@pytest.mark.long
@pytest.mark.torch
@pytest.mark.parametrize("request_", REQUESTS)
def test_request_fits_into_the_least_memory(request_: Callable[[], Any], yolov8n: Path, tmp_path: Path) -> None:
    respond(tmp_path, yolov8n, request_(), YOLOV8N_MB)


@pytest.mark.long
@pytest.mark.torch
@pytest.mark.parametrize("task", ["segment", "pose", "obb", "classify"])
@pytest.mark.parametrize("request_", [most_masks, sixteen_images])
def test_request_to_every_task_fits_into_the_memory_of_the_examples(
    request_: Callable[[], Any], task: str, models: Models, tmp_path: Path
) -> None:
    respond(tmp_path, models(f"example/tasks/{task}.pt"), request_(), EXAMPLES_MB)


@pytest.mark.long
@pytest.mark.parametrize("limit_mb", [EXAMPLES_MB, YOLOV8N_MB])
@pytest.mark.parametrize("reference", [{"s3": "s3://images/a.jpg"}, {"url": "https://a.example/a.jpg"}])
@pytest.mark.parametrize("kind", ["JPEG, CMYK, progressive", "BMP, palette"])
def test_object_of_the_largest_size_fits(
    kind: str, reference: dict[str, str], limit_mb: int, colors: Path, tmp_path: Path
) -> None:
    data = images.KINDS[kind](images.LARGEST)
    with serving(data + bytes(100 * MIB - len(data))) as server:
        respond(tmp_path, colors, reference, limit_mb, server.port, **server.variables)


@pytest.mark.long
@pytest.mark.parametrize("limit_mb", [EXAMPLES_MB, YOLOV8N_MB])
def test_annotated_object_of_the_largest_size_fits(limit_mb: int, colors: Path, tmp_path: Path) -> None:
    data = images.KINDS["JPEG, CMYK, progressive" if limit_mb == EXAMPLES_MB else "PNG"](images.LARGEST)
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "images"}, "object": {"key": "a.jpg", "size": 1, "eTag": "1", "sequencer": "1"}},
    }
    with serving(data + bytes(50 * MIB if data.startswith(b"\xff") else 0)) as server:
        variables = server.variables | {"ANNOTATE": "1", "CONF_THRESHOLD": "0"}
        run(tmp_path, colors, [{"Records": [record]}], limit_mb, 0, **variables)
    assert len(server.written) == 2


@pytest.mark.long
@pytest.mark.parametrize("limit_mb", [EXAMPLES_MB, YOLOV8N_MB])
@pytest.mark.parametrize("kind", ["JPEG, upright", "PNG", "JPEG, CMYK, progressive", "WebP, alpha"])
def test_annotated_image_of_the_largest_size_fits_or_is_refused(
    kind: str, limit_mb: int, colors: Path, tmp_path: Path
) -> None:
    event = image_event(images.KINDS[kind](images.LARGEST), annotate=True, conf=0)
    assert respond(tmp_path, colors, event, limit_mb).status in ((200,) if limit_mb == EXAMPLES_MB else (200, 413))


@pytest.mark.parametrize("limit_mb", [YOLOV8N_MB])
def test_most_values_of_a_tensor_fit(limit_mb: int, tmp_path: Path) -> None:
    rows = MAX_TENSOR_ELEMENTS // 2 // 3 * 3
    node = onnx.helper.make_node("Expand", ["a", "shape"], ["b"])
    shape = onnx.helper.make_node("Constant", [], ["shape"], value_ints=[2, 1])
    float_ = onnx.TensorProto.FLOAT
    model = tensor_models.save(
        tmp_path / "tensors.onnx", [shape, node], [("a", float_, [1, "n"])], [("b", float_, [2, "n"])]
    )
    values = np.full(rows, 1.5).tolist()
    tensor = {"name": "a", "shape": [1, rows], "datatype": "FP32", "data": values}
    event = http_event(json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode(), "application/json")
    assert respond(tmp_path, model, event, limit_mb).types == ["TooLarge"]


def test_reserve_is_more_than_an_image_that_is_not_checked_needs() -> None:
    from function.preprocess.image import CHECKED_PIXELS

    assert CHECKED_PIXELS * memory_limit.AVIF_ALPHA < memory_limit.RESERVE
