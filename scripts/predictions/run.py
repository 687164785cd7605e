"""The built zips on image files, one invocation for each, and their responses as values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.invocation import Invocation
from scripts.predictions.sources import ImageFile

OK = 200
OF_EVERY_IMAGE = ("InvalidOption", "BadRequest")  # errors of the options, which all images have in common


class InvalidOptions(Exception):
    """The function refuses the options of the request; the message is its error."""


class ImageResult(NamedTuple):
    """The response to one image.

    Attributes:
        image: the file.
        body: the body of the response; None after an error.
        error: the error in one line, `415 UnsupportedImage: ...`; "" if there is none.
        is_too_large: the event has more bytes than Lambda accepts in a request; it was sent here all the same.
    """

    image: ImageFile
    body: dict[str, Any] | None
    error: str
    is_too_large: bool


def predict(function: LocalLambda, images: Sequence[ImageFile], options: Mapping[str, str]) -> Iterator[ImageResult]:
    """Yield the result of each image.

    Args:
        function: started, and made with `event_limit=None`.
        images: are read one at a time, the next one while the function works.
        options: of the request, as text.

    Raises:
        InvalidOptions: the function refuses the options with the first image.
    """
    with ThreadPoolExecutor(1, "read") as pool:
        following: Future[dict[str, Any] | str] | None = None
        for number, image in enumerate(images):
            event = following.result() if following else _event(image, options)
            following = pool.submit(_event, images[number + 1], options) if number + 1 < len(images) else None
            if isinstance(event, str):
                yield ImageResult(image, None, event, False)
                continue
            is_too_large = len(event["image_data"]) > EVENT_LIMIT
            yield _result(image, function.invoke(event), is_too_large)


def _event(image: ImageFile, options: Mapping[str, str]) -> dict[str, Any] | str:
    """Return the event of an image, or the error of a file that cannot be read."""
    try:
        data = image.path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not data:
        return "415 UnsupportedImage: the file is empty"
    return {**options, "image_data": base64.b64encode(data).decode(), "image_name": image.name}


def _result(image: ImageFile, invocation: Invocation, is_too_large: bool) -> ImageResult:
    if invocation.error:
        kind, message = invocation.error.get("errorType"), invocation.error.get("errorMessage")
        return ImageResult(image, None, _one_line(f"function error {kind}: {message}"), is_too_large)
    response = invocation.response
    body = json.loads(response["body"])
    if response["statusCode"] == OK:
        return ImageResult(image, body, "", is_too_large)
    if body.get("type") in OF_EVERY_IMAGE:
        raise InvalidOptions(_one_line(f"{response['statusCode']} {body['type']}: {body.get('error')}"))
    text = f"{response['statusCode']} {body.get('type')}: {body.get('error')}"
    return ImageResult(image, None, _one_line(text), is_too_large)


def _one_line(text: str) -> str:
    return " ".join(text.split())
