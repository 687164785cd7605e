"""The stack on moto's CloudFormation, for every combination of parameters that matters.

What moto 5.2.1 cannot do, and how it is left out here:
- it does not translate SAM, check Rules and AllowedPatterns, or leave AWS::NoValue out of a list: it gets the template
  translated and worked out (tests/support/template_stack.py);
- it makes nothing of the resources in NOT_MADE, warns (which fails a test), and stumbles over references to them: they
  are left out, and what calls the alias calls the function;
- of what it makes it forgets the function's Architectures, Layers, TracingConfig, SnapStart and LoggingConfig, the
  layer's LayerName, the role's ManagedPolicyArns and the bucket's notifications: test_template.py looks at these.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.template_stack import stack
from tests.template.test_template import TRIGGER, every_combination

NOT_MADE = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Url",
    "AWS::SQS::QueuePolicy",
}
NOT_MADE_WITHOUT = {"ApiPermission"}  # its SourceArn is the API's
INSTEAD = {
    '{"Ref": "FunctionAliaslive"}': '{"Fn::GetAtt": ["Function", "Arn"]}',
    '"DependsOn": "QueuePolicy"': '"DependsOn": "Queue"',
}
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, with two zips in a bucket."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="zips")
        for name in ("function", "layer"):
            client.put_object(Bucket="zips", Key=f"{name}.zip", Body=_zip(name))
        yield


def _zip(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(f"{name}.txt", name)
    return buffer.getvalue()


def wanted(**given: str) -> dict[str, Any]:
    """The resources that moto can make."""
    text = json.dumps(stack(**given)["Resources"])
    for there, instead in INSTEAD.items():
        text = text.replace(there, instead)
    return {
        name: one
        for name, one in json.loads(text).items()
        if one["Type"] not in NOT_MADE and name not in NOT_MADE_WITHOUT
    }


def deploy(**given: str) -> dict[str, str]:
    """Make the stack; the types of what it has, by logical id."""
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName="yolo",
        TemplateBody=json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": wanted(**given)}),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert client.describe_stacks(StackName="yolo")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    made = client.describe_stack_resources(StackName="yolo")["StackResources"]
    return {one["LogicalResourceId"]: one["ResourceType"] for one in made}


@every_combination
def test_everything_that_moto_can_make_is_made(given: dict[str, str]) -> None:
    assert deploy(**given) == {name: one["Type"] for name, one in wanted(**given).items()}


def test_the_function_is_as_asked_for() -> None:
    given = {"PythonRuntime": "python3.14", "Memory": "3538", "Timeout": "60", "Iou": "0.5"}
    deploy(**given)
    made = boto3.client("lambda").get_function_configuration(FunctionName="yolo")
    names = ("Runtime", "MemorySize", "Timeout", "Handler")
    assert [made[name] for name in names] == ["python3.14", 3538, 60, "function.handler.lambda_handler"]
    variables = made["Environment"]["Variables"]
    assert (variables["IOU_THRESHOLD"], variables["ORT_DISABLE_TELEMETRY"]) == ("0.5", "1")


def test_a_version_is_published_and_the_layer_too() -> None:
    deploy()
    client = boto3.client("lambda")
    versions = client.list_versions_by_function(FunctionName="yolo")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]
    [layer] = client.list_layers()["Layers"]
    assert layer["LatestMatchingVersion"]["CompatibleRuntimes"] == ["python3.13"]


def test_a_public_url_has_both_permissions_and_a_signed_one_has_none() -> None:
    deploy(UrlAuth="NONE")
    policy = json.loads(boto3.client("lambda").get_policy(FunctionName="yolo")["Policy"])
    assert {(one["Action"], one["Principal"]) for one in policy["Statement"]} == {
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    }
    boto3.client("cloudformation").delete_stack(StackName="yolo")
    deploy()
    client = boto3.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName="yolo")


def test_the_queue_hides_messages_for_six_time_outs_and_gives_up_into_the_other() -> None:
    deploy(**TRIGGER, Timeout="60")
    client = boto3.client("sqs")
    [queue] = client.list_queues(QueueNamePrefix="yolo-Queue")["QueueUrls"]
    made = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert made["VisibilityTimeout"] == "360"
    assert "yolo-DeadLetters" in json.loads(made["RedrivePolicy"])["deadLetterTargetArn"]
    [mapping] = boto3.client("lambda").list_event_source_mappings(EventSourceArn=made["QueueArn"])[
        "EventSourceMappings"
    ]
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (10, ["ReportBatchItemFailures"])


def test_the_log_is_kept_as_long_as_asked_for() -> None:
    deploy(LogRetention="7")
    [group] = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/yolo")["logGroups"]
    assert int(group["retentionInDays"]) == 7


def test_deleting_the_stack_takes_the_function_along_and_leaves_no_role() -> None:
    deploy()
    boto3.client("cloudformation").delete_stack(StackName="yolo")
    assert boto3.client("lambda").list_functions()["Functions"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
