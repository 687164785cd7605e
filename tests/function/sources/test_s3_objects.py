"""Images in S3: notifications in every envelope, the result of each object, and failures."""

import base64
import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from function import sources
from function.errors import (
    BadRequest,
    Forbidden,
    FunctionError,
    InternalError,
    InvalidOption,
    TransientError,
    UnsupportedImage,
)
from function.model import Model
from function.service import Service
from function.settings import Settings
from function.sources import s3_notification
from function.sources.object_request import ObjectRequest
from tests.function.sources.test_registry import event
from tests.support import aws_events
from tests.support.fake_s3 import FakeS3

SPECIAL_KEY = "in/a b + 100% \"x\" 'y' صورة 大.jpg"
EVENTBRIDGE_KEY = "in/a b + 100% %2B \"x\" 'y' صورة 大.jpg"
SHORT_KEY = "in/a b + 100%.jpg"
KEYS = {
    "s3_put": ["in/wall.jpg"],
    "s3_special_key": [SPECIAL_KEY],
    "s3_copy_versioned": ["in/wall.jpg"],
    "s3_removed": [],
    "s3_test": [],
    "sns_s3": ["in/wall.jpg"],
    "sns_s3_test": [],
    "eventbridge_created": [EVENTBRIDGE_KEY],
    "eventbridge_deleted": [],
    "sqs_s3": ["in/1.jpg", "in/2.jpg"],
    "sqs_s3_several_records": ["in/1.jpg", "in/2.jpg"],
    "sqs_fifo": ["in/1.jpg", "in/2.jpg", "in/3.jpg"],
    "sqs_sns_wrapped": ["in/wall.jpg"],
    "sqs_sns_raw": [SPECIAL_KEY],
    "sqs_eventbridge": [SHORT_KEY],
    "sqs_s3_test": [],
    "s3_batch_1_0": [SPECIAL_KEY],
    "s3_batch_2_0": ["in/wall.jpg"],
    "map_item": [SHORT_KEY],
    "map_batch": ["in/1.jpg", "in/2.jpg"],
}
EVENT_ETAG = "d41d8cd98f00b204e9800998ecf8427e"  # in the sample events
SQS_IDS = [f"059f36b4-87a3-44ab-83d2-66197500000{number}" for number in (1, 2, 3)]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, red_png: bytes) -> FakeS3:
    """A bucket with an image under every key of the sample events."""
    s3 = FakeS3()
    s3.install(monkeypatch)
    for keys in KEYS.values():
        s3.objects |= dict.fromkeys((("photos", key) for key in keys), red_png)
    return s3


@pytest.fixture
def respond(s3: FakeS3, served: Model) -> Callable[..., Any]:
    """The response to an event, predicted by the color model; keyword arguments are environment variables."""

    def call(sample: Any, **environ: str) -> Any:
        service = Service(served, Settings.from_env(environ), "id-1")
        return json.loads(json.dumps(sources.find(sample).respond(sample, service), allow_nan=False))

    return call


@pytest.mark.parametrize("name", KEYS)
def test_every_new_object_and_nothing_else_gets_a_result(name: str, respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event(name))
    assert s3.written_keys == [f"results/{key}.json" for key in KEYS[name]]
    assert all(s3.json(f"results/{key}.json")["source"]["key"] == key for key in KEYS[name])


@pytest.mark.parametrize("name", [name for name in KEYS if name.startswith("sqs")])
def test_queue_gets_no_failures_if_all_messages_succeed(name: str, respond: Callable[..., Any]) -> None:
    assert respond(event(name)) == {"batchItemFailures": []}


def test_result_is_the_response_body_with_its_source(respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event("s3_copy_versioned"))
    written = s3.json("results/in/wall.jpg.json")
    assert list(written) == ["image_name", "image_dimensions", "detections", "detection_count", "model", "source"]
    assert (written["image_name"], written["detection_count"]) == ("wall.jpg", 1)
    version, etag = "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", s3.read("photos", "in/wall.jpg", None, 10**6).etag
    assert written["source"] == {"bucket": "photos", "key": "in/wall.jpg", "version_id": version, "etag": etag}
    assert s3.requested_versions[0] == version
    assert s3.content_types["results/in/wall.jpg.json"] == "application/json"


