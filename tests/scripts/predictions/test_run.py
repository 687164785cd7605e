"""One invocation for each image, and errors in one line."""

import base64
import json
from pathlib import Path
from typing import Any, cast

import pytest

from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.invocation import Invocation
from scripts.predictions import run
from scripts.predictions.sources import ImageFile


class FakeFunction:
    """A function with the same response to every event."""

    def __init__(self, status: int = 200, crash: dict[str, Any] | None = None, **body: Any) -> None:
        self.events: list[Any] = []
        response = None if crash else {"statusCode": status, "body": json.dumps(body)}
        self._invocation = Invocation(response, crash, 1.0, None, "", "id")

    def invoke(self, event: Any) -> Invocation:
        self.events.append(event)
        return self._invocation


def image(folder: Path, name: str, data: bytes = b"image") -> ImageFile:
    path = folder / name
    path.write_bytes(data)
    return ImageFile(path, name, path.stem)


def predict(function: FakeFunction, images: list[ImageFile], **options: str) -> list[run.ImageResult]:
    return list(run.predict(cast("LocalLambda", function), images, options))


def test_event_has_the_image_its_name_and_the_options(tmp_path: Path) -> None:
    function = FakeFunction(detections=[])
    predict(function, [image(tmp_path, "a.jpg"), image(tmp_path, "b.jpg")], conf="0.4", image_data="other")
    data = base64.b64encode(b"image").decode()
    assert function.events == [{"conf": "0.4", "image_data": data, "image_name": name} for name in ("a.jpg", "b.jpg")]


def test_error_of_the_function_is_one_line(tmp_path: Path) -> None:
    function = FakeFunction(415, type="UnsupportedImage", error="the image\nis broken")
    (result,) = predict(function, [image(tmp_path, "a.jpg")])
    assert (result.body, result.error) == (None, "415 UnsupportedImage: the image is broken")


def test_crash_of_the_function_is_one_line(tmp_path: Path) -> None:
    function = FakeFunction(crash={"errorType": "Runtime.ExitError", "errorMessage": "exit status 1\n"})
    (result,) = predict(function, [image(tmp_path, "a.jpg")])
    assert result.error == "function error Runtime.ExitError: exit status 1"


def test_wrong_option_ends_the_run_at_the_first_image(tmp_path: Path) -> None:
    function = FakeFunction(422, type="InvalidOption", error="conf must be between 0 and 1, got 2")
    with pytest.raises(run.InvalidOptions, match=r"^422 InvalidOption: conf must be between 0 and 1, got 2$"):
        predict(function, [image(tmp_path, f"{number}.jpg") for number in range(5)], conf="2")
    assert len(function.events) == 1


def test_empty_and_missing_files_are_errors_of_their_image(tmp_path: Path) -> None:
    images = [
        image(tmp_path, "empty.jpg", b""),
        ImageFile(tmp_path / "no.jpg", "no.jpg", "no"),
        image(tmp_path, "a.jpg"),
    ]
    results = predict(FakeFunction(detections=[]), images)
    assert [result.error for result in results] == [
        "415 UnsupportedImage: the file is empty", "cannot be read: No such file or directory", "",
    ]  # fmt: skip


def test_image_above_the_limit_of_a_request_is_marked(tmp_path: Path) -> None:
    images = [image(tmp_path, "large.jpg", bytes(EVENT_LIMIT)), image(tmp_path, "a.jpg")]
    assert [result.is_too_large for result in predict(FakeFunction(detections=[]), images)] == [True, False]
