"""The time limit of an invocation, with a real S3 server whose objects arrive slowly."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from function import predictor, sources, storage, time_limit
from function.errors import BadRequest, DeadlineExceeded, TransientError
from function.model import Model
from function.service import Service
from function.settings import Settings
from tests.support import dripping_s3
from tests.support.aws_events import S3_RECORD, sns, sqs_message
from tests.support.dripping_s3 import Server
from tests.support.fake_s3 import FakeS3
from tests.support.lambda_context import LambdaContext

pytestmark = [
    pytest.mark.usefixtures("closes_connections"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # an interrupted call leaves its connection open
]
SLOW = ["drip", "silent", "head", "busy"]


@pytest.fixture
def server(red_png: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with dripping_s3.serving(red_png) as (url, server):
        variables = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        variables |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/nowhere"}
        for name, value in (variables | {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}).items():
            monkeypatch.setenv(name, value)
        storage._client.cache_clear()
        storage.prepare()
        yield server
        storage._client().close()
        storage._client.cache_clear()


@pytest.fixture
def invoke(served: Model, server: Server) -> Callable[..., Any]:
    """Respond to an event within a time-out, which the test fails to keep if Lambda would have ended the function."""

    def call(event: Any, seconds: float, **environ: str) -> Any:
        context = LambdaContext(seconds)
        service = Service(served, Settings.from_env(environ), "id-1", context.get_remaining_time_in_millis)
        try:
            value = sources.find(event).respond(event, service)
        finally:
            assert context.seconds_left > 0
        return json.loads(json.dumps(value, allow_nan=False))

    return call


def record(key: str) -> dict[str, Any]:
    return S3_RECORD | {"s3": {"bucket": {"name": "photos"}, "object": {"key": key}}}


def messages(*keys: str, queue: str = "images") -> dict[str, Any]:
    return {"Records": [sqs_message({"Records": [record(key)]}, key, queue) for key in keys]}


def failed(reply: Any) -> list[str]:
    return [item["itemIdentifier"] for item in reply["batchItemFailures"]]


@pytest.mark.parametrize("position", [0, 5, 9])
@pytest.mark.parametrize("slow", SLOW)
def test_slow_object_fails_its_message_and_the_nine_others_have_results(
    slow: str, position: int, invoke: Callable[..., Any], server: Server
) -> None:
    keys = [f"g{number}" for number in range(9)]
    keys.insert(position, slow)
    assert failed(invoke(messages(*keys), 5)) == [slow]
    assert server.written == [f"/photos/results/g{number}.json" for number in range(9)]


@pytest.mark.parametrize("slow", SLOW[:3])
def test_slow_object_takes_no_more_than_its_share(slow: str, invoke: Callable[..., Any]) -> None:
    began = time.monotonic()
    invoke(messages(slow, "a", "b", "c", "d"), 5)
    assert 0.8 <= time.monotonic() - began < 3  # a fifth of 4.5 s; a busy machine takes longer


def test_all_objects_are_slow_and_each_message_fails_in_time(invoke: Callable[..., Any], server: Server) -> None:
    keys = [f"drip{number}" for number in range(10)]
    assert failed(invoke(messages(*keys), 3)) == keys
    assert server.written == []


def test_connection_of_a_slow_object_is_closed_and_the_next_invocation_works(
    invoke: Callable[..., Any], server: Server
) -> None:
    for _ in range(5):
        assert failed(invoke(messages("drip", "a"), 1.3)) == ["drip"]
    time.sleep(3 * dripping_s3.DRIP_S)
    assert server.closed == 5
    assert len(server.written) == 5


def test_fifo_queue_gets_back_the_slow_message_and_those_behind_it(invoke: Callable[..., Any], server: Server) -> None:
    assert failed(invoke(messages("a", "drip", "b", "c", queue="images.fifo"), 2)) == ["drip", "b", "c"]
    assert server.written == ["/photos/results/a.json"]


def test_result_that_cannot_be_written_in_time_fails_its_message(invoke: Callable[..., Any], server: Server) -> None:
    assert failed(invoke(messages("stuck", "a"), 2)) == ["stuck"]
    assert server.written == ["/photos/results/a.json"]


def test_slow_task_of_a_job_is_a_temporary_failure(invoke: Callable[..., Any]) -> None:
    tasks = [{"taskId": key, "s3Key": key, "s3BucketArn": "arn:aws:s3:::photos"} for key in ("drip", "a")]
    reply = invoke({"invocationSchemaVersion": "1.0", "invocationId": "i", "tasks": tasks}, 2)
    assert [row["resultCode"] for row in reply["results"]] == ["TemporaryFailure", "Succeeded"]


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [record("drip"), record("a")]},
        sns({"Records": [record("drip"), record("a")]}),
        {"Items": [{"bucket": "photos", "key": "drip"}, {"bucket": "photos", "key": "a"}]},
    ],
    ids=["S3", "SNS", "map"],
)
def test_slow_object_is_raised_before_the_timeout_and_the_other_has_its_result(
    event: Any, invoke: Callable[..., Any], server: Server
) -> None:
    with pytest.raises(DeadlineExceeded):
        invoke(event, 2)
    assert server.written == ["/photos/results/a.json"]


def test_slow_image_is_a_row_of_the_response_and_the_others_have_detections(invoke: Callable[..., Any]) -> None:
    images = [{"s3": f"s3://photos/{key}"} for key in ("drip", "a", "silent", "b")]
    reply = invoke({"images": images}, 3, ALLOWED_BUCKETS="photos")
    rows = json.loads(reply["body"])["results"]
    assert reply["statusCode"] == 200
    assert [row.get("type", row.get("detection_count")) for row in rows] == [
        "DeadlineExceeded",
        1,
        "DeadlineExceeded",
        1,
    ]


def test_single_image_that_cannot_be_read_in_time_has_status_503(invoke: Callable[..., Any]) -> None:
    reply = invoke({"s3": "s3://photos/drip"}, 1, ALLOWED_BUCKETS="photos")
    assert (reply["statusCode"], json.loads(reply["body"])["type"]) == (503, "DeadlineExceeded")


def test_image_that_computes_too_long_is_stopped_and_no_message_behind_it_is_begun(
    invoke: Callable[..., Any], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = predictor.predict

    def slow(*arguments: Any) -> Any:
        if arguments[4] == "long":
            while True:
                sum(range(1000))
        return predict(*arguments)

    monkeypatch.setattr(predictor, "predict", slow)
    assert failed(invoke(messages("a", "long", "b"), 1.5)) == ["long", "b"]
    assert server.written == ["/photos/results/a.json"]


def test_slow_object_in_a_thread_of_a_server_fails_alone_too(invoke: Callable[..., Any], server: Server) -> None:
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(invoke(messages("drip", "a"), 2)))
    thread.start()
    thread.join(10)
    assert failed(outcome[0]) == ["drip"]
    assert server.written == ["/photos/results/a.json"]


def task(name: str, **fields: str) -> dict[str, str]:
    return {"taskId": name, "s3Bucket": "photos", **fields}


BAD = range(9)
BATCH = {"invocationSchemaVersion": "2.0", "invocationId": "i"}
GOOD_FIRST = {
    "direct": {"images": [{"s3": "s3://photos/a"}, *({"image_data": 5} for _ in BAD)]},
    "S3 Batch": BATCH | {"tasks": [task("a", s3Key="a"), *(task(f"bad {n}") for n in BAD)]},
    "map": {"BatchInput": {"bucket": "photos"}, "Items": [{"Key": "a"}, *(5 for _ in BAD)]},
    "S3": {"Records": [record("a"), *(record("a") | {"s3": n} for n in BAD)]},
    "SQS": {"Records": [sqs_message({"Records": [record("a"), *(record("a") | {"s3": n} for n in BAD)]}, "m")]},
}
ROWS = {"direct": "images", "S3 Batch": "tasks", "map": "Items", "S3": "Records", "SQS": "Records"}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("name", GOOD_FIRST)
def test_rows_that_cannot_be_read_have_no_share(
    name: str, is_reversed: bool, served: Model, photos: FakeS3, red_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def wait(seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
        given.append(seconds)
        return function(*arguments)

    monkeypatch.setattr(time_limit, "wait", wait)
    photos.objects["photos", "a"] = red_png
    event: dict[str, Any] = dict(GOOD_FIRST[name])
    if is_reversed:
        event[ROWS[name]] = event[ROWS[name]][::-1]
    service = Service(served, Settings.from_env({"ALLOWED_BUCKETS": "photos"}), "id-1", lambda: 10_000)
    with contextlib.suppress(BadRequest):  # raised when all rows are done
        sources.find(event).respond(event, service)
    assert 9 < given[0] < 9.6


def test_row_whose_beginning_fails_has_no_share_any_more(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise TransientError("no client")

    service = Service(served, Settings.from_env({}), "id-1", lambda: 10_000)
    service.expect(range(2))
    assert isinstance(service.guard(service.begin, fail), TransientError)
    service.begin()
    given: list[float] = []
    monkeypatch.setattr(time_limit, "wait", lambda seconds, *_: given.append(seconds))
    service.read(len, b"")
    assert given == [pytest.approx(9.5, abs=0.2)]
