"""Annotated images in responses: as a field, as the response, and small enough for the front end."""

import base64
import io
import json
from time import monotonic
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function.api import annotated
from function.errors import DeadlineExceeded, TooLarge
from function.model import Model
from function.service import Service
from function.settings import Settings
from function.sources import http
from tests.conftest import encode, image_with_box

JPEG, PNG = "image/jpeg", "image/png"
NOTHING: dict[str, Any] = {"detections": []}
LAMBDA_BYTES = 6 * 1024 * 1024


def noise(width: int, height: int) -> bytes:
    """A JPEG with as many bytes as possible."""
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return encode(Image.fromarray(pixels), "JPEG", quality=95)


def service(served: Model, **environ: str) -> Service:
    return Service(served, Settings.from_env(environ), "id-1")


def request(body: bytes, accept: str = "*/*", query: str = "", kind: str = JPEG, **fields: Any) -> dict[str, Any]:
    """An event of a Function URL."""
    return {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"domainName": "a.lambda-url.eu-west-1.on.aws", "http": {"method": "POST", "path": "/"}},
        "headers": {"content-type": kind, "accept": accept},
        "queryStringParameters": dict(pair.split("=") for pair in query.split("&") if pair),
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        **fields,
    }


def json_request(fields: dict[str, Any], accept: str = "*/*") -> dict[str, Any]:
    return request(json.dumps(fields).encode(), accept, kind="application/json")


def opened(field: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(field["data"])))


def body_of(reply: dict[str, Any]) -> Any:
    return json.loads(reply["body"])


def test_annotate_adds_the_image_to_the_json(served: Model, red_png: bytes) -> None:
    reply = http.respond(request(red_png, query="annotate=1"), service(served))
    body = body_of(reply)
    field = body["annotated_image"]
    assert (field["content_type"], field["width"], field["height"]) == (JPEG, 320, 320)
    assert set(field) == {"content_type", "width", "height", "data"}
    assert (opened(field).format, opened(field).size) == ("JPEG", (320, 320))
    assert body["detection_count"] == 1
    assert "ignored" not in body


def test_result_is_drawn_on_the_image(served: Model, red_png: bytes) -> None:
    field = body_of(http.respond(request(red_png, query="annotate=1"), service(served)))["annotated_image"]
    box = body_of(http.respond(request(red_png), service(served)))["detections"][0]["box_2d"]
    pixel = opened(field).getpixel((round(box["x_min"]) - 1 + 2, round(box["y_min"]) - 4))  # of the label
    assert pixel == pytest.approx((0xE6, 0x19, 0x4B), abs=40)


@pytest.mark.parametrize("query", ["", "annotate=0", "annotate=false"])
def test_response_has_no_image_unless_it_is_requested(query: str, served: Model, red_png: bytes) -> None:
    assert "annotated_image" not in body_of(http.respond(request(red_png, query=query), service(served, ANNOTATE="1")))


@pytest.mark.parametrize("accept", [JPEG, PNG])
def test_image_is_the_response_if_the_caller_accepts_it(accept: str, served: Model, red_png: bytes) -> None:
    reply = http.respond(request(red_png, accept), service(served))
    assert (reply["statusCode"], reply["headers"]["Content-Type"], reply["isBase64Encoded"]) == (200, accept, True)
    assert annotated.HEADER not in reply["headers"]
    assert Image.open(io.BytesIO(base64.b64decode(reply["body"]))).size == (320, 320)


def test_image_of_a_json_request_and_of_a_form_is_the_response(served: Model, red_png: bytes) -> None:
    data = base64.b64encode(red_png).decode()
    form = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n' + red_png + b"\r\n--b--\r\n"
    events = (json_request({"image_data": data}, JPEG), request(form, JPEG, kind="multipart/form-data; boundary=b"))
    for event in events:
        assert http.respond(event, service(served))["headers"]["Content-Type"] == JPEG


def test_error_stays_json(served: Model) -> None:
    reply = http.respond(request(b"\xff\xd8\xff not an image", JPEG), service(served))
    assert (reply["statusCode"], body_of(reply)["type"]) == (415, "UnsupportedImage")
    assert reply["headers"]["Content-Type"] == "application/json"


