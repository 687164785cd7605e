"""Options of a job of S3 Batch Operations, from the event through the handler to the result in S3."""

import base64
import json
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Context, encode, image_with_box
from tests.support.aws_events import READ
from tests.support.fake_s3 import FakeS3

DATA = encode(image_with_box((640, 640), (320, 320, 352, 352)))
INSIDE = [[300, 300], [400, 300], [400, 400], [300, 400]]
OUTSIDE = [[0, 0], [100, 0], [100, 100]]
TILE = {"size": 320, "overlap": 0, "full": False}
ARGUMENTS: dict[str, dict[str, Any]] = {  # S3 passes text only
    "input size": {"imgsz": "640"},
    "height and width": {"imgsz": "320,640"},
    "thresholds": {"imgsz": "640", "conf": '{"red": 0.5, "*": 0.9}'},
    "thresholds as text": {"imgsz": "640", "conf": "0.9,red:1"},
    "region": {"imgsz": "640", "region": json.dumps([OUTSIDE, INSIDE])},
    "region without the object": {"imgsz": "640", "region": json.dumps(OUTSIDE)},
    "normalized region": {"imgsz": "640", "region": "[[0.4,0.4],[0.6,0.4],[0.6,0.6]]", "normalized": "true"},
    "tiles": {"tile": "320", "merge": "nms"},
    "tiles and a region": {"tile": json.dumps(TILE), "region": json.dumps(INSIDE)},
    "tiles, input size, region and thresholds": {
        "tile": json.dumps(TILE),
        "imgsz": "640",
        "region": json.dumps([OUTSIDE, INSIDE]),
        "conf": "0.2,red:0.5",
        "classes": "red",
    },
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    fake.install(monkeypatch)
    fake.objects["photos", "in/wall.jpg"] = DATA
    return fake


def row(handler: ModuleType, arguments: Any) -> dict[str, str]:
    """Return the result of the task."""
    event = READ["s3 batch"] | {"job": {"id": "j1", "userArguments": arguments}}
    reply = handler.lambda_handler(event, Context())
    (result,) = reply["results"]
    return dict(result)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_result_is_that_of_a_direct_invocation_with_the_options(handler: ModuleType, bucket: FakeS3, name: str) -> None:
    assert row(handler, ARGUMENTS[name])["resultCode"] == "Succeeded"
    written = json.loads(bucket.objects["photos", "results/in/wall.jpg.json"])
    request = {"image_data": base64.b64encode(DATA).decode(), "image_name": "wall.jpg", **ARGUMENTS[name]}
    expected = json.loads(handler.lambda_handler(request, Context())["body"])
    assert written.pop("source")["key"] == "in/wall.jpg"
    for field in ("timing_ms", "request_id"):
        expected.pop(field, None)
    assert written == expected


@pytest.mark.parametrize(
    ("name", "count", "fields"),
    [
        ("input size", 1, {}),
        ("thresholds as text", 0, {}),
        ("region", 1, {"regions": [{"count": 0}, {"count": 1}]}),
        ("region without the object", 0, {"regions": [{"count": 0}]}),
        ("normalized region", 1, {"regions": [{"count": 1}]}),
        ("tiles and a region", 1, {"tiles": 4, "regions": [{"count": 1}]}),
        # A tile of 320 px at an input of 640 px doubles the object, which then fills four cells of the model.
        ("tiles, input size, region and thresholds", 4, {"tiles": 4, "regions": [{"count": 0}, {"count": 4}]}),
    ],
)
def test_options_change_the_result(
    handler: ModuleType, bucket: FakeS3, name: str, count: int, fields: dict[str, Any]
) -> None:
    noun = "object" if count == 1 else "objects"
    assert row(handler, ARGUMENTS[name])["resultString"].startswith(f"{count} {noun} found; ")
    written = json.loads(bucket.objects["photos", "results/in/wall.jpg.json"])
    assert {key: written[key] for key in ("detection_count", *fields)} == {"detection_count": count, **fields}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"imgsz": "a"}, "InvalidOption: imgsz must be an integer between 1 and 8192, or [height, width], got 'a'"),
        ({"conf": "green:0.5"}, "InvalidOption: unknown class 'green'; available: 0 red, 1 blue"),
        ({"region": "[[0,0],[1,1]]"}, "InvalidOption: a polygon of region must have at least 3 points, got 2"),
        ({"tile": "31"}, "InvalidOption: tile must be an integer between 32 and 65500, got 31"),
        ({"merge": "x"}, "InvalidOption: merge must be greedy_nmm or nms, got 'x'"),
    ],
)
def test_invalid_option_fails_the_task_and_says_what_is_allowed(
    handler: ModuleType, bucket: FakeS3, arguments: dict[str, str], expected: str
) -> None:
    result = row(handler, arguments)
    assert result["resultCode"] == "PermanentFailure"
    assert result["resultString"].startswith(expected)
