"""Pictures in buckets: notices in every wrapping, what is left for each object, and what fails."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from function import sources, storage
from function.errors import (
    BadRequest,
    Forbidden,
    FunctionError,
    InternalError,
    InvalidSetting,
    TransientError,
    UnsupportedImage,
)
from function.model import Model
from function.predictor import predict
from function.request import Request
from function.results import Result
from function.service import Service
from function.settings import Settings
from function.sources import s3_notification
from tests.function.sources.test_registry import event
from tests.support.fake_s3 import Shelf

SPECIAL = "in/a b + 100% \"x\" 'y' صورة 大.jpg"
BRIDGED = "in/a b + 100% %2B \"x\" 'y' صورة 大.jpg"
BRIDGED_SHORT = "in/a b + 100%.jpg"
KEYS = {
    "s3_put": ["in/wall.jpg"],
    "s3_special_key": [SPECIAL],
    "s3_copy_versioned": ["in/wall.jpg"],
    "s3_removed": [],
    "s3_test": [],
    "sns_s3": ["in/wall.jpg"],
    "sns_s3_test": [],
    "eventbridge_created": [BRIDGED],
    "eventbridge_deleted": [],
    "sqs_s3": ["in/1.jpg", "in/2.jpg"],
    "sqs_s3_several_records": ["in/1.jpg", "in/2.jpg"],
    "sqs_fifo": ["in/1.jpg", "in/2.jpg", "in/3.jpg"],
    "sqs_sns_wrapped": ["in/wall.jpg"],
    "sqs_sns_raw": [SPECIAL],
    "sqs_eventbridge": [BRIDGED_SHORT],
    "sqs_s3_test": [],
    "s3_batch_1_0": [SPECIAL],
    "s3_batch_2_0": ["in/wall.jpg"],
    "map_item": [BRIDGED_SHORT],
    "map_batch": ["in/1.jpg", "in/2.jpg"],
}
SQS_IDS = [f"059f36b4-87a3-44ab-83d2-66197500000{number}" for number in (1, 2, 3)]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, red_png: bytes) -> Shelf:
    """A bucket that holds a picture under every key of the samples."""
    shelf = Shelf()
    monkeypatch.setattr(storage, "read", shelf.read)
    monkeypatch.setattr(storage, "write", shelf.write)
    for keys in KEYS.values():
        shelf.objects |= dict.fromkeys((("pictures", key) for key in keys), red_png)
    return shelf


@pytest.fixture
def respond(shelf: Shelf, served: Model) -> Callable[..., Any]:
    """An event through its source, answered by the color model; further arguments are environment variables."""

    def call(sample: Any, **environ: str) -> Any:
        settings = Settings.from_env(environ)

        def answer(make_request: Callable[[], Request]) -> Result:
            try:
                return predict(served, settings, make_request())
            except FunctionError as error:
                return error
            except RuntimeError:
                return InternalError("see the log")

        reply = sources.find(sample).respond(sample, Service(lambda call: call(), answer, settings, "id-1"))
        return json.loads(json.dumps(reply, allow_nan=False))

    return call


@pytest.mark.parametrize("name", KEYS)
def test_every_new_object_has_its_result_and_nothing_else_has(
    name: str, respond: Callable[..., Any], shelf: Shelf
) -> None:
    respond(event(name))
    assert shelf.order == [f"results/{key}.json" for key in KEYS[name]]
    assert all(shelf.json(f"results/{key}.json")["source"]["key"] == key for key in KEYS[name])


@pytest.mark.parametrize("name", [name for name in KEYS if name.startswith("sqs")])
def test_a_queue_is_told_that_no_message_failed(name: str, respond: Callable[..., Any]) -> None:
    assert respond(event(name)) == {"batchItemFailures": []}


def test_a_result_is_the_response_body_with_its_source(respond: Callable[..., Any], shelf: Shelf) -> None:
    respond(event("s3_copy_versioned"))
    left = shelf.json("results/in/wall.jpg.json")
    assert list(left) == ["image_name", "image_dimensions", "detections", "detection_count", "model", "source"]
    assert (left["image_name"], left["detection_count"]) == ("wall.jpg", 1)
    version, etag = "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", shelf.read("pictures", "in/wall.jpg", None, 10**6).etag
    assert left["source"] == {"bucket": "pictures", "key": "in/wall.jpg", "version_id": version, "etag": etag}
    assert shelf.versions_asked[0] == version
    assert shelf.types["results/in/wall.jpg.json"] == "application/json"


def test_the_same_event_twice_leaves_the_same_bytes(respond: Callable[..., Any], shelf: Shelf) -> None:
    left = []
    for _ in range(2):
        respond(event("s3_put"), ANNOTATE="1")
        left.append({key: data for key, data in shelf.objects.items() if key[1].startswith("results/")})
    assert left[0] == left[1]


def test_results_go_to_a_bucket_of_their_own(respond: Callable[..., Any], shelf: Shelf) -> None:
    respond(event("s3_put"), RESULT_BUCKET="answers", RESULT_PREFIX="")
    assert shelf.json("in/wall.jpg.json", "answers")["detection_count"] == 1


def test_the_annotated_picture_lies_beside_the_result_and_is_written_first(
    respond: Callable[..., Any], shelf: Shelf
) -> None:
    respond(event("s3_put"), ANNOTATE="1")
    assert shelf.order == ["results/in/wall.jpg.jpg", "results/in/wall.jpg.json"]
    assert shelf.types["results/in/wall.jpg.jpg"] == "image/jpeg"
    drawn = Image.open(io.BytesIO(shelf.objects["pictures", "results/in/wall.jpg.jpg"]))
    assert (drawn.format, drawn.size) == ("JPEG", (320, 320))


@pytest.mark.parametrize("key", ["results/in/wall.jpg.jpg", "results/", "in/"])
def test_a_result_or_a_folder_is_not_looked_at(key: str, respond: Callable[..., Any], shelf: Shelf) -> None:
    sample = event("s3_put")
    sample["Records"][0]["s3"]["object"]["key"] = key
    assert list(respond(sample)["results"][0]) == ["key", "skipped"]
    assert not (shelf.order or shelf.versions_asked)


def test_a_key_like_a_result_is_looked_at_where_results_go_elsewhere(
    respond: Callable[..., Any], shelf: Shelf, red_png: bytes
) -> None:
    sample = event("s3_put")
    sample["Records"][0]["s3"]["object"]["key"] = "results/a.jpg"
    shelf.objects["pictures", "results/a.jpg"] = red_png
    respond(sample, RESULT_BUCKET="answers")
    assert shelf.order == ["results/results/a.jpg.json"]


def test_a_bucket_that_holds_only_results_is_a_wrong_setting(respond: Callable[..., Any]) -> None:
    with pytest.raises(InvalidSetting, match="RESULT_PREFIX is empty"):
        respond(event("s3_put"), RESULT_BUCKET="pictures", RESULT_PREFIX="")


def test_a_bad_picture_is_done_and_leaves_its_error(respond: Callable[..., Any], shelf: Shelf) -> None:
    shelf.objects["pictures", "in/1.jpg"] = b"no picture"
    assert respond(event("sqs_s3")) == {"batchItemFailures": []}
    left = shelf.json("results/in/1.jpg.json")
    assert list(left) == ["error", "type", "source"]
    assert left["type"] == "UnsupportedImage"
    assert shelf.json("results/in/2.jpg.json")["detection_count"] == 1


@pytest.mark.parametrize("problem", ["missing", "forbidden", "too large"])
def test_an_object_that_cannot_be_had_is_done_and_leaves_its_error(
    problem: str, respond: Callable[..., Any], shelf: Shelf
) -> None:
    if problem == "missing":
        del shelf.objects["pictures", "in/wall.jpg"]
    if problem == "forbidden":
        shelf.faults["read", "pictures", "in/wall.jpg"] = Forbidden("403")
    respond(event("s3_put"), **({"MAX_OBJECT_BYTES": "10"} if problem == "too large" else {}))
    left = shelf.json("results/in/wall.jpg.json")
    assert left["type"] == {"missing": "NotFound", "forbidden": "Forbidden", "too large": "TooLarge"}[problem]
    assert left["source"]["etag"] == "d41d8cd98f00b204e9800998ecf8427e"


FAULTS = [
    ("read", "in/1.jpg", TransientError("503")),
    ("read", "in/1.jpg", RuntimeError("unforeseen")),
    ("write", "results/in/1.jpg.json", TransientError("503")),
    ("write", "results/in/1.jpg.json", Forbidden("no PutObject")),
    ("write", "results/in/1.jpg.json", RuntimeError("unforeseen")),
]


@pytest.mark.parametrize(("verb", "key", "fault"), FAULTS, ids=str)
def test_a_fault_fails_its_own_message_only(
    verb: str, key: str, fault: Exception, respond: Callable[..., Any], shelf: Shelf
) -> None:
    shelf.faults[verb, "pictures", key] = fault
    assert respond(event("sqs_s3")) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert shelf.order == ["results/in/2.jpg.json"]


@pytest.mark.parametrize(("verb", "key", "fault"), FAULTS, ids=str)
def test_a_fault_of_a_notice_on_its_own_is_raised(
    verb: str, key: str, fault: Exception, respond: Callable[..., Any], shelf: Shelf
) -> None:
    shelf.faults[verb, "pictures", key] = fault
    sample = json.loads(event("sqs_s3")["Records"][0]["body"])
    with pytest.raises(type(fault) if isinstance(fault, FunctionError) else InternalError):
        respond(sample)


def test_a_message_of_several_records_fails_as_one_and_tries_them_all(
    respond: Callable[..., Any], shelf: Shelf
) -> None:
    shelf.faults["read", "pictures", "in/1.jpg"] = TransientError("503")
    assert respond(event("sqs_s3_several_records")) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert shelf.order == ["results/in/2.jpg.json"]


def test_a_fifo_queue_gets_back_everything_from_the_first_failure_on(respond: Callable[..., Any], shelf: Shelf) -> None:
    shelf.faults["read", "pictures", "in/2.jpg"] = TransientError("503")
    assert respond(event("sqs_fifo")) == {"batchItemFailures": [{"itemIdentifier": one} for one in SQS_IDS[1:]]}
    assert shelf.order == ["results/in/1.jpg.json"]


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
def test_a_message_that_is_no_notice_goes_to_the_dead_letter_queue(
    body: str, respond: Callable[..., Any], shelf: Shelf
) -> None:
    sample = event("sqs_s3")
    sample["Records"][0]["body"] = body
    assert respond(sample) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert shelf.order == ["results/in/2.jpg.json"]


def test_a_message_through_sns_that_is_no_notice_is_raised(respond: Callable[..., Any]) -> None:
    sample = event("sns_s3")
    sample["Records"][0]["Sns"]["Message"] = "hello"
    with pytest.raises(BadRequest, match="not JSON"):
        respond(sample)


def test_keys_are_form_encoded_in_notifications_and_plain_in_eventbridge() -> None:
    assert s3_notification.objects(event("s3_special_key"))[0].key == SPECIAL
    assert s3_notification.objects(event("eventbridge_created"))[0].key == BRIDGED


def test_the_reply_of_a_notice_has_a_row_for_each_object(respond: Callable[..., Any]) -> None:
    row = {"key": "in/wall.jpg", "detection_count": 1, "result": "s3://pictures/results/in/wall.jpg.json"}
    assert respond(event("s3_put")) == {"results": [row]}


def batch_row(reply: dict[str, Any]) -> tuple[str, str]:
    assert set(reply) == {"invocationSchemaVersion", "treatMissingKeysAs", "invocationId", "results"}
    assert reply["treatMissingKeysAs"] == "PermanentFailure"
    (row,) = reply["results"]
    assert row["taskId"] == "dGFza2lkZ29lc2hlcmUK"
    return row["resultCode"], row["resultString"]


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_a_batch_task_says_how_many_objects_and_where(schema: str, respond: Callable[..., Any]) -> None:
    name = f"s3_batch_{schema.replace('.', '_')}"
    reply = respond(event(name))
    assert reply["invocationSchemaVersion"] == schema
    assert reply["invocationId"] == event(name)["invocationId"]
    place = f"s3://pictures/results/{KEYS[name][0]}.json"
    assert batch_row(reply) == ("Succeeded", f"1 object found; {place}")


def test_a_batch_task_asks_for_its_version(respond: Callable[..., Any], shelf: Shelf) -> None:
    respond(event("s3_batch_1_0"))
    respond(event("s3_batch_2_0"))
    assert shelf.versions_asked == ["1", None]


def test_a_batch_task_with_a_bad_picture_fails_for_good_and_leaves_its_error(
    respond: Callable[..., Any], shelf: Shelf
) -> None:
    shelf.objects["pictures", "in/wall.jpg"] = b"no picture"
    code, text = batch_row(respond(event("s3_batch_2_0")))
    assert code == "PermanentFailure"
    assert text.startswith("UnsupportedImage: ")
    assert text.endswith("s3://pictures/results/in/wall.jpg.json")


@pytest.mark.parametrize(("verb", "key"), [("read", "in/wall.jpg"), ("write", "results/in/wall.jpg.json")])
def test_a_batch_task_with_a_fault_that_may_pass_is_redriven(
    verb: str, key: str, respond: Callable[..., Any], shelf: Shelf
) -> None:
    shelf.faults[verb, "pictures", key] = TransientError("503")
    assert batch_row(respond(event("s3_batch_2_0"))) == ("TemporaryFailure", "TransientError: 503")


def test_a_batch_result_fits_its_limit(respond: Callable[..., Any], shelf: Shelf, red_png: bytes) -> None:
    sample, key = event("s3_batch_2_0"), "k" * 1010
    sample["tasks"][0]["s3Key"] = key
    shelf.objects["pictures", key] = red_png
    assert len(batch_row(respond(sample))[1]) == 1024


def test_a_map_answers_item_by_item(respond: Callable[..., Any], shelf: Shelf) -> None:
    shelf.objects["pictures", "in/2.jpg"] = b"no picture"
    folder, good, bad = respond(event("map_batch"))["results"]
    assert folder == {"key": "in/", "skipped": "a folder"}
    assert good == {"key": "in/1.jpg", "detection_count": 1, "result": "s3://pictures/results/in/1.jpg.json"}
    assert (bad["key"], bad["type"]) == ("in/2.jpg", UnsupportedImage.__name__)
    assert "error" in bad


def test_one_map_item_is_answered_with_its_row(respond: Callable[..., Any]) -> None:
    place = f"s3://pictures/results/{BRIDGED_SHORT}.json"
    assert respond(event("map_item")) == {"key": BRIDGED_SHORT, "detection_count": 1, "result": place}


def test_a_map_item_with_a_fault_that_may_pass_is_raised(respond: Callable[..., Any], shelf: Shelf) -> None:
    shelf.faults["read", "pictures", "in/2.jpg"] = TransientError("503")
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
def test_a_map_without_a_bucket_or_a_key_is_told_so(change: dict[str, Any], respond: Callable[..., Any]) -> None:
    with pytest.raises(BadRequest, match="wanted"):
        respond(event("map_batch") | change)


@pytest.mark.parametrize("name", ["warmup", "schedule"])
def test_a_warm_up_is_answered_without_a_picture(name: str, respond: Callable[..., Any], shelf: Shelf) -> None:
    assert respond(event(name)) == {"warm": True}
    assert not shelf.versions_asked


def test_base64_in_a_queue_is_not_taken_for_a_notice(respond: Callable[..., Any]) -> None:
    body = base64.b64encode(json.dumps(event("s3_put")).encode()).decode()
    sample = event("sqs_s3_test")
    sample["Records"][0]["body"] = body
    assert len(respond(sample)["batchItemFailures"]) == 1


@pytest.mark.parametrize("key", [5, None, [], {}, True, "", "\ud800/"])
def test_a_notice_with_a_key_that_is_no_name_fails_alone(key: Any, respond: Callable[..., Any], shelf: Shelf) -> None:
    sample = event("sqs_s3")
    notice = event("eventbridge_created")
    notice["detail"]["object"]["key"] = key
    sample["Records"][0]["body"] = json.dumps(notice)
    assert respond(sample) == {"batchItemFailures": [{"itemIdentifier": SQS_IDS[0]}]}
    assert shelf.order == ["results/in/2.jpg.json"]


def test_a_late_delivery_leaves_the_result_of_a_picture_that_is_gone(respond: Callable[..., Any], shelf: Shelf) -> None:
    respond(event("sqs_s3"))
    first = dict(shelf.objects)
    del shelf.objects["pictures", "in/1.jpg"]
    assert respond(event("sqs_s3")) == {"batchItemFailures": []}
    assert shelf.objects["pictures", "results/in/1.jpg.json"] == first["pictures", "results/in/1.jpg.json"]


def test_an_item_of_a_map_may_name_its_own_bucket(respond: Callable[..., Any], shelf: Shelf, red_png: bytes) -> None:
    shelf.objects["others", "a.png"] = red_png
    reply = respond({"Items": [{"bucket": "others", "Key": "a.png"}]})
    assert reply["results"][0]["result"] == "s3://others/results/a.png.json"


@pytest.mark.parametrize(
    ("fault", "code"),
    [(TransientError("503"), "TemporaryFailure"), (Forbidden("no PutObject"), "PermanentFailure")],
)
def test_a_batch_task_is_redriven_only_for_what_may_pass(
    fault: Exception, code: str, respond: Callable[..., Any], shelf: Shelf, red_png: bytes
) -> None:
    shelf.objects["pictures", "in/1.jpg"] = red_png
    shelf.faults["write", "pictures", "results/in/1.jpg.json"] = fault
    task = {"taskId": "t", "s3Key": "in/1.jpg", "s3VersionId": None, "s3BucketArn": "arn:aws:s3:::pictures"}
    reply = respond({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": [task]})
    assert reply["results"][0]["resultCode"] == code
