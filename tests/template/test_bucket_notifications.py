"""S3Trigger=existing-bucket: the custom resource that changes the notifications of a bucket, on the S3 of moto.

The code runs as it stands in template.yaml. moto does not refuse overlapping notifications, does not check their
destinations, and does not return EventBridgeConfiguration, so these responses of S3 are made here.
"""

import ast
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.template_stack import resources, source, stack
from tests.template.test_moto import VARIABLES

PARAMETERS = {"S3Trigger": "existing-bucket", "PicturesBucket": "photos", "PicturesPrefix": "a/", "LogRetention": "7"}
CODE = source()["Resources"]["Notifier"]["Properties"]["Code"]["ZipFile"]
OURS = "yolo-lambda-yolo"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:yolo-Queue"
FOREIGN: dict[str, list[dict[str, Any]]] = {
    "QueueConfigurations": [
        {
            "Id": "thumbnails",
            "QueueArn": "arn:aws:sqs:us-east-1:123456789012:thumbnails",
            "Events": ["s3:ObjectCreated:Put"],
            "Filter": {
                "Key": {"FilterRules": [{"Name": "prefix", "Value": "web/"}, {"Name": "suffix", "Value": ".png"}]}
            },
        }
    ],
    "TopicConfigurations": [
        {"Id": "audit", "TopicArn": "arn:aws:sns:us-east-1:123456789012:audit", "Events": ["s3:ObjectRemoved:*"]}
    ],
    "LambdaFunctionConfigurations": [
        {
            "Id": "index",
            "LambdaFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:index",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "docs/"}]}},
        }
    ],
}
OVERLAP = ClientError(
    {
        "Error": {
            "Code": "InvalidArgument",
            "Message": "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
            "prefixes are overlapping for the same event type.",
        }
    },
    "PutBucketNotificationConfiguration",
)
UNKNOWN_QUEUE = ClientError(
    {
        "Error": {
            "Code": "InvalidArgument",
            "Message": "Unable to validate the following destination configurations",
        }
    },
    "PutBucketNotificationConfiguration",
)
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetBucketNotification")


