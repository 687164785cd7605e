"""The stack on the CloudFormation of moto, for every combination of parameters that matters.

Limits of moto 5.2.1, and what these tests do instead:
- It does not translate SAM, does not check Rules and AllowedPatterns, and keeps AWS::NoValue in lists. It gets the
  translated and evaluated template (tests/support/template_stack.py).
- It does not create the resources in UNSUPPORTED, warns about them (which fails a test), and fails on references to
  them. They are omitted, and the callers of the alias call the function.
- A managed policy has no attribute PolicyId.
- It drops Architectures, Layers, TracingConfig, SnapStart and LoggingConfig of the function, LayerName of the layer,
  ManagedPolicyArns of the role, and the notifications of the bucket. test_template.py checks these.
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

UNSUPPORTED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Url",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "Custom::BucketNotification",  # runs in test_bucket_notifications.py
}
DEPENDENT = {"ApiPermission"}  # its SourceArn refers to the API
REPLACEMENTS = {
    '{"Ref": "FunctionAliaslive"}': '{"Fn::GetAtt": ["Function", "Arn"]}',
    '"DependsOn": "QueuePolicy"': '"DependsOn": "Queue"',
    "${ReadAccess.PolicyId}": "ANPAIOSFODNN7EXAMPLE",
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
    """Empty account with two zips in a bucket."""
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
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.txt", name)
    return buffer.getvalue()


def supported(**parameters: str) -> dict[str, Any]:
    """Return the resources that moto can create."""
    text = json.dumps(stack(**parameters)["Resources"])
    for old, new in REPLACEMENTS.items():
        text = text.replace(old, new)
    return {
        name: resource
        for name, resource in json.loads(text).items()
        if resource["Type"] not in UNSUPPORTED and name not in DEPENDENT
    }


def deploy(**parameters: str) -> dict[str, str]:
    """Create the stack and return the types of its resources, by logical id."""
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName="yolo",
        TemplateBody=json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": supported(**parameters)}),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert client.describe_stacks(StackName="yolo")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    created = client.describe_stack_resources(StackName="yolo")["StackResources"]
    return {resource["LogicalResourceId"]: resource["ResourceType"] for resource in created}


@every_combination
def test_every_supported_resource_is_created(parameters: dict[str, str]) -> None:
    expected = {name: resource["Type"] for name, resource in supported(**parameters).items()}
    assert deploy(**parameters) == expected


def test_function_has_the_requested_configuration() -> None:
    parameters = {"PythonRuntime": "python3.14", "Memory": "3538", "Timeout": "60", "Iou": "0.5"}
    deploy(**parameters)
    configuration = boto3.client("lambda").get_function_configuration(FunctionName="yolo")
    names = ("Runtime", "MemorySize", "Timeout", "Handler")
    assert [configuration[name] for name in names] == ["python3.14", 3538, 60, "function.handler.lambda_handler"]
    variables = configuration["Environment"]["Variables"]
    assert (variables["IOU_THRESHOLD"], variables["ORT_DISABLE_TELEMETRY"]) == ("0.5", "1")


def test_version_of_the_function_and_of_the_layer_is_published() -> None:
    deploy()
    client = boto3.client("lambda")
    versions = client.list_versions_by_function(FunctionName="yolo")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]
    [layer] = client.list_layers()["Layers"]
    assert layer["LatestMatchingVersion"]["CompatibleRuntimes"] == ["python3.13"]


def test_public_url_has_two_permissions_and_a_signed_url_has_none() -> None:
    deploy(UrlAuth="NONE")
    policy = json.loads(boto3.client("lambda").get_policy(FunctionName="yolo")["Policy"])
    assert {(statement["Action"], statement["Principal"]) for statement in policy["Statement"]} == {
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    }
    boto3.client("cloudformation").delete_stack(StackName="yolo")
    deploy()
    client = boto3.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName="yolo")


def test_queue_has_a_visibility_timeout_of_six_timeouts_and_a_dead_letter_queue() -> None:
    deploy(**TRIGGER, Timeout="60")
    client = boto3.client("sqs")
    [queue] = client.list_queues(QueueNamePrefix="yolo-Queue")["QueueUrls"]
    attributes = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "360"
    assert "yolo-DeadLetters" in json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]
    [mapping] = boto3.client("lambda").list_event_source_mappings(EventSourceArn=attributes["QueueArn"])[
        "EventSourceMappings"
    ]
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (10, ["ReportBatchItemFailures"])


def test_log_has_the_requested_retention() -> None:
    deploy(LogRetention="7")
    [group] = boto3.client("logs").describe_log_groups()["logGroups"]
    assert int(group["retentionInDays"]) == 7


def test_log_of_an_earlier_deployment_does_not_prevent_the_stack() -> None:
    boto3.client("logs").create_log_group(logGroupName="/aws/lambda/yolo")  # Lambda made it, and deploy.sh leaves it
    assert "LogGroup" in deploy()


def test_deleting_the_stack_deletes_the_function_and_the_role() -> None:
    deploy()
    boto3.client("cloudformation").delete_stack(StackName="yolo")
    assert boto3.client("lambda").list_functions()["Functions"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
