"""Reserved concurrency: the quota of the account is checked first, and an error has the command that raises it."""

from typing import Any

import pytest

from scripts.aws import options
from tests.scripts.aws.conftest import Error
from tests.scripts.aws.function import Function
from tests.scripts.aws.test_deploy_errors import CONFIGURATION, ROLE, error_line

INCREASE = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
    "--desired-value {} --region eu-west-1\n"
)


def with_quota(function: Function, total: int, unreserved: int, present: int | None = None) -> None:
    limits = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}
    concurrency = {} if present is None else {"ReservedConcurrentExecutions": present}
    function.aws.responses |= {
        "GetAccountSettings": {"AccountLimit": limits},
        "GetFunction": {"Configuration": CONFIGURATION, "Concurrency": concurrency},
        "PutFunctionConcurrency": {},
        "DeleteFunctionConcurrency": {},
    }


@pytest.mark.parametrize(
    ("total", "unreserved", "present", "requested", "most", "desired"),
    [
        (10, 10, None, 1, 0, 1000),  # a new account
        (1000, 1000, None, 991, 990, 2000),
        (1000, 500, 300, 791, 790, 2000),
        (50, 5, None, 1, 0, 1000),
    ],
)
def test_reservation_above_the_quota_is_refused_before_anything_is_changed(
    function: Function, capsys: pytest.CaptureFixture[str],
    total: int, unreserved: int, present: int | None, requested: int, most: int, desired: int,
) -> None:  # fmt: skip
    with_quota(function, total, unreserved, present)
    line = error_line(capsys, "--dist", str(function.dist), "--create-role", "--reserved-concurrency", str(requested))
    assert (
        f"--reserved-concurrency must be at most {most} in eu-west-1 of account 123456789012, got {requested}; " in line
    )
    assert f"of {total} concurrent executions, 10 must stay unreserved" in line
    assert line.endswith(INCREASE.format(desired))
    assert function.aws.operations == ["GetCallerIdentity", "GetFunction", "GetAccountSettings"]


@pytest.mark.parametrize(
    ("present", "requested", "expected", "line"),
    [
        (None, "5", ("PutFunctionConcurrency", 5), "reserved  concurrency 5 (was none)"),
        (8, "5", ("PutFunctionConcurrency", 5), "reserved  concurrency 5 (was 8)"),
        (None, "990", ("PutFunctionConcurrency", 990), "reserved  concurrency 990 (was none)"),
        (None, "0", ("PutFunctionConcurrency", 0), "reserved  concurrency 0 (was none); the function is off"),
        (0, "none", ("DeleteFunctionConcurrency", None), "reserved  concurrency none (was 0)"),
        (5, "none", ("DeleteFunctionConcurrency", None), "reserved  concurrency none (was 5)"),
        (5, "5", None, None),
        (0, "0", None, None),
        (None, "none", None, None),
    ],
)
def test_reservation_is_changed_where_it_differs(
    function: Function, present: int | None, requested: str, expected: tuple[str, Any] | None, line: str | None
) -> None:
    with_quota(function, 1000, 1000, present)
    lines = [text for text in function.run("--reserved-concurrency", requested) if text.startswith("reserved")]
    assert lines == ([line] if line else [])
    calls = [call for call in function.aws.calls if call[0].endswith("FunctionConcurrency")]
    changes = [(operation, parameters.get("ReservedConcurrentExecutions")) for operation, parameters in calls]
    assert changes == ([expected] if expected else [])


def test_reservation_is_left_alone_without_the_option(function: Function) -> None:
    with_quota(function, 1000, 1000, 5)
    function.run()
    assert not {"GetAccountSettings", "PutFunctionConcurrency", "DeleteFunctionConcurrency"} & {
        *function.aws.operations
    }


def test_refusal_of_lambda_has_the_command_too(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    with_quota(function, 1000, 1000)
    message = (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below"
    )
    function.aws.responses["PutFunctionConcurrency"] = Error("InvalidParameterValueException", message)
    line = error_line(capsys, "--dist", str(function.dist), "--reserved-concurrency", "5", code=1)
    assert message in line and line.endswith(INCREASE.format(1000))


@pytest.mark.parametrize("is_new", [True, False])
def test_memory_above_the_limit_of_a_new_account(
    is_new: bool, function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008"
    error = Error("InvalidParameterValueException", message)
    function.aws.responses |= {"UpdateFunctionConfiguration": error, "CreateFunction": error}
    if is_new:
        del function.aws.responses["GetFunction"]
    line = error_line(capsys, "--dist", str(function.dist), "--memory", "3538", "--role", ROLE, code=1)
    assert line.startswith(
        "deploy: --memory must be at most 3008 in this account: a new account has less than 10,240 MB"
    )


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "None", ""])
def test_value_that_is_no_number_exits_with_2(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse([f"--reserved-concurrency={value}"])
    assert stop.value.code == 2
    assert f"must be a number from 0 on or none, got {value!r}" in capsys.readouterr().err
