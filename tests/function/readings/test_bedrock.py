"""Readings by the Converse API: the real boto3 against a local server with its wire format."""

import base64
import io
import json
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from function.errors import DeadlineExceeded, Forbidden, FunctionError, ReadingFailed, TransientError
from function.reading_settings import PROMPT
from function.readings import bedrock as converse
from function.request import ImageRef, ImageRequest, Options
from function.results import Prediction, Reading
from function.service import Service
from function.settings import Settings
from tests.conftest import encode
from tests.function.readings.conftest import MODEL_ID, direct, readings, respond
from tests.support import fake_bedrock
from tests.support.fake_bedrock import FakeBedrock, answer, error, throttled

CROP = Image.new("RGB", (40, 30), (200, 20, 20))
SETTINGS = Settings.from_env({"READ_MODEL_ID": MODEL_ID}).reading
assert SETTINGS


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 wait a tenth of its waits between two attempts."""
    shortened = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10))
    monkeypatch.setattr("botocore.endpoint.time", shortened)


def read(count: int = 1, seconds: float = 20) -> list[Reading | FunctionError]:
    return converse.read([CROP] * count, SETTINGS, time.monotonic() + seconds)


def failure(outcome: Reading | FunctionError) -> FunctionError:
    assert isinstance(outcome, FunctionError), outcome
    return outcome


def test_crop_and_prompt_are_sent_and_the_text_returned(bedrock: FakeBedrock) -> None:
    (reading,) = read()
    assert isinstance(reading, Reading)
    assert (reading.text, reading.model) == ("4.2 bar", MODEL_ID)
    assert reading.latency_ms > 0
    (request,) = bedrock.requests
    assert (request.model, request.prompt) == (MODEL_ID, PROMPT)
    assert request.body["inferenceConfig"] == {"maxTokens": converse.MAX_TOKENS}
    assert request.image["format"] == "jpeg"
    sent = Image.open(io.BytesIO(base64.b64decode(request.image["source"]["bytes"])))
    assert (sent.format, sent.size) == ("JPEG", (40, 30))


@pytest.mark.parametrize(
    "model", ["eu.amazon.nova-lite-v1:0", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.a.b:0"]
)
def test_inference_profiles_are_named_in_the_path(bedrock: FakeBedrock, model: str) -> None:
    reading = Settings.from_env({"READ_MODEL_ID": model, "READ_PROMPT": "How much?"}).reading
    assert reading
    converse.read([CROP], reading, None)
    assert (bedrock.requests[0].model, bedrock.requests[0].prompt) == (model, "How much?")


def test_text_blocks_are_joined_and_other_blocks_left_out(bedrock: FakeBedrock) -> None:
    blocks = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "4.2\n "}, {"text": " bar"}]
    bedrock.replies = [answer(output={"message": {"role": "assistant", "content": blocks}})]
    (reading,) = read()
    assert isinstance(reading, Reading)
    assert reading.text == "4.2 bar"


def test_long_text_is_cut(bedrock: FakeBedrock) -> None:
    bedrock.replies = [answer("x" * 100_000)]
    (reading,) = read()
    assert isinstance(reading, Reading)
    assert len(reading.text) == converse.MAX_TEXT


def test_unprintable_characters_are_escapes_that_can_be_stored(bedrock: FakeBedrock) -> None:
    bedrock.replies = [answer("4 \ud800 \x1b[31m bar °")]
    (reading,) = read()
    assert isinstance(reading, Reading)
    assert reading.text.encode() == r"4 \ud800 \x1b[31m bar °".encode()


def test_throttled_call_is_tried_again(bedrock: FakeBedrock) -> None:
    bedrock.replies = [throttled(), throttled(), answer("7 psi")]
    (reading,) = read()
    assert isinstance(reading, Reading)
    assert (reading.text, len(bedrock.requests)) == ("7 psi", 3)


def test_throttling_that_lasts_is_a_transient_error(bedrock: FakeBedrock) -> None:
    bedrock.replies = [throttled()]
    outcome = failure(read()[0])
    assert isinstance(outcome, TransientError)
    assert "429 ThrottlingException: Too many requests" in str(outcome)
    assert len(bedrock.requests) == converse.ATTEMPTS


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (error(403, "AccessDeniedException"), Forbidden, "bedrock:InvokeModel"),
        (error(400, "ValidationException"), ReadingFailed, "READ_MODEL_ID must be a model that takes images"),
        (error(404, "ResourceNotFoundException"), ReadingFailed, "404 ResourceNotFoundException"),
        (error(403, "ExpiredTokenException"), TransientError, "403 ExpiredTokenException"),
        (error(424, "ModelErrorException"), TransientError, "424"),
        (error(400, "ServiceQuotaExceededException"), TransientError, "ServiceQuotaExceededException"),
        (error(500, "InternalServerException"), TransientError, "500"),
        (fake_bedrock.Reply(200, b'{"output": '), ReadingFailed, "stop reason"),
        (fake_bedrock.Reply(200, b"[]"), TransientError, "boto3 cannot read"),
        (fake_bedrock.Reply(200, b"{}"), ReadingFailed, "stop reason"),
        (fake_bedrock.Reply(502, b"<html>"), TransientError, "502"),
        (answer(), ReadingFailed, "must have a text"),
        (answer(" \n"), ReadingFailed, "must have a text"),
        (answer("4", stop_reason="max_tokens"), ReadingFailed, "READ_PROMPT"),
        (answer("no", stop_reason="guardrail_intervened"), ReadingFailed, "guardrail_intervened"),
        (answer("no", stop_reason="content_filtered"), ReadingFailed, "content_filtered"),
        (answer("no", stop_reason="tool_use"), ReadingFailed, "tool_use"),
    ],
)
def test_error_says_what_to_change(bedrock: FakeBedrock, reply: fake_bedrock.Reply, kind: type, text: str) -> None:
    bedrock.replies = [reply]
    outcome = failure(read()[0])
    assert type(outcome) is kind
    assert text in str(outcome)


def test_message_of_bedrock_is_cut_and_has_one_line(bedrock: FakeBedrock) -> None:
    bedrock.replies = [error(400, "ValidationException", "a\nb\x1b[31m" + "c" * 5000)]
    text = str(failure(read()[0]))
    assert text.isprintable()
    assert len(text) < 1000


def test_one_failing_call_costs_the_others_nothing(bedrock: FakeBedrock) -> None:
    bedrock.replies = [error(400, "ValidationException"), answer("1 bar")]
    outcomes = read(5)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Reading"] * 4 + ["ReadingFailed"]


def test_calls_run_side_by_side(bedrock: FakeBedrock) -> None:
    bedrock.replies = [answer("1 bar", delay_s=0.5)]
    started = time.monotonic()
    assert all(isinstance(outcome, Reading) for outcome in read(8))
    assert bedrock.most_at_once >= 4
    assert time.monotonic() - started < 8 * 0.5


def test_no_more_calls_than_connections_run_at_once(bedrock: FakeBedrock) -> None:
    bedrock.replies = [answer("1 bar", delay_s=0.05)]
    assert all(isinstance(outcome, Reading) for outcome in read(25))
    assert len(bedrock.requests) == 25
    assert bedrock.most_at_once <= converse.MAX_PARALLEL


def test_slow_call_ends_with_the_time_and_the_others_have_their_text(bedrock: FakeBedrock) -> None:
    converse.prepare()
    bedrock.replies = [answer("slow", delay_s=3), answer("1 bar")]
    started = time.monotonic()
    outcomes = read(3, seconds=1.5)
    assert time.monotonic() - started < 2.5
    late = [outcome for outcome in outcomes if isinstance(outcome, FunctionError)]
    assert [type(outcome) for outcome in late] == [DeadlineExceeded]


def test_nothing_is_sent_after_the_time(bedrock: FakeBedrock) -> None:
    converse.prepare()
    bedrock.replies = [throttled()._replace(delay_s=0.5)]
    assert isinstance(read(seconds=0.3)[0], DeadlineExceeded)
    time.sleep(1.5)  # the first wait of boto3 is at most a tenth of a second here
    assert len(bedrock.requests) == 1


def test_missing_region_and_credentials_are_errors_of_the_readings(
    bedrock: FakeBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(TransientError, match="region"):
        read()


def test_unreachable_endpoint_is_a_transient_error(bedrock: FakeBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
    assert isinstance(read()[0], TransientError)


def test_log_has_the_error_and_neither_prompt_nor_text(
    bedrock: FakeBedrock, reading_service: Callable[..., Service], caplog: pytest.LogCaptureFixture
) -> None:
    bedrock.replies = [answer("the secret value"), error(400, "ValidationException", "one\nline")]
    caplog.set_level(logging.INFO)
    service = reading_service(READ_PROMPT="the secret prompt")
    predict(service, two_boxes())
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("function")]
    (line,) = [text for text in logged if "readings failed" in text]
    assert line.startswith("request request-1: 1 of 2 readings failed: ReadingFailed: Bedrock responded with 400")
    assert not [text for text in logged if "secret" in text or "\n" in text]


def two_boxes() -> bytes:
    drawn = Image.new("RGB", (320, 320), (114, 114, 114))
    drawn.paste((255, 0, 0), (32, 64, 64, 96))
    drawn.paste((0, 0, 255), (192, 192, 224, 224))
    return encode(drawn)


def predict(service: Service, data: bytes) -> Prediction:
    result: Any = service.predict(ImageRequest(ImageRef("bytes", data), "a.png", Options()))
    assert isinstance(result, Prediction), result
    return result


def test_readings_end_before_the_deadline_of_the_invocation(
    bedrock: FakeBedrock, reading_service: Callable[..., Service]
) -> None:
    converse.prepare()
    bedrock.replies = [answer("slow", delay_s=5)]
    service = reading_service(lambda: 2500)
    result = predict(service, two_boxes())
    assert service.deadline
    assert time.monotonic() - service.deadline < 0.3  # 0.5 s are left to respond
    assert result.readings
    assert [type(outcome) for outcome in result.readings] == [DeadlineExceeded] * 2


@pytest.mark.parametrize(
    ("environ", "annotate", "left_s"),
    [({}, True, 0.5), ({}, None, 0), ({"ANNOTATE": "1"}, None, 0.5), ({"ANNOTATE": "1"}, False, 0)],
)
def test_readings_leave_time_to_draw_the_image(
    reading_service: Callable[..., Service],
    environ: dict[str, str],
    annotate: bool | None,
    left_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends: list[float] = []

    def read_late(images: list[Image.Image], _: object, end: float) -> list[DeadlineExceeded]:
        ends.append(end)
        return [DeadlineExceeded("a")] * len(images)

    monkeypatch.setattr(converse, "read", read_late)
    service = reading_service(lambda: 2500, **environ)
    request = ImageRequest(ImageRef("bytes", two_boxes()), "a.png", Options(annotate=annotate))
    assert isinstance(service.predict(request), Prediction)
    assert service.deadline
    assert service.deadline - ends[0] == pytest.approx(left_s, abs=0.2)


def test_slow_bedrock_costs_neither_the_results_nor_the_annotated_image(
    bedrock: FakeBedrock, reading_service: Callable[..., Service]
) -> None:
    converse.prepare()
    bedrock.replies = [answer("slow", delay_s=5)]
    service = reading_service(lambda: 3500)
    status, body = respond(service, direct(two_boxes(), annotate=True))
    assert (status, body["detection_count"]) == (200, 2)
    assert {reading["type"] for reading in readings(body)} == {"DeadlineExceeded"}
    assert body["annotated_image"]["width"] == 320
    assert list(service.steps_ms) == ["read-detections", "annotate"]


def test_no_line_of_a_traceback_can_be_taken_for_another_record(
    bedrock: FakeBedrock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a\nREPORT RequestId: 1")

    monkeypatch.setattr(converse, "_text", fail)
    read()
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "\n  REPORT RequestId: 1" in str(record.exc_text)


def test_requests_are_json_of_the_documented_form(bedrock: FakeBedrock) -> None:
    read()
    body = bedrock.requests[0].body
    assert set(body) == {"messages", "inferenceConfig"}
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert [list(block) for block in body["messages"][0]["content"]] == [["image"], ["text"]]
    json.dumps(body)
