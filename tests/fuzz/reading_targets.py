"""Readings: responses of Bedrock to the real boto3, and points of a dial with its scale."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import botocore.awsrequest
import botocore.endpoint
import botocore.httpsession
import numpy as np
from urllib3 import HTTPResponse

from tests.fuzz import documented, runtime
from tests.fuzz.targets import Target
from tests.fuzz.verdict import check, require

NEXT = b"\n--next--\n"  # between two responses
ENVIRON = {"READ_MODEL_ID": "eu.amazon.nova-lite-v1:0", "READ_CLASSES": "red"}
POINTS = 12 * 4  # bytes of (4, 3) float32; the text of the scale follows
SCALES = ("", "0:10 bar", "-1:1.6 MPa", "100:0 %", "1:1", "0:1e5", "nan:inf", "0:1 \x1b")


def run_converse(data: bytes) -> None:
    """Let Bedrock send these bytes: a status and an error code in the first line, then the body."""
    responses = data.split(NEXT)

    def send(_session: object, request: Any) -> Any:
        first, _, body = (responses.pop(0) if len(responses) > 1 else responses[0]).partition(b"\n")
        status, _, code = first.decode("latin-1").partition(" ")
        headers = {"Content-Length": str(len(body)), "x-amzn-ErrorType": code}
        number = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 200
        raw = HTTPResponse(io.BytesIO(body), headers, number, preload_content=False)
        return botocore.awsrequest.AWSResponse(request.url, number, raw.headers, raw)

    event = {"image_data": _image()}
    with (
        mock.patch.object(botocore.httpsession.URLLib3Session, "send", send),
        mock.patch.object(botocore.endpoint, "time", mock.Mock()),  # no waits between attempts
    ):
        check(
            lambda: runtime.invoke(event, **ENVIRON),
            lambda value: _has_readings(event, value),
            (),
        )


def run_dial(data: bytes) -> None:
    """Read a dial with these points and this scale."""
    from function.errors import InvalidSetting, ReadingFailed
    from function.readings import scale

    points = np.frombuffer(data[:POINTS].ljust(POINTS, b"\0"), np.float32).reshape(4, 3)
    if not np.isfinite(points).all():  # the predictor refuses these
        return

    def read() -> str:
        settings = runtime.settings(READ_MODEL_PATH="dial.onnx", READ_SCALE=data[POINTS:].decode("utf-8", "replace"))
        return scale.read(points, settings.reading.scale)

    def one_line(text: Any) -> None:
        require(isinstance(text, str) and text and text.isprintable() and len(text) < 500, "reading:", text)

    check(read, one_line, (InvalidSetting, ReadingFailed))


def _has_readings(event: Any, value: Any) -> None:
    documented.direct_response(event, value)
    body = json.loads(value["body"])
    for detection in body["detections"]:
        is_red = detection["class_name"] == "red"
        require(("reading" in detection) is is_red, "the reading of a detection:", detection)


def _image() -> str:
    return base64.b64encode(runtime.png()).decode()


def _converse_seeds() -> Iterator[bytes]:
    message = {"role": "assistant", "content": [{"text": "4.2 bar"}, {"reasoningContent": {}}]}
    answer = {"output": {"message": message}, "stopReason": "end_turn", "usage": {"inputTokens": 1}}
    text = json.dumps(answer).encode()
    yield b"200 \n" + text
    yield b'429 ThrottlingException\n{"message": "wait"}' + NEXT + b"200 \n" + text
    yield b'403 AccessDeniedException\n{"message": "not authorized"}'
    yield b'400 ValidationException\n{"message": "no\\u0000 image"}'
    yield b"503 \n<html>"
    yield b"200 \n" + text.replace(b"end_turn", b"guardrail_intervened")
    yield b"200 \n" + text[:40]
    yield b"200 \n[]"


def _dial_seeds() -> Iterator[bytes]:
    dial = np.array([[32, 32, 0.9], [56, 32, 0.9], [15, 49, 0.9], [49, 49, 0.9]], np.float32)
    for text in SCALES:
        yield dial.tobytes() + text.encode()
    yield np.zeros((4, 3), np.float32).tobytes()
    yield np.ones((4, 3), np.float32).tobytes() + b"0:10 bar"


TARGETS = {
    "converse": Target(
        run_converse,
        _converse_seeds,
        frozenset({"reading:bedrock"}),
        (NEXT, b'"stopReason"', b'"end_turn"', b'"content"', b'"text"', b"null", b"\\ud800", b"500 ", b"Throttling"),
    ),
    "dial": Target(run_dial, _dial_seeds, frozenset({"reading:dial"}), (b"0:10 bar", b":", b"\0\0\xc0\x7f", b"1e9")),
}
