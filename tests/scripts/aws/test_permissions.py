"""The policy for the person who deploys: it has the actions of the calls that the commands make, and no others."""

import json
from typing import Any

import pytest
from botocore.client import BaseClient

from scripts.aws import deploy, undeploy
from tests.docs.test_policies import policy
from tests.scripts.aws.conftest import Error, FakeAws
from tests.scripts.aws.function import Function
from tests.scripts.aws.test_deploy_errors import CONFIGURATION

ROLE = "arn:aws:iam::123456789012:role/yolo-lambda"
NO_PERMISSION = {"sts:GetCallerIdentity"}  # everybody may call it
# Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
FURTHER = {  # action -> what it needs besides, with the parameters of these commands
    "lambda:CreateFunction": {"iam:PassRole", "lambda:GetLayerVersion", "lambda:TagResource"},
    "lambda:PublishLayerVersion": {"s3:GetObject"},  # with --bucket
    "iam:CreateRole": {"iam:TagRole"},
    "logs:CreateLogGroup": {"logs:TagResource"},
}


@pytest.fixture
def actions(function: Function, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Actions of all calls so far."""
    called: set[str] = set()
    record = BaseClient._make_api_call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        called.add(f"{client.meta.service_model.signing_name}:{operation}")
        return record(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return called


def respond(aws: FakeAws, *operations: str) -> None:
    aws.responses |= {operation: {} for operation in operations}


def make_every_call(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands with all of their options."""
    aws = function.aws
    own = {"Configuration": {**CONFIGURATION, "Role": ROLE}, "Tags": {"yolo-lambda-zip": "deploy.sh"}}
    role = {"Role": {"Arn": ROLE, "Tags": [{"Key": "yolo-lambda-zip", "Value": "yolo"}]}}
    alias, missing = aws.responses.pop("GetAlias"), Error("ResourceNotFoundException")
    groups = aws.responses["DescribeLogGroups"]
    respond(
        aws, "PutObject", "DeleteObject", "CreateFunction", "AttachRolePolicy", "CreateLogGroup", "PutRetentionPolicy"
    )
    respond(aws, "PutFunctionConcurrency", "DeleteFunctionConcurrency", "GetAccountSettings", "DeleteRetentionPolicy")
    respond(aws, "DeleteFunction", "DeleteLayerVersion", "DetachRolePolicy", "DeleteRole", "DeleteLogGroup")
    aws.responses |= {"GetRole": Error("NoSuchEntity"), "CreateRole": role, "GetFunction": [missing, own]}
    aws.responses["DescribeLogGroups"] = {"logGroups": []}
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 1)
    function.run("--bucket", "uploads", "--create-role", "--reserved-concurrency", "5")
    monkeypatch.undo()
    aws.responses |= {"GetFunction": own, "GetAlias": alias, "GetRole": role}
    aws.responses["DescribeLogGroups"] = {"logGroups": [{**groups["logGroups"][0], "arn": "a:*", "retentionInDays": 1}]}
    function.run("--log-retention", "0", "--memory", "2048", "--canary", "10")
    own["Concurrency"] = {"ReservedConcurrentExecutions": 5}
    function.run("--reserved-concurrency", "none")
    _access_calls(function)
    function.points_to("2")
    assert deploy.main(["--rollback"]) == 0
    respond(aws, "UpdateFunctionUrlConfig", "AddPermission", "RemovePermission", "DeleteFunctionUrlConfig")
    respond(aws, "PutRolePolicy", "DeleteRolePolicy")
    aws.responses["CreateFunctionUrlConfig"] = {"FunctionUrl": "https://a.lambda-url.eu-west-1.on.aws/"}
    function.run("--url", "public", "--read", "s3://photos/in/")
    url = {"AuthType": "NONE", "FunctionUrl": "https://a.lambda-url.eu-west-1.on.aws/"}
    aws.responses["GetFunctionUrlConfig"] = url
    added = [parameters["StatementId"] for operation, parameters in aws.calls if operation == "AddPermission"]
    aws.responses["GetPolicy"] = {"Policy": json.dumps({"Statement": [{"Sid": name} for name in added]})}
    function.run("--url", "iam")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:yolo:live"
    aws.responses["ListFunctionUrlConfigs"] = {"FunctionUrlConfigs": [{**url, "FunctionArn": arn}]}
    aws.responses["GetRolePolicy"] = {"PolicyDocument": json.dumps({"Statement": []})}
    version = {"LayerVersionArn": "arn:layer:1", "Version": 1, "Description": "yolo-lambda-zip sha256:0"}
    aws.responses |= {
        "ListLayerVersions": {"LayerVersions": [version]},
        "ListTagsForResource": {"tags": role_tags(role)},
    }
    assert undeploy.main(["--yes", "--logs"]) == 0


def _access_calls(function: Function) -> None:
    """Make a URL and change it, and grant the role access to a bucket."""
    address = {
        "FunctionUrl": "https://a.example/",
        "AuthType": "NONE",
        "FunctionArn": "arn:aws:lambda:a:1:function:yolo:live",
    }
    statements = {"Statement": [{"Sid": "public-url"}, {"Sid": "public-invoke"}]}
    responses = function.aws.responses
    respond(function.aws, "AddPermission", "RemovePermission", "UpdateFunctionUrlConfig", "PutRolePolicy")
    respond(function.aws, "DeleteFunctionUrlConfig", "DeleteRolePolicy")
    responses["CreateFunctionUrlConfig"] = address
    function.run("--url", "public", "--read", "s3://images/in/")
    responses |= {"GetFunctionUrlConfig": address, "GetPolicy": {"Policy": json.dumps(statements)}}
    function.run("--url", "iam")
    responses |= {"ListFunctionUrlConfigs": {"FunctionUrlConfigs": [address]}}
    responses["GetRolePolicy"] = {"PolicyDocument": '{"Statement": []}'}


def role_tags(role: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in role["Role"]["Tags"]}


def test_policy_has_the_actions_of_every_call(
    actions: set[str], function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        make_every_call(function, patch)
    further = {action for name, actions_ in FURTHER.items() if name in actions for action in actions_}
    statements = policy("deploy.md", "Sid")["Statement"]
    granted = [action for item in statements for action in _list(item["Action"])]
    assert sorted(granted) == sorted((actions | further) - NO_PERMISSION)


def test_every_statement_of_the_policy_is_limited_to_the_function_where_aws_allows_that() -> None:
    statements = {item["Sid"]: item for item in policy("deploy.md", "Sid")["Statement"]}
    assert [sid for sid, item in statements.items() if "*" in _list(item["Resource"])] == ["Lists"]
    assert all(item["Effect"] == "Allow" for item in statements.values())


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