class Responses(BaseHTTPRequestHandler):
    """The presigned URL of CloudFormation, which takes the answer of a custom resource."""

    received: ClassVar[list[tuple[str | None, dict[str, Any]]]] = []

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Print nothing."""


class CloudFormation:
    """The custom resource as CloudFormation sees it: events go to its code, answers come by HTTP.

    Attributes:
        errors: exceptions that the next changes of notifications raise, in this order.
        calls: arguments of the calls that change notifications.
        has_event_bridge: the bucket sends its events to EventBridge too.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.errors: list[Exception] = []
        self.calls: list[dict[str, Any]] = []
        self.has_event_bridge = False
        self.code: dict[str, Any] = {"__name__": "index"}
        exec(compile(CODE, "index.py", "exec"), self.code)
        self.code["boto3"] = self
        self.code["PAUSE"] = 0

    def client(self, service: str) -> Any:
        """Return the client of boto3, whose changes fail with the errors."""
        client = boto3.client(service)
        put = client.put_bucket_notification_configuration

        def fail_or_put(**arguments: Any) -> Any:
            self.calls.append(arguments)
            if self.errors:
                raise self.errors.pop(0)
            return put(**arguments)

        if self.has_event_bridge:
            get = client.get_bucket_notification_configuration
            client.get_bucket_notification_configuration = lambda **arguments: {
                **get(**arguments),
                "EventBridgeConfiguration": {},
            }
        client.put_bucket_notification_configuration = fail_or_put
        return client

    def send(self, kind: str, identity: str | None = None, **properties: str) -> dict[str, Any]:
        """Invoke the function and return its answer."""
        [declared] = resources("Custom::BucketNotification", **PARAMETERS).values()
        event = {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/yolo/1",
            "RequestId": "5",
            "LogicalResourceId": "Notification",
            "ResourceProperties": {**declared, "Queue": QUEUE, **properties},
        }
        if identity:
            event["PhysicalResourceId"] = identity
        Responses.received.clear()
        self.code["handler"](event, None)
        [(content_type, answer)] = Responses.received
        assert content_type in (None, "")  # another one does not fit the signature of the URL
        assert {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {
            name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")
        }
        return answer


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    """The resource beside a bucket with notifications of others."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with HTTPServer(("127.0.0.1", 0), Responses) as server, mock_aws():
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        boto3.client("s3").create_bucket(Bucket="photos")
        replace_notifications(FOREIGN)
        yield CloudFormation(f"http://127.0.0.1:{server.server_port}/?Signature=x")
        server.shutdown()


def replace_notifications(configuration: dict[str, Any]) -> None:
    boto3.client("s3").put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=configuration)


def notifications(bucket: str = "photos") -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    del found["ResponseMetadata"]
    return found


def entry(prefix: str, identity: str = OURS) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": prefix}]
    return {
        "Id": identity, "QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}},
    }  # fmt: skip


def with_entry(*entries: dict[str, Any]) -> dict[str, Any]:
    return {**FOREIGN, "QueueConfigurations": [*FOREIGN["QueueConfigurations"], *entries]}


def test_create_adds_the_queue_and_keeps_all_other_notifications(cloudformation: CloudFormation) -> None:
    answer = cloudformation.send("Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", f"photos/{OURS}")
    assert notifications() == with_entry(entry("a/"))


def test_bucket_without_notifications_gets_the_queue(cloudformation: CloudFormation) -> None:
    replace_notifications({})
    cloudformation.send("Create")
    assert notifications() == {"QueueConfigurations": [entry("a/")]}


def test_second_create_changes_nothing(cloudformation: CloudFormation) -> None:
    assert cloudformation.send("Create") == cloudformation.send("Create")
    assert notifications() == with_entry(entry("a/"))


def test_update_replaces_the_prefix_and_keeps_later_notifications(cloudformation: CloudFormation) -> None:
    created = cloudformation.send("Create")
    later = {**FOREIGN["TopicConfigurations"][0], "Id": "later"}
    with_later = {**with_entry(entry("a/")), "TopicConfigurations": [*FOREIGN["TopicConfigurations"], later]}
    replace_notifications(with_later)
    updated = cloudformation.send("Update", created["PhysicalResourceId"], Prefix="b/")
    assert updated == created
    assert notifications() == {**with_later, "QueueConfigurations": with_entry(entry("b/"))["QueueConfigurations"]}


def test_delete_removes_only_the_queue(cloudformation: CloudFormation) -> None:
    created = cloudformation.send("Create")
    answer = cloudformation.send("Delete", created["PhysicalResourceId"])
    assert answer == created
    assert notifications() == FOREIGN


def test_events_for_eventbridge_stay_on(cloudformation: CloudFormation) -> None:
    cloudformation.has_event_bridge = True
    identity = cloudformation.send("Create")["PhysicalResourceId"]
    cloudformation.send("Delete", identity)
    assert [call["NotificationConfiguration"]["EventBridgeConfiguration"] for call in cloudformation.calls] == [{}, {}]


def test_delete_of_the_only_notification_leaves_none(cloudformation: CloudFormation) -> None:
    replace_notifications({})
    created = cloudformation.send("Create")
    assert cloudformation.send("Delete", created["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert notifications() == {}


def test_another_bucket_is_another_resource_and_the_old_one_is_then_deleted(cloudformation: CloudFormation) -> None:
    old = cloudformation.send("Create")["PhysicalResourceId"]
    boto3.client("s3").create_bucket(Bucket="scans")
    new = cloudformation.send("Update", old, Bucket="scans")["PhysicalResourceId"]
    assert new == f"scans/{OURS}"
    assert cloudformation.send("Delete", old)["PhysicalResourceId"] == old
    assert notifications("scans") == {"QueueConfigurations": [entry("a/")]}
    assert notifications() == FOREIGN


def test_entry_for_the_same_queue_and_prefix_made_by_hand_is_replaced(cloudformation: CloudFormation) -> None:
    replace_notifications(with_entry(entry("a/", "by-hand")))
    cloudformation.send("Create")
    assert notifications() == with_entry(entry("a/"))


def test_bucket_must_be_of_the_account_and_destinations_are_checked(cloudformation: CloudFormation) -> None:
    cloudformation.send("Create")
    [call] = cloudformation.calls
    assert (call["ExpectedBucketOwner"], call["SkipDestinationValidation"]) == ("123456789012", False)


def test_overlap_is_the_reason_of_the_failure_and_its_rollback_succeeds(cloudformation: CloudFormation) -> None:
    cloudformation.errors = [OVERLAP]
    failed = cloudformation.send("Create")
    assert failed["Status"] == "FAILED"
    assert "photos: " in failed["Reason"] and "overlapping suffixes in two rules" in failed["Reason"]
    assert len(cloudformation.calls) == 1
    cloudformation.errors = [OVERLAP]
    rolled_back = cloudformation.send("Delete", failed["PhysicalResourceId"])
    assert (rolled_back["Status"], rolled_back["PhysicalResourceId"]) == ("SUCCESS", failed["PhysicalResourceId"])
    assert notifications() == FOREIGN


def test_failed_update_keeps_the_identity_and_the_notifications(cloudformation: CloudFormation) -> None:
    identity = cloudformation.send("Create")["PhysicalResourceId"]
    cloudformation.errors = [OVERLAP]
    answer = cloudformation.send("Update", identity, Prefix="web/")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", identity)
    assert notifications() == with_entry(entry("a/"))


@pytest.mark.parametrize("error", [UNKNOWN_QUEUE, DENIED])
def test_new_role_and_policy_are_waited_for(error: Exception, cloudformation: CloudFormation) -> None:
    cloudformation.errors = [error] * 5
    assert cloudformation.send("Create")["Status"] == "SUCCESS"
    assert len(cloudformation.calls) == 6


def test_wait_ends_before_the_timeout_of_the_function(cloudformation: CloudFormation) -> None:
    cloudformation.errors = [DENIED] * 100
    answer = cloudformation.send("Create")
    assert (answer["Status"], "Access Denied" in answer["Reason"]) == ("FAILED", True)
    code: dict[str, Any] = {}
    exec(CODE, code)
    assert len(cloudformation.calls) == code["ATTEMPTS"]
    assert 60 <= (code["ATTEMPTS"] - 1) * code["PAUSE"] < source()["Resources"]["Notifier"]["Properties"]["Timeout"] / 2


def test_delete_after_the_bucket_succeeds(cloudformation: CloudFormation) -> None:
    identity = cloudformation.send("Create")["PhysicalResourceId"]
    boto3.client("s3").delete_bucket(Bucket="photos")
    assert cloudformation.send("Delete", identity)["Status"] == "SUCCESS"


def test_delete_without_permission_fails_at_once_with_the_reason(cloudformation: CloudFormation) -> None:
    identity = cloudformation.send("Create")["PhysicalResourceId"]
    cloudformation.errors = [DENIED]
    answer = cloudformation.send("Delete", identity)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", identity)
    assert "Access Denied" in answer["Reason"]


def test_unexpected_error_is_answered_too(cloudformation: CloudFormation, capsys: pytest.CaptureFixture[str]) -> None:
    cloudformation.errors = [RuntimeError("x" * 5000)]
    answer = cloudformation.send("Create")
    assert answer["Status"] == "FAILED"
    assert len(json.dumps(answer)) < 4096  # the limit of CloudFormation
    assert json.loads(capsys.readouterr().out)["level"] == "ERROR"


def test_code_fits_into_the_template_and_runs_on_every_runtime() -> None:
    assert len(CODE) <= 4096  # ZipFile of AWS::Lambda::Function
    ast.parse(CODE, feature_version=(3, 12))


def test_function_may_change_this_bucket_and_its_log_and_nothing_else() -> None:
    role = resources("AWS::IAM::Role", **PARAMETERS)["NotifierRole"]
    assert "ManagedPolicyArns" not in role
    statements = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    assert [(statement["Action"], statement["Resource"]) for statement in statements] == [
        (["s3:GetBucketNotification", "s3:PutBucketNotification"], "arn:aws:s3:::photos"),
        (["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["NotifierLog", "Arn"]}),
    ]


def test_log_of_the_function_has_the_retention_of_the_stack() -> None:
    deployed = stack(**PARAMETERS)["Resources"]
    assert str(deployed["NotifierLog"]["Properties"]["RetentionInDays"]) == "7"
    assert deployed["Notifier"]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "NotifierLog"}


def test_notification_waits_for_the_policy_of_the_queue_and_has_a_limit() -> None:
    notification = stack(**PARAMETERS)["Resources"]["Notification"]
    assert notification["DependsOn"] == "QueuePolicy"
    assert notification["Properties"]["ServiceTimeout"] > source()["Resources"]["Notifier"]["Properties"]["Timeout"]
    assert notification["Properties"]["Id"] == OURS
    assert notification["Properties"]["Prefix"] == "a/"


@pytest.mark.parametrize("trigger", ["off", "new-bucket"])
def test_only_an_existing_bucket_needs_the_resource(trigger: str) -> None:
    deployed = stack(S3Trigger=trigger, PicturesBucket="photos")["Resources"]
    assert not {name for name in deployed if name.startswith("Notif")}


def test_no_command_that_replaces_the_notifications_is_left() -> None:
    assert "put-bucket-notification" not in json.dumps(source())
