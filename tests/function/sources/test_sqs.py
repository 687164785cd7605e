"""Messages of queues: which are read, which fail, and what is counted; as an event and as a batch of a pipe."""

from collections.abc import Callable
from typing import Any

import pytest

from function.errors import BadRequest, Forbidden, InvalidOption, TransientError
from tests.function.sources.conftest import Reply
from tests.support.aws_events import DETAIL, S3_EVENT, S3_RECORD, sns, sqs_message
from tests.support.fake_s3 import FakeS3

Invoke = Callable[..., Reply]


def batch(*bodies: Any, queue: str = "images") -> list[dict[str, Any]]:
    return [sqs_message(body, f"m{number}", queue) for number, body in enumerate(bodies, 1)]


@pytest.fixture(params=["event source mapping", "pipe"])
def envelope(request: pytest.FixtureRequest) -> Callable[[list[Any]], Any]:
    return (lambda messages: messages) if request.param == "pipe" else (lambda messages: {"Records": messages})


@pytest.mark.parametrize(
    "body",
    [
        {"s3": "s3://photos/in/wall.jpg"},
        {"bucket": "photos", "key": "in/wall.jpg"},
        {"Bucket": "photos", "Key": "in/wall.jpg"},
        {"bucketName": "photos", "objectKey": "in/wall.jpg"},
        {"images": [{"s3": "s3://photos/in/wall.jpg"}]},
        {"s3": "s3://photos/in/wall.jpg", "bucket": "photos"},
        {"bucket": "photos", "key": "in/wall.jpg", "url": "https://images.example/a.jpg"},
        DETAIL,
        sns({"s3": "s3://photos/in/wall.jpg"})["Records"][0]["Sns"],
        {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": S3_EVENT},
    ],
)
def test_request_in_a_message_leaves_its_result(body: Any, invoke: Invoke, photos: FakeS3) -> None:
    assert invoke({"Records": batch(body)}).failed == []
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize("options", [{"conf": 0.999999}, {"conf": "0.999999"}, {"confidence": 0.999999}])
def test_options_of_a_message_count(options: dict[str, Any], invoke: Invoke, photos: FakeS3) -> None:
    invoke({"Records": batch({"s3": "s3://photos/in/wall.jpg", **options})})
    assert photos.json("results/in/wall.jpg.json")["detection_count"] == 0


def test_option_beside_images_is_the_default_of_each(invoke: Invoke, photos: FakeS3, red_png: bytes) -> None:
    photos.objects["photos", "in/2.jpg"] = red_png
    images = [{"s3": "s3://photos/in/wall.jpg"}, {"bucket": "photos", "key": "in/2.jpg", "conf": 0.25}]
    invoke({"Records": batch({"images": images, "conf": 0.999999})})
    counts = [photos.json(f"results/in/{name}.json")["detection_count"] for name in ("wall.jpg", "2.jpg")]
    assert counts == [0, 1]


def test_unknown_field_of_a_message_is_no_error(invoke: Invoke) -> None:
    assert invoke({"Records": batch({"s3": "s3://photos/in/wall.jpg", "Conf_": 2, "job": 7})}).failed == []


def test_message_needs_no_allowed_buckets(invoke: Invoke, photos: FakeS3) -> None:
    invoke({"Records": batch({"s3": "s3://photos/in/wall.jpg"})}, ALLOWED_BUCKETS="others")
    assert photos.written_keys == ["results/in/wall.jpg.json"]


UNREADABLE = [
    "hello",
    "",
    "5",
    {"url": "https://images.example/a.jpg"},
    {"image_data": "aGVsbG8="},
    {"body": {"image_data": "aGVsbG8="}},
    {"s3": "photos/in/wall.jpg"},
    {"s3": "s3://photos"},
    {"s3": {"bucket": "photos"}},
    {"s3": "s3://photos/in/wall.jpg", "url": "https://images.example/a.jpg"},
    {"s3": "s3://photos/in/wall.jpg", "key": "in/wall.jpg"},
    {"s3": "s3://photos/in/wall.jpg", "bucket": "others"},
    {"s3": "s3://photos/in/wall.jpg", "versionId": 7},
    {"bucket": "photos", "key": "in/wall.jpg", "versionId": 7},
    {"bucket": "photos", "key": "in/wall.jpg", "image_data": "aGVsbG8="},
    {"Records": [S3_RECORD | {"eventName": "ObjectRenamed:Put"}]},
    {"bucket": "photos"},
    {"key": "in/wall.jpg"},
    {"bucket": "photos", "key": "in/a.jpg", "Key": "in/b.jpg"},
    {"images": []},
    {"images": ["s3://photos/in/wall.jpg"]},
    {"requestPayload": {"image_data": "aGVsbG8="}},
    {"eventSource": "aws:kinesis", "kinesis": {}},
]


@pytest.mark.parametrize("body", UNREADABLE, ids=str)
def test_unreadable_message_fails_alone_and_is_counted(
    body: Any, envelope: Callable[[list[Any]], Any], invoke: Invoke, photos: FakeS3
) -> None:
    reply = invoke(envelope(batch(body, S3_EVENT)))
    assert reply.failed == ["m1"]
    assert [type(result) for result in reply.results if isinstance(result, Exception)] == [BadRequest]
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize("option", [{"conf": 2}, {"max_det": 0}, {"classes": ["green"]}])
def test_message_with_an_invalid_option_fails_without_a_result(
    option: dict[str, Any], invoke: Invoke, photos: FakeS3
) -> None:
    reply = invoke({"Records": batch({"s3": "s3://photos/in/wall.jpg", **option})})
    assert reply.failed == ["m1"]
    assert [type(result) for result in reply.results] == [InvalidOption]
    assert photos.written_keys == []


def test_forbidden_object_fails_its_message_and_can_be_redriven(invoke: Invoke, photos: FakeS3) -> None:
    photos.errors["read", "photos", "in/wall.jpg"] = Forbidden("not authorized to perform: s3:GetObject")
    reply = invoke({"Records": batch(S3_EVENT)})
    assert (reply.failed, photos.written_keys) == (["m1"], [])
    assert [type(result) for result in reply.results] == [Forbidden]
    photos.errors.clear()
    assert invoke({"Records": batch(S3_EVENT)}).failed == []
    assert photos.json("results/in/wall.jpg.json")["detection_count"] == 1


def test_error_of_a_write_is_counted(invoke: Invoke, photos: FakeS3) -> None:
    photos.errors["write", "photos", "results/in/wall.jpg.json"] = Forbidden("not authorized to perform: s3:PutObject")
    reply = invoke({"Records": batch(S3_EVENT)})
    assert reply.failed == ["m1"]
    assert Forbidden in [type(result) for result in reply.results]


def test_pipe_gets_back_only_the_messages_that_failed(invoke: Invoke, photos: FakeS3) -> None:
    photos.errors["read", "photos", "in/busy.jpg"] = TransientError("503")
    messages = batch(S3_EVENT, {"bucket": "photos", "key": "in/busy.jpg"}, S3_EVENT)
    assert invoke(messages).failed == ["m2"]


def test_fifo_pipe_gets_back_all_messages_from_the_first_failure_on(invoke: Invoke) -> None:
    assert invoke(batch(S3_EVENT, "hello", S3_EVENT, queue="images.fifo")).failed == ["m2", "m3"]


def test_message_of_a_pipe_may_have_a_parsed_body(invoke: Invoke, photos: FakeS3) -> None:
    assert invoke([sqs_message("") | {"body": S3_EVENT}]).failed == []
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize("message", [True, None, "text", {}, {"messageId": 5}, {"messageId": ""}])
def test_message_without_an_id_raises_after_the_others_are_processed(
    message: Any, envelope: Callable[[list[Any]], Any], invoke: Invoke, photos: FakeS3
) -> None:
    first = sqs_message({"hello": 1}, "m0")
    with pytest.raises(BadRequest, match="messageId"):
        invoke(envelope([first, message, *batch(S3_EVENT)]))
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize("name", ["versionId", "version_id", "VersionId"])
def test_version_beside_s3_is_read(name: str, invoke: Invoke, photos: FakeS3) -> None:
    invoke({"Records": batch({"s3": "s3://photos/in/wall.jpg", name: "v1"})})
    assert photos.requested_versions == ["v1"]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "a message of a queue must have messageId, got an object without it"),
        ({"messageId": 5}, "messageId must be text that is not empty, got 5"),
        ({"messageId": ""}, "messageId must be text that is not empty, got an empty text"),
        (None, "a message of a queue must be an object with messageId, got null"),
    ],
)
def test_error_of_a_message_without_an_id_says_what_is_missing(message: Any, error: str, invoke: Invoke) -> None:
    with pytest.raises(BadRequest, match=f"^{error}$"):
        invoke({"Records": [*batch(S3_EVENT), message]})