def test_list_of_images_is_not_acceptable_as_an_image(served: Model, red_png: bytes) -> None:
    data = base64.b64encode(red_png).decode()
    under_test = service(served)
    reply = http.respond(json_request({"images": [{"image_data": data}]}, JPEG), under_test)
    assert (reply["statusCode"], body_of(reply)["type"]) == (406, "NotAcceptable")
    assert [type(result).__name__ for result in under_test.results] == ["NotAcceptable"]  # nothing was predicted


def test_images_of_a_list_are_annotated_one_by_one(served: Model, red_png: bytes) -> None:
    data = base64.b64encode(red_png).decode()
    fields = {"images": [{"image_data": data}, {"image_data": data, "annotate": False}, {}], "annotate": True}
    rows = body_of(http.respond(json_request(fields), service(served)))["results"]
    assert ["annotated_image" in row for row in rows] == [True, False, False]
    assert rows[2]["type"] == "BadRequest"


def test_results_of_the_metrics_do_not_keep_the_file(served: Model, red_png: bytes) -> None:
    under_test = service(served)
    http.respond(request(red_png, query="annotate=1"), under_test)
    (result,) = under_test.results
    assert result.source is None  # type: ignore[union-attr]


def made(served: Model, data: bytes, max_bytes: int, content_type: str = JPEG) -> annotated.AnnotatedImage:
    return annotated.make(data, NOTHING, service(served), content_type, max_bytes)


