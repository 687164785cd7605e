"""Roles, log and outputs of Bulk=on: the role may make the calls that an execution makes, and no others."""

import fnmatch
import json
from typing import Any

import pytest

from tests.support import template_stack
from tests.support.bulk import ALIAS, ARN, ON, statements
from tests.support.state_machine import StateMachine
from tests.template.test_template import KEY


def granted(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Return whether statements without conditions allow a call."""
    return any(
        action in _listed(statement["Action"])
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"]))
        for statement in statements
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_role_may_make_exactly_the_calls_of_an_execution(s3: Any, bulk: StateMachine) -> None:
    s3.put_object(Bucket="photos", Key="results/map-runs/m.jsonl", Body=b'{"bucket": "photos", "key": "in/gray.jpg"}\n')
    bulk.run({})
    bulk.run({"manifest": {"bucket": "photos", "key": "results/map-runs/m.jsonl"}})
    held = statements("BulkRole")
    assert [call for call in sorted(bulk.calls) if not granted(held, *call)] == []
    actions = {action for statement in held for action in _listed(statement["Action"])}
    assert {action for action in actions if not action.startswith("logs:")} == {action for action, _ in bulk.calls}
    assert [statement["Resource"] for statement in held].count("*") == 1  # the delivery of logs


@pytest.mark.parametrize(
    "call",
    [
        ("lambda:InvokeFunction", ALIAS.removesuffix(":live")),
        ("s3:GetObject", "arn:aws:s3:::photos/in/gray.jpg"),
        ("s3:PutObject", "arn:aws:s3:::photos/results/in/gray.jpg.json"),
        ("s3:ListBucket", "arn:aws:s3:::other"),
        ("states:StartExecution", ARN.replace("yolo", "other")),
    ],
)
def test_roles_may_not_make_other_calls(call: tuple[str, str]) -> None:
    assert not granted(statements("BulkRole"), *call)
    assert not granted(statements("BatchRole"), *call)


@pytest.mark.parametrize(("role", "service"), [("BulkRole", "states"), ("BatchRole", "batchoperations.s3")])
def test_role_is_for_its_service_in_this_account(role: str, service: str) -> None:
    (trust,) = template_stack.resources("AWS::IAM::Role", **ON)[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_batch_role_calls_the_alias_and_keeps_to_its_folder() -> None:
    held = statements("BatchRole", ResultBucket="results", ResultPrefix="r/")
    assert granted(held, "lambda:InvokeFunction", ALIAS)
    assert granted(held, "s3:PutObject", "arn:aws:s3:::results/r/batch-jobs/job-1/report.csv")
    assert granted(held, "s3:GetObject", "arn:aws:s3:::results/r/batch-jobs/manifest.csv")
    assert granted(held, "s3:PutInventoryConfiguration", "arn:aws:s3:::photos")


@pytest.mark.parametrize("role", ["Role", "BulkRole", "BatchRole"])
def test_every_role_uses_the_key_of_the_buckets_through_s3_alone(role: str) -> None:
    with_key = [statement for statement in statements(role, KmsKeyArn=KEY) if "kms" in json.dumps(statement["Action"])]
    assert with_key == [
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
        }
    ]
    assert "kms" not in json.dumps(statements(role))


def test_nothing_of_bulk_exists_by_default_and_bulk_needs_a_bucket() -> None:
    deployed = template_stack.stack(PicturesBucket="photos")
    assert not [name for name in (*deployed["Resources"], *deployed["Outputs"]) if "Bulk" in name or "Batch" in name]
    assert template_stack.broken_rules(Bulk="on") == {"BulkNeedsBucket"}


def test_commands_of_the_outputs_name_the_machine_the_alias_and_the_role() -> None:
    outputs = template_stack.stack(**ON)["Outputs"]
    assert "--state-machine-arn ${BulkMachine} --input '{}'" in outputs["BulkCommand"]["Value"]["Fn::Sub"]
    command = json.dumps(outputs["BatchCommand"]["Value"])
    assert "${BatchRole.Arn}" in command and "FunctionAliaslive" in command and "results/batch-jobs" in command


def test_log_of_the_machine_has_the_retention() -> None:
    (properties,) = template_stack.resources("AWS::StepFunctions::StateMachine", **ON).values()
    assert properties["StateMachineName"] == "yolo-bulk"
    assert properties["LoggingConfiguration"]["Level"] == "ERROR"
    assert template_stack.resources("AWS::Logs::LogGroup", **ON, LogRetention="7")["BulkLog"]["RetentionInDays"] == "7"