def test_second_delivery_writes_the_same_bytes(respond: Callable[..., Any], s3: FakeS3) -> None:
    written = []
    for _ in range(2):
        respond(event("s3_put"), ANNOTATE="1")
        written.append({key: data for key, data in s3.objects.items() if key[1].startswith("results/")})
    assert written[0] == written[1]


def test_results_go_to_the_result_bucket(respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event("s3_put"), RESULT_BUCKET="results", RESULT_PREFIX="")
    assert s3.json("in/wall.jpg.json", "results")["detection_count"] == 1


def test_annotated_image_is_written_before_the_result(respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event("s3_put"), ANNOTATE="1")
    assert s3.written_keys == ["results/in/wall.jpg.jpg", "results/in/wall.jpg.json"]
    assert s3.content_types["results/in/wall.jpg.jpg"] == "image/jpeg"
    drawn = Image.open(io.BytesIO(s3.objects["photos", "results/in/wall.jpg.jpg"]))
    assert (drawn.format, drawn.size) == ("JPEG", (320, 320))


@pytest.mark.parametrize("key", ["results/in/wall.jpg.jpg", "results/", "in/"])
def test_result_or_folder_is_skipped(key: str, respond: Callable[..., Any], s3: FakeS3) -> None:
    sample = event("s3_put")
    sample["Records"][0]["s3"]["object"]["key"] = key
    assert list(respond(sample)["results"][0]) == ["key", "skipped"]
    assert not (s3.written_keys or s3.requested_versions)


def test_key_below_the_result_prefix_is_processed_if_results_go_to_another_bucket(
    respond: Callable[..., Any], s3: FakeS3, red_png: bytes
) -> None:
    sample = event("s3_put")
    sample["Records"][0]["s3"]["object"]["key"] = "results/a.jpg"
    s3.objects["photos", "results/a.jpg"] = red_png
    respond(sample, RESULT_BUCKET="results")
    assert s3.written_keys == ["results/results/a.jpg.json"]


def test_empty_prefix_in_the_bucket_of_the_images_is_an_error(respond: Callable[..., Any], s3: FakeS3) -> None:
    with pytest.raises(InternalError, match="RESULT_PREFIX must not be empty"):
        respond(event("s3_put"), RESULT_BUCKET="photos", RESULT_PREFIX="")
    assert s3.written_keys == []


