"""Tasks of S3 Batch Operations: options of the job, and tasks that cannot be read."""

from collections.abc import Callable
from typing import Any

import pytest

from function.errors import BadRequest, FunctionError
from tests.function.sources.conftest import Reply
from tests.support.aws_events import READ
from tests.support.fake_s3 import FakeS3

Invoke = Callable[..., Reply]


def job(arguments: Any, *tasks: Any) -> dict[str, Any]:
    event: dict[str, Any] = READ["s3 batch"]
    return event | {"job": {"id": "j1", "userArguments": arguments}, "tasks": [*event["tasks"], *tasks]}


def rows(reply: Reply) -> list[tuple[str, str]]:
    return [(row["resultCode"], row["resultString"]) for row in reply.value["results"]]


@pytest.mark.parametrize("arguments", [{"conf": "0.999999"}, {"confidence": "0.999999"}, {"classes": "blue"}])
def test_user_arguments_are_options(arguments: dict[str, str], invoke: Invoke) -> None:
    assert rows(invoke(job(arguments))) == [("Succeeded", "0 objects found; s3://photos/results/in/wall.jpg.json")]


@pytest.mark.parametrize(
    ("tile", "expected"),
    [("160", 10), ('{"size": 160, "overlap": 0, "full": false}', 4), ("320", 1), ("false", None)],
)
def test_user_arguments_may_have_tiles(tile: str, expected: int | None, invoke: Invoke, photos: FakeS3) -> None:
    assert rows(invoke(job({"tile": tile, "merge": "nms"})))[0][0] == "Succeeded"
    assert photos.json(photos.written_keys[0]).get("tiles") == expected


@pytest.mark.parametrize("arguments", [None, {}, {"conff": "2", "MyKey": "x"}, {"conf": ""}])
def test_other_user_arguments_are_ignored(arguments: Any, invoke: Invoke) -> None:
    assert rows(invoke(job(arguments))) == [("Succeeded", "1 object found; s3://photos/results/in/wall.jpg.json")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"conf": "2"}, "InvalidOption: conf must be between 0 and 1"),
        ({"max_det": "many"}, "InvalidOption: max_det must be"),
        ({"tile": "8"}, "InvalidOption: tile must be an integer between 32 and 65500"),
        ({"tile": '{"size": 64, "overlap": 1}'}, "InvalidOption: overlap of tile must be between 0 and 0.9"),
        ({"tile": "64", "merge": "nmm"}, "InvalidOption: merge must be"),
        ({"classes": "green"}, "InvalidOption: "),
        ([1], "BadRequest: userArguments must be an object"),
    ],
)
def test_invalid_user_argument_fails_the_task_permanently(arguments: Any, reason: str, invoke: Invoke) -> None:
    reply = invoke(job(arguments))
    ((code, text),) = rows(reply)
    assert code == "PermanentFailure"
    assert text.startswith(reason)
    assert len([result for result in reply.results if isinstance(result, FunctionError)]) == 1


@pytest.mark.parametrize(
    "change", [{"s3Key": 0}, {"s3Key": None}, {"s3Bucket": 5}, {"s3Bucket": None}, {"s3Key": "\ud800"}]
)
def test_unreadable_task_fails_alone_and_is_counted(change: dict[str, Any], invoke: Invoke, photos: FakeS3) -> None:
    task = READ["s3 batch"]["tasks"][0] | {"taskId": "t2"} | change
    reply = invoke(job({}, task))
    assert [code for code, _ in rows(reply)] == ["Succeeded", "PermanentFailure"]
    assert [type(result) for result in reply.results if isinstance(result, FunctionError)] == [BadRequest]
    assert photos.written_keys == ["results/in/wall.jpg.json"]


@pytest.mark.parametrize(
    "change", [{"invocationId": None}, {"tasks": None}, {"tasks": [5]}, {"tasks": [{"s3Key": "a"}]}]
)
def test_job_that_cannot_be_reported_is_raised(change: dict[str, Any], invoke: Invoke) -> None:
    with pytest.raises(BadRequest):
        invoke(job({}) | change)


@pytest.mark.parametrize("version_id", [7, ["v1"], "\ud800"])
def test_version_that_is_not_text_is_a_permanent_failure(version_id: Any, invoke: Invoke, photos: FakeS3) -> None:
    task = READ["s3 batch"]["tasks"][0] | {"s3VersionId": version_id}
    ((code, text),) = rows(invoke(job({}) | {"tasks": [task]}))
    assert code == "PermanentFailure"
    assert text.startswith("BadRequest: the version id must be text, got ")
    assert photos.written_keys == []


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (5, "a task of S3 Batch Operations must be an object with taskId, got a number"),
        ({"s3Key": "a"}, "a task of S3 Batch Operations must have taskId, got an object without it"),
        ({"taskId": None}, "taskId must be text, got null"),
    ],
)
def test_error_of_a_task_without_an_id_says_what_is_missing(task: Any, error: str, invoke: Invoke) -> None:
    with pytest.raises(BadRequest, match=f"^{error}$"):
        invoke(job({}, task))