def test_quality_is_lowered_before_the_size(served: Model) -> None:
    data = noise(400, 300)
    full = made(served, data, 10**9)
    lower = made(served, data, len(full.data) - 1)
    small = made(served, data, len(full.data) // 6)
    assert (full.reduced, lower.reduced, lower.size_wh) == ({}, {"quality": 75}, (400, 300))
    assert small.reduced["quality"] == 60
    assert small.size_wh == (round(400 * small.reduced["scale"]), round(300 * small.reduced["scale"]))


@pytest.mark.parametrize("content_type", [JPEG, PNG])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_image_fits_and_uses_at_least_half_of_the_room(content_type: str, share: float, served: Model) -> None:
    data = noise(500, 400)
    room = int(share * len(made(served, data, 10**9, content_type).data))
    assert 0.5 * room <= len(made(served, data, room, content_type).data) <= room


@pytest.mark.parametrize("room", [0, -5000, 10])
def test_response_without_room_for_an_image_is_an_error(room: int, served: Model, red_png: bytes) -> None:
    with pytest.raises(TooLarge, match="must have room"):
        made(served, red_png, room)


def test_reduced_image_is_stated_in_the_field_and_in_the_header(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    event = request(noise(800, 600), query="annotate=1")
    monkeypatch.setattr(http.response, "MAX_BODY_BYTES", 100_000)
    body = body_of(http.respond(event, service(served)))
    assert {"quality", "scale"} == set(body["annotated_image"]["reduced"])
    assert opened(body["annotated_image"]).size == (body["annotated_image"]["width"], body["annotated_image"]["height"])
    assert body["image_dimensions"] == {"width": 800, "height": 600}
    header = http.respond(event | {"headers": {"content-type": JPEG, "accept": JPEG}}, service(served))["headers"]
    assert header[annotated.HEADER].startswith("quality=60; scale=0.")


FRONT_ENDS = {
    "Function URL": ({}, LAMBDA_BYTES),
    "load balancer": (
        {"version": None, "httpMethod": "POST", "path": "/", "requestContext": {"elb": {}}, "rawPath": None},
        1024 * 1024,
    ),
}


@pytest.mark.parametrize("accept", [JPEG, PNG, "*/*"])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_response_is_within_the_limit_of_the_front_end(name: str, accept: str, served: Model) -> None:
    """The image has 6 megapixels of noise, which are 8 MB as a JPEG and 19 MB as a PNG."""
    fields, limit = FRONT_ENDS[name]
    data = noise(3000, 2000)
    reply = http.respond(request(data, accept, "annotate=1", **fields), service(served))
    assert reply["statusCode"] == 200
    assert 0.5 * limit < len(json.dumps(reply)) < limit


def test_images_of_a_list_share_the_room(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.response, "MAX_BODY_BYTES", 200_000)
    data = base64.b64encode(noise(400, 300)).decode()
    reply = http.respond(json_request({"images": [{"image_data": data}] * 4, "annotate": True}), service(served))
    sizes = [len(row["annotated_image"]["data"]) for row in body_of(reply)["results"]]
    assert len(reply["body"]) <= 200_000
    assert min(sizes) > 20_000


def test_image_that_is_not_drawn_before_the_deadline_is_an_error(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("function.draw.draw", endless)
    under_test = Service(served, Settings.from_env({}), "id-1", lambda: 1500)
    with pytest.raises(DeadlineExceeded):
        annotated.make(red_png, NOTHING, under_test, JPEG, 10**6)


def test_drawing_is_stopped_too_if_much_time_is_left(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        ends = monotonic() + 5
        while monotonic() < ends:
            pass

    monkeypatch.setattr("function.draw.draw", slow)
    monkeypatch.setattr("function.service.WATCHED_S", 0)
    monkeypatch.setattr("function.service.WATCHED_RUNS", 0)
    monkeypatch.setattr(Service, "slowest_s", 0.001)
    under_test = Service(served, Settings.from_env({}), "id-1", lambda: 1500)
    with pytest.raises(DeadlineExceeded):
        annotated.make(red_png, NOTHING, under_test, JPEG, 10**6)


def failing(*_: object) -> None:
    raise DeadlineExceeded("no time")


def test_results_stay_if_the_image_cannot_be_drawn(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("function.draw.draw", failing)
    under_test = service(served)
    reply = http.respond(request(red_png, query="annotate=1"), under_test)
    body = body_of(reply)
    assert (reply["statusCode"], body["detection_count"]) == (200, 1)
    assert body["annotated_image"] == {"error": "no time", "type": "DeadlineExceeded"}
    assert [type(result).__name__ for result in under_test.results] == ["Prediction", "DeadlineExceeded"]


def test_image_that_is_the_response_and_cannot_be_drawn_is_an_error(
    served: Model, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("function.draw.draw", failing)
    reply = http.respond(request(red_png, JPEG), service(served))
    assert (reply["statusCode"], body_of(reply)["type"]) == (503, "DeadlineExceeded")


def with_metadata() -> dict[str, bytes]:
    """Files with data that Pillow would write again, or that are too long to be written."""
    drawn = image_with_box((320, 320))
    gif = encode(drawn, "GIF", comment=b"a place and a date " * 4000)
    png = encode(drawn, icc_profile=b"a place and a date", transparency=(0, 0, 0))
    jpeg = encode(drawn, "JPEG", comment=b"a place and a date", icc_profile=b"a place and a date")
    return {"gif": gif, "png": png, "jpeg": jpeg}


@pytest.mark.parametrize("accept", [JPEG, PNG])
@pytest.mark.parametrize("name", ["gif", "png", "jpeg"])
def test_annotated_image_has_no_metadata_of_the_file(name: str, accept: str, served: Model) -> None:
    reply = http.respond(request(with_metadata()[name], accept), service(served))
    assert (reply["statusCode"], reply["headers"]["Content-Type"]) == (200, accept)
    data = base64.b64decode(reply["body"])
    assert b"a place and a date" not in data
    assert not {"comment", "icc_profile", "transparency", "exif"} & set(Image.open(io.BytesIO(data)).info)


def test_image_that_the_memory_has_no_room_for_is_an_error(served: Model) -> None:
    large = encode(image_with_box((2500, 2000)))
    with pytest.raises(TooLarge, match="must need at most"):
        annotated.make(large, NOTHING, service(served, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1"), PNG, 10**6)


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (1, 3000)])
def test_image_of_any_size_is_annotated(size: tuple[int, int], served: Model) -> None:
    assert made(served, encode(image_with_box(size)), 10**6).size_wh == size


def test_orientation_is_applied(served: Model) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(image_with_box((320, 160)), "JPEG", exif=exif)
    result = made(served, data, 10**6)
    assert result.size_wh == (160, 320)
    assert not Image.open(io.BytesIO(result.data)).getexif()  # nor a place
