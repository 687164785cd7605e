"""The state machine of Bulk=on, executed with the real function: rows, retries, failures, time."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from function.errors import InternalError, TransientError
from tests.support.bulk import ARN, Function, definition, machine
from tests.support.state_language import StateFailed, UnknownDefinition
from tests.support.state_machine import StateMachine
from tests.template.conftest import IMAGES


def stored(s3: Any, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket="photos", Key=key)["Body"].read()
    return body


def lines(s3: Any, output: dict[str, Any], status: str) -> list[dict[str, Any]]:
    """Return the children with a status in the files of a map run."""
    manifest = json.loads(stored(s3, output["ResultWriterDetails"]["Key"]))
    data = b"".join(stored(s3, file["Key"]) for file in manifest["ResultFiles"][status])
    return [json.loads(line) for line in data.splitlines()]


def rows(s3: Any, output: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for child in lines(s3, output, "SUCCEEDED") for row in json.loads(child["Output"])["results"]]


def fails(times: int, error: Exception) -> Callable[[Any], None]:
    """Return a function that raises an error so many times."""
    left = [times]

    def before(_: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return before


def test_empty_input_predicts_every_image_below_the_prefix(s3: Any, bulk: StateMachine, function: Function) -> None:
    output = bulk.run({})
    assert [row["key"] for row in rows(s3, output)] == [f"in/{name}" for name in IMAGES]
    for row in rows(s3, output):
        result = json.loads(stored(s3, row["result"].removeprefix("s3://photos/")))
        assert result["source"]["key"] == row["key"]
        assert result["detection_count"] == row["detection_count"]
    assert len(function.payloads) == 1


def test_input_sets_prefix_options_and_batches(s3: Any, bulk: StateMachine, function: Function) -> None:
    bulk.run({"prefix": "in/c", "options": {"conf": 0.9}, "images_per_call": 1})
    bulk.run({"images_per_call": 2, "concurrency": 7})
    first, *others = function.payloads
    assert first["BatchInput"] == {"bucket": "photos", "conf": 0.9}
    assert [item["Key"] for item in first["Items"]] == ["in/cmyk.jpg"]
    assert [len(payload["Items"]) for payload in others] == [2, 2, 1]
    assert [run.concurrency for run in bulk.runs] == [50, 7]


def test_manifest_replaces_the_listing(s3: Any, bulk: StateMachine) -> None:
    manifest = "".join(json.dumps({"bucket": "photos", "key": f"in/{name}"}) + "\n" for name in IMAGES[1:3])
    s3.put_object(Bucket="photos", Key="results/map-runs/m.jsonl", Body=manifest.encode())
    output = bulk.run({"manifest": {"bucket": "photos", "key": "results/map-runs/m.jsonl"}})
    assert [row["key"] for row in rows(s3, output)] == ["in/cmyk.jpg", "in/gray.jpg"]


def test_missing_manifest_fails_the_execution(bulk: StateMachine) -> None:
    with pytest.raises(StateFailed, match=r"States\.ItemReaderFailed"):
        bulk.run({"manifest": {"bucket": "photos", "key": "results/map-runs/none.jsonl"}})


@pytest.mark.parametrize(
    ("times", "error"),
    [
        (2, TransientError("503")),
        (3, InternalError("x")),
        (1, StateFailed("Sandbox.Timedout", "Task timed out after 30.00 seconds", 30)),
        (12, StateFailed("Lambda.TooManyRequestsException", "Rate Exceeded.", 0.1)),
        (3, StateFailed("Lambda.ServiceException")),
    ],
)
def test_transient_errors_are_retried(
    times: int, error: Exception, s3: Any, bulk: StateMachine, function: Function
) -> None:
    function.before = fails(times, error)
    assert len(rows(s3, bulk.run({}))) == len(IMAGES)
    assert len(function.payloads) == times + 1


@pytest.mark.parametrize("error", [StateFailed("ValueError"), StateFailed("Lambda.ResourceNotFoundException")])
def test_other_errors_are_not_retried(error: Exception, bulk: StateMachine, function: Function) -> None:
    function.before = fails(1, error)
    with pytest.raises(StateFailed, match=r"States\.ExceedToleratedFailureThreshold"):
        bulk.run({})
    assert len(function.payloads) == 1


def test_batch_that_fails_for_good_is_tolerated_and_in_the_file_of_failures(
    s3: Any, bulk: StateMachine, function: Function
) -> None:
    def before(payload: Any) -> None:
        if payload["Items"][0]["Key"] == "in/gray.jpg":
            raise TransientError("503 of S3")

    function.before = before
    output = bulk.run({"images_per_call": 1, "tolerated_failure_percentage": 20})
    assert len(rows(s3, output)) == len(IMAGES) - 1
    (failed,) = lines(s3, output, "FAILED")
    assert (failed["Error"], failed["Cause"]) == ("TransientError", "503 of S3")
    assert json.loads(failed["Input"])["Items"][0]["Key"] == "in/gray.jpg"


def test_more_failures_than_tolerated_end_the_execution_and_its_rows_are_written(
    s3: Any, bulk: StateMachine, function: Function
) -> None:
    def before(payload: Any) -> None:
        if payload["Items"][0]["Key"] >= "in/cmyk.jpg":
            raise TransientError("503 of S3")

    function.before = before
    with pytest.raises(StateFailed, match=r"States\.ExceedToleratedFailureThreshold"):
        bulk.run({"images_per_call": 1, "tolerated_failure_percentage": 20})
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="photos", Prefix="results/map-runs/")["Contents"]]
    assert [key.rpartition("/")[2] for key in keys] == [
        *("FAILED_0.jsonl", "PENDING_0.jsonl", "SUCCEEDED_0.jsonl", "manifest.json")
    ]


def test_image_that_cannot_be_read_is_a_row_and_no_failure(s3: Any, bulk: StateMachine) -> None:
    s3.put_object(Bucket="photos", Key="in/broken.jpg", Body=b"no image")
    output = bulk.run({"prefix": "in/b", "tolerated_failure_percentage": 0})
    (row,) = rows(s3, output)
    assert row["type"] == "UnsupportedImage"


def test_largest_rows_of_a_call_stay_below_the_limit_of_a_state(s3: Any, bulk: StateMachine) -> None:
    names = [f"{'%' * 900}{number:02}" for number in range(40)]
    manifest = "".join(json.dumps({"bucket": "photos", "key": f"in/{name}.jpg"}) + "\n" for name in names)
    s3.put_object(Bucket="photos", Key="results/map-runs/m.jsonl", Body=manifest.encode())
    for name in names:
        s3.put_object(Bucket="photos", Key=f"in/{name}.jpg", Body=b"no image")
    output = bulk.run({"manifest": {"bucket": "photos", "key": "results/map-runs/m.jsonl"}, "images_per_call": 40})
    (child,) = lines(s3, output, "SUCCEEDED")
    assert len(rows(s3, output)) == 40
    assert len(child["Output"]) / 40 < 3000


def longest(timeout: str, error: str, seconds: float, s3: Any, handler: ModuleType) -> float:
    """Return the longest age of a child whose every call has an error."""
    function = Function(handler, fails(1000, StateFailed(error, "", seconds)))
    tested = machine(s3, function, Timeout=timeout)
    with pytest.raises(StateFailed, match=r"States\.ExceedToleratedFailureThreshold"):
        tested.run({})
    return tested.runs[0].children[0].age


@pytest.mark.parametrize("timeout", ["10", "20", "30", "60", "120", "900"])
@pytest.mark.parametrize("error", ["Sandbox.Timedout", "Lambda.TooManyRequestsException", "DeadlineExceeded"])
def test_retries_of_an_express_child_end_within_five_minutes(
    timeout: str, error: str, s3: Any, handler: ModuleType
) -> None:
    kind = definition(Timeout=timeout)["States"]["Listing"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"]
    seconds = 0.1 if "TooMany" in error else float(timeout)
    assert kind == ("STANDARD" if int(timeout) > 60 else "EXPRESS")
    assert kind == "STANDARD" or longest(timeout, error, seconds, s3, handler) <= 300


def test_listing_and_manifest_differ_by_their_readers_only() -> None:
    states = definition()["States"]
    kept = [
        {name: value for name, value in states[kind].items() if name not in ("ItemReader", "Label")}
        for kind in ("Listing", "Manifest")
    ]
    assert kept[0] == kept[1]


def test_interpreter_refuses_what_it_does_not_know(s3: Any, function: Function) -> None:
    for name, value in (("Type", "Wait"), ("Catch", []), ("ItemsPath", "$")):
        changed = definition()
        changed["States"]["Listing"][name] = value
        with pytest.raises(UnknownDefinition):
            StateMachine(changed, ARN, s3, function).run({})
