"""Log group: a new one gets a retention and a tag, an existing one stays as it is, and only a tagged one is removed."""

import json
from typing import Any

import pytest

from scripts.aws import options, undeploy
from tests.scripts.aws.conftest import Error, FakeAws
from tests.scripts.aws.function import Function
from tests.scripts.aws.test_deploy_errors import CONFIGURATION, error_line

NAME = "/aws/lambda/yolo"
ARN = f"arn:aws:logs:eu-west-1:123456789012:log-group:{NAME}"
OF_LOGS = ("CreateLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy")
CREATED = ("CreateLogGroup", {"logGroupName": NAME, "tags": {"yolo-lambda-zip": "yolo"}})


def put(days: int, name: str = NAME) -> tuple[str, dict[str, Any]]:
    return "PutRetentionPolicy", {"logGroupName": name, "retentionInDays": days}


def with_groups(function: Function, *groups: dict[str, Any]) -> None:
    function.aws.responses |= {name: {} for name in OF_LOGS}
    function.aws.responses["DescribeLogGroups"] = {"logGroups": list(groups)}


def changes(function: Function) -> list[tuple[str, dict[str, Any]]]:
    return [call for call in function.aws.calls if call[0] in OF_LOGS]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [([], [CREATED, put(30)]), (["--log-retention", "7"], [CREATED, put(7)]), (["--log-retention", "0"], [CREATED])],
)
def test_new_log_group(flags: list[str], expected: Any, function: Function) -> None:
    with_groups(function, {"logGroupName": f"{NAME}-2", "retentionInDays": 1})  # the listing is by prefix
    function.run(*flags)
    assert changes(function) == expected


@pytest.mark.parametrize(
    ("present", "flags", "expected"),
    [
        (None, [], []),
        (7, [], []),
        (7, ["--log-retention", "7"], []),
        (None, ["--log-retention", "0"], []),
        (7, ["--log-retention", "30"], [put(30)]),
        (None, ["--log-retention", "30"], [put(30)]),
        (7, ["--log-retention", "0"], [("DeleteRetentionPolicy", {"logGroupName": NAME})]),
    ],
)
def test_retention_of_an_existing_log_group_changes_only_on_request(
    present: int | None, flags: list[str], expected: Any, function: Function
) -> None:
    with_groups(function, {"logGroupName": NAME} | ({"retentionInDays": present} if present else {}))
    function.run(*flags)
    assert changes(function) == expected


def test_log_group_that_the_function_names_is_used(function: Function) -> None:
    with_groups(function, {"logGroupName": "/shared"})
    configuration = {**CONFIGURATION, "LoggingConfig": {"LogGroup": "/shared"}}
    function.aws.responses["GetFunction"] = {"Configuration": configuration}
    function.run("--log-retention", "14")
    assert changes(function) == [put(14, "/shared")]


def test_log_group_that_appears_meanwhile_gets_the_retention(function: Function) -> None:
    with_groups(function)
    function.aws.responses["CreateLogGroup"] = Error("ResourceAlreadyExistsException")
    function.run()
    assert changes(function) == [CREATED, put(30)]


def test_missing_permission_is_reported_and_the_deployment_goes_on(function: Function) -> None:
    function.aws.responses["DescribeLogGroups"] = Error("AccessDeniedException", "not authorized")
    lines = function.run()
    assert lines[0].startswith(f"logs      the retention of {NAME} was not set: DescribeLogGroups: AccessDenied")
    assert "alias     yolo:live is version 2 (was 1)" in lines


def test_missing_permission_for_a_requested_retention_is_an_error(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.aws.responses["DescribeLogGroups"] = Error("AccessDeniedException", "not authorized")
    line = error_line(capsys, "--dist", str(function.dist), "--log-retention", "7", code=1)
    assert "DescribeLogGroups: AccessDenied" in line


def test_days_that_aws_does_not_know_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse(["--log-retention", "10"])
    assert stop.value.code == 2
    assert "--log-retention must be one of 0, 1, 3, 5, 7, 14, 30, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tags", "flags", "is_removed"),
    [
        ({"yolo-lambda-zip": "yolo"}, ["--logs"], True),
        ({"yolo-lambda-zip": "yolo"}, [], False),
        ({"yolo-lambda-zip": "another"}, ["--logs"], False),
        ({}, ["--logs"], False),
    ],
)
def test_undeploy_removes_a_log_group_of_deploy_on_request(
    tags: dict[str, str], flags: list[str], is_removed: bool, aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    tagged = {"Configuration": CONFIGURATION, "Tags": {"yolo-lambda-zip": "deploy.sh"}}
    aws.responses |= {"GetFunction": tagged, "DeleteFunction": {}, "DeleteLogGroup": {}}
    aws.responses["DescribeLogGroups"] = {"logGroups": [{"logGroupName": NAME, "arn": f"{ARN}:*", "logGroupArn": ARN}]}
    aws.responses["ListTagsForResource"] = {"tags": tags}
    assert undeploy.main(["--yes", "--json", *flags]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["log_group"] == (NAME if is_removed else None)
    assert (("DeleteLogGroup", {"logGroupName": NAME}) in aws.calls) == is_removed
    assert (f"aws logs delete-log-group --log-group-name {NAME}" in document["report"][-1]) != is_removed