@pytest.mark.parametrize("sample", ["s3_put", "sqs_s3", "s3_batch_2_0", "map_item"])
def test_empty_prefix_in_the_bucket_of_the_images_is_counted_and_logged(
    sample: str, s3: FakeS3, served: Model, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(served, Settings.from_env({"RESULT_BUCKET": "photos", "RESULT_PREFIX": ""}), "id-1")
    with contextlib.suppress(InternalError):
        sources.find(event(sample)).respond(event(sample), service)
    assert {type(result) for result in service.results} == {InternalError}
    assert "RESULT_PREFIX must not be empty" in caplog.text
    assert s3.written_keys == []


def test_broken_image_is_done_with_an_error_result(respond: Callable[..., Any], s3: FakeS3) -> None:
    s3.objects["photos", "in/1.jpg"] = b"not an image"
    assert respond(event("sqs_s3")) == {"batchItemFailures": []}
    written = s3.json("results/in/1.jpg.json")
    assert list(written) == ["error", "type", "source"]
    assert written["type"] == "UnsupportedImage"
    assert s3.json("results/in/2.jpg.json")["detection_count"] == 1


@pytest.mark.parametrize("problem", ["missing", "forbidden", "too large"])
def test_unreadable_object_is_done_with_an_error_result(problem: str, respond: Callable[..., Any], s3: FakeS3) -> None:
    if problem == "missing":
        del s3.objects["photos", "in/wall.jpg"]
    if problem == "forbidden":
        s3.errors["read", "photos", "in/wall.jpg"] = Forbidden("403")
    respond(event("s3_put"), **({"MAX_OBJECT_BYTES": "10"} if problem == "too large" else {}))
    written = s3.json("results/in/wall.jpg.json")
    assert written["type"] == {"missing": "NotFound", "forbidden": "Forbidden", "too large": "TooLarge"}[problem]
    etag = hashlib.md5(s3.objects["photos", "in/wall.jpg"]).hexdigest() if problem == "too large" else EVENT_ETAG
    assert written["source"]["etag"] == etag


ERRORS = [
    ("read", "in/1.jpg", TransientError("503")),
    ("read", "in/1.jpg", RuntimeError("unexpected")),
    ("write", "results/in/1.jpg.json", TransientError("503")),
    ("write", "results/in/1.jpg.json", Forbidden("no PutObject")),
    ("write", "results/in/1.jpg.json", RuntimeError("unexpected")),
]


@pytest.mark.parametrize(("operation", "key", "error"), ERRORS, ids=str)
def test_error_fails_only_its_own_message(
    operation: str, key: str, error: Exception, respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.errors[operation, "photos", key] = error
    assert respond(event("sqs_s3")) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert s3.written_keys == ["results/in/2.jpg.json"]


@pytest.mark.parametrize(("operation", "key", "error"), ERRORS, ids=str)
def test_error_of_a_direct_notification_is_raised(
    operation: str, key: str, error: Exception, respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.errors[operation, "photos", key] = error
    sample = json.loads(event("sqs_s3")["Records"][0]["body"])
    with pytest.raises(type(error) if isinstance(error, FunctionError) else InternalError):
        respond(sample)


def test_message_with_several_records_fails_as_a_whole_after_trying_all(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.errors["read", "photos", "in/1.jpg"] = TransientError("503")
    assert respond(event("sqs_s3_several_records")) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert s3.written_keys == ["results/in/2.jpg.json"]


def test_fifo_queue_gets_back_all_messages_from_the_first_failure_on(respond: Callable[..., Any], s3: FakeS3) -> None:
    s3.errors["read", "photos", "in/2.jpg"] = TransientError("503")
    assert respond(event("sqs_fifo")) == {
        "batchItemFailures": [{"itemIdentifier": message_id} for message_id in SQS_IDS[1:]]
    }
    assert s3.written_keys == ["results/in/1.jpg.json"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        "5",
        "null",
        "[]",
        "{}",
        '{"Records": []}',
        '{"Records": [{"eventSource": "aws:s3"}]}',
        "[" * 100000,
        '{"Records": [{"eventSource": "aws:dynamodb"}]}',
        '{"Type": "Notification"}',
        '{"image_data": "aGVsbG8="}',
        '{"source": "aws.s3", "detail-type": "Object Created"}',
        '{"Type": "Notification", "Message": "hello"}',
    ],
)
def test_message_that_is_not_a_notification_fails(body: str, respond: Callable[..., Any], s3: FakeS3) -> None:
    sample = event("sqs_s3")
    sample["Records"][0]["body"] = body
    assert respond(sample) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert s3.written_keys == ["results/in/2.jpg.json"]


def test_sns_message_that_is_not_a_notification_is_raised(respond: Callable[..., Any]) -> None:
    sample = event("sns_s3")
    sample["Records"][0]["Sns"]["Message"] = "hello"
    with pytest.raises(BadRequest, match="not JSON"):
        respond(sample)


def test_keys_are_form_encoded_in_notifications_and_plain_in_eventbridge() -> None:
    for name, key in {"s3_special_key": SPECIAL_KEY, "eventbridge_created": EVENTBRIDGE_KEY}.items():
        (request,) = s3_notification.requests(event(name))
        assert isinstance(request, ObjectRequest)
        assert request.s3_object.key == key


def test_response_to_a_notification_has_a_row_for_each_object(respond: Callable[..., Any]) -> None:
    row = {"key": "in/wall.jpg", "detection_count": 1, "result": "s3://photos/results/in/wall.jpg.json"}
    assert respond(event("s3_put")) == {"results": [row]}


def batch_row(reply: dict[str, Any]) -> tuple[str, str]:
    assert set(reply) == {"invocationSchemaVersion", "treatMissingKeysAs", "invocationId", "results"}
    assert reply["treatMissingKeysAs"] == "PermanentFailure"
    (row,) = reply["results"]
    assert row["taskId"] == "dGFza2lkZ29lc2hlcmUK"
    return row["resultCode"], row["resultString"]


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_batch_task_reports_the_count_and_the_result_uri(schema: str, respond: Callable[..., Any]) -> None:
    name = f"s3_batch_{schema.replace('.', '_')}"
    reply = respond(event(name))
    assert reply["invocationSchemaVersion"] == schema
    assert reply["invocationId"] == event(name)["invocationId"]
    result_uri = f"s3://photos/results/{KEYS[name][0]}.json"
    assert batch_row(reply) == ("Succeeded", f"1 object found; {result_uri}")


def test_batch_task_reads_its_version(respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event("s3_batch_1_0"))
    respond(event("s3_batch_2_0"))
    assert s3.requested_versions == ["1", None]


def test_batch_task_with_a_broken_image_fails_permanently_with_an_error_result(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.objects["photos", "in/wall.jpg"] = b"not an image"
    code, text = batch_row(respond(event("s3_batch_2_0")))
    assert code == "PermanentFailure"
    assert text.startswith("UnsupportedImage: ")
    assert text.endswith("s3://photos/results/in/wall.jpg.json")


@pytest.mark.parametrize(("operation", "key"), [("read", "in/wall.jpg"), ("write", "results/in/wall.jpg.json")])
def test_batch_task_with_a_transient_error_fails_temporarily(
    operation: str, key: str, respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.errors[operation, "photos", key] = TransientError("503")
    assert batch_row(respond(event("s3_batch_2_0"))) == ("TemporaryFailure", "TransientError: 503")


def test_batch_result_string_is_cut_at_its_limit(respond: Callable[..., Any], s3: FakeS3, red_png: bytes) -> None:
    sample, key = event("s3_batch_2_0"), "k" * 1010
    sample["tasks"][0]["s3Key"] = key
    s3.objects["photos", key] = red_png
    assert len(batch_row(respond(sample))[1]) == 1024


def test_map_batch_has_a_row_for_each_item(respond: Callable[..., Any], s3: FakeS3) -> None:
    s3.objects["photos", "in/2.jpg"] = b"not an image"
    folder, good, bad = respond(event("map_batch"))["results"]
    assert folder == {"key": "in/", "skipped": "a folder"}
    assert good == {"key": "in/1.jpg", "detection_count": 1, "result": "s3://photos/results/in/1.jpg.json"}
    assert (bad["key"], bad["type"]) == ("in/2.jpg", UnsupportedImage.__name__)
    assert "error" in bad


def test_single_map_item_gets_its_row(respond: Callable[..., Any]) -> None:
    result_uri = f"s3://photos/results/{SHORT_KEY}.json"
    assert respond(event("map_item")) == {"key": SHORT_KEY, "detection_count": 1, "result": result_uri}


def test_transient_error_of_a_map_item_is_raised(respond: Callable[..., Any], s3: FakeS3) -> None:
    s3.errors["read", "photos", "in/2.jpg"] = TransientError("503")
    with pytest.raises(TransientError):
        respond(event("map_batch"))


@pytest.mark.parametrize(
    "change",
    [
        {"BatchInput": None},
        {"BatchInput": {}},
        {"BatchInput": {"bucket": 5}},
        {"Items": [{}]},
        {"Items": [5]},
        {"Items": [{"Key": ""}]},
        {"Items": None},
    ],
)
def test_map_without_a_bucket_or_a_key_is_a_bad_request(change: dict[str, Any], respond: Callable[..., Any]) -> None:
    with pytest.raises(BadRequest, match=r"(bucket|key|item|Items) must be"):
        respond(event("map_batch") | change)


@pytest.mark.parametrize("name", ["warmup", "schedule"])
def test_warm_up_reads_no_image(name: str, respond: Callable[..., Any], s3: FakeS3) -> None:
    assert respond(event(name)) == {"warm": True}
    assert not s3.requested_versions


def test_base64_message_is_not_a_notification(respond: Callable[..., Any]) -> None:
    body = base64.b64encode(json.dumps(event("s3_put")).encode()).decode()
    sample = event("sqs_s3_test")
    sample["Records"][0]["body"] = body
    assert len(respond(sample)["batchItemFailures"]) == 1


@pytest.mark.parametrize("key", [5, None, [], {}, True, "", "\ud800/"])
def test_notification_with_an_invalid_key_fails_only_its_message(
    key: Any, respond: Callable[..., Any], s3: FakeS3
) -> None:
    sample = event("sqs_s3")
    notification = event("eventbridge_created")
    notification["detail"]["object"]["key"] = key
    sample["Records"][0]["body"] = json.dumps(notification)
    assert respond(sample) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert s3.written_keys == ["results/in/2.jpg.json"]


def test_late_delivery_keeps_the_result_of_a_deleted_image(respond: Callable[..., Any], s3: FakeS3) -> None:
    respond(event("sqs_s3"))
    first = dict(s3.objects)
    del s3.objects["photos", "in/1.jpg"]
    assert respond(event("sqs_s3")) == {"batchItemFailures": []}
    assert s3.objects["photos", "results/in/1.jpg.json"] == first["photos", "results/in/1.jpg.json"]


def test_map_item_may_have_its_own_bucket(respond: Callable[..., Any], s3: FakeS3, red_png: bytes) -> None:
    s3.objects["others", "a.png"] = red_png
    reply = respond({"Items": [{"bucket": "others", "Key": "a.png"}]})
    assert reply["results"][0]["result"] == "s3://others/results/a.png.json"


@pytest.mark.parametrize(
    ("error", "code"),
    [(TransientError("503"), "TemporaryFailure"), (Forbidden("no PutObject"), "PermanentFailure")],
)
def test_batch_task_fails_temporarily_only_for_transient_errors(
    error: Exception, code: str, respond: Callable[..., Any], s3: FakeS3, red_png: bytes
) -> None:
    s3.objects["photos", "in/1.jpg"] = red_png
    s3.errors["write", "photos", "results/in/1.jpg.json"] = error
    task = {"taskId": "t", "s3Key": "in/1.jpg", "s3VersionId": None, "s3BucketArn": "arn:aws:s3:::photos"}
    reply = respond({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": [task]})
    assert reply["results"][0]["resultCode"] == code


WRONG_CLASSES = ["zebra", ["red", "zebra"], 99]
REQUEST = {"bucket": "photos", "key": "in/wall.jpg"}


@pytest.mark.parametrize("classes", WRONG_CLASSES, ids=str)
@pytest.mark.parametrize("envelope", [lambda item: item, lambda item: {"Items": [item]}], ids=["item", "batch"])
def test_class_that_the_model_does_not_have_is_raised_and_writes_nothing(
    classes: Any, envelope: Callable[[Any], Any], respond: Callable[..., Any], s3: FakeS3
) -> None:
    with pytest.raises(InvalidOption, match="class"):
        respond(envelope(REQUEST | {"classes": classes}))
    assert s3.written_keys == []


def test_wrong_class_in_an_sns_message_is_raised_and_keeps_the_good_result(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    respond(aws_events.sns(REQUEST))
    with pytest.raises(InvalidOption, match="zebra"):
        respond(aws_events.sns(REQUEST | {"classes": "zebra"}))
    assert s3.json("results/in/wall.jpg.json")["detection_count"] == 1


def test_wrong_class_in_user_arguments_is_a_permanent_failure_and_writes_nothing(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    sample = aws_events.READ["s3 batch"] | {"job": {"id": "j", "userArguments": {"classes": "zebra"}}}
    (row,) = respond(sample)["results"]
    assert row["resultCode"] == "PermanentFailure"
    assert row["resultString"].startswith("InvalidOption: unknown class")
    assert s3.written_keys == []


@pytest.mark.parametrize("sample", ["s3", "eventbridge s3", "s3 batch"])
def test_settings_have_the_tiles_of_an_event(sample: str, red_png: bytes, served: Model, monkeypatch: Any) -> None:
    fake = FakeS3()
    fake.install(monkeypatch)
    fake.objects["photos", "in/wall.jpg"] = red_png
    settings = Settings.from_env({"TILE": "160", "TILE_OVERLAP": "0", "TILE_MERGE": "nms"})
    found = aws_events.READ[sample]
    sources.find(found).respond(found, Service(served, settings, "id-1"))
    assert fake.json("results/in/wall.jpg.json")["tiles"] == 5
