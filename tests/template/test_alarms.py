"""Alarms of template.yaml: each fires on what the function writes and what the services publish, and on nothing else.

The handler is the real one, on the color model and on moto's S3 behind a proxy that injects errors. The metrics of
Lambda and SQS have the names and dimensions of docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from function import predictor, storage
from function.errors import FunctionError
from scripts.soak import s3_server
from scripts.soak.fault_proxy import Fault, FaultyProxy
from tests.function.test_handler import direct
from tests.support import cloudwatch, template_stack
from tests.support.aws_events import READ, S3_EVENT, sqs_message
from tests.support.cloudwatch import Datum
from tests.support.lambda_context import LambdaContext
from tests.support.template_stack import resources, stack

TRIGGER = {"PicturesBucket": "photos", "S3Trigger": "new-bucket"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
EMAIL = "operator@a.example"
LOG_LEVELS = template_stack.source()["Parameters"]["LogLevel"]["AllowedValues"]
VERSION = "7"  # that the alias gets
ALARM = "AWS::CloudWatch::Alarm"
Data = Callable[..., list[Datum]]


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    with s3_server.s3() as url, FaultyProxy(url).serving() as serving:
        yield serving


@pytest.fixture
def photos(proxy: FaultyProxy, red_png: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The bucket of the images, for the S3 client of the function."""
    for name, value in {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    storage._client.cache_clear()
    client = storage._client()
    client.create_bucket(Bucket="photos")
    client.put_object(Bucket="photos", Key="in/wall.jpg", Body=red_png)
    proxy.faults.clear()
    yield proxy
    client.close()
    storage._client.cache_clear()


@pytest.fixture
def invoke(
    handler: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Datum]]:
    """Return the metrics of one invocation: those of the lines that reach the log, and those of Lambda."""

    def call(event: Any, log_level: str = "INFO", version: str = VERSION) -> list[Datum]:
        monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", log_level)
        try:
            handler.lambda_handler(event, LambdaContext())
            has_failed = False
        except FunctionError:
            has_failed = True
        lines = [line for line in capsys.readouterr().out.splitlines() if cloudwatch.is_kept(line, log_level)]
        return [
            *(datum for line in lines for datum in cloudwatch.data_of(line)),
            *of_lambda(Errors=float(has_failed), version=version),
        ]

    return call


def of_lambda(version: str = VERSION, **values: float) -> list[Datum]:
    """Return what Lambda publishes for an invocation of the alias while it has weights."""
    name, alias, executed = ("FunctionName", "yolo"), ("Resource", "yolo:live"), ("ExecutedVersion", version)
    values = {"Invocations": 1, "Errors": 0, "Throttles": 0, "Duration": 120} | values
    return [
        Datum("AWS/Lambda", metric, frozenset(dimensions), value, time.time())
        for dimensions in ([name], [name, alias], [name, alias, executed])
        for metric, value in values.items()
    ]


def of_queue(name: str, **values: float) -> list[Datum]:
    """Return what SQS publishes of a queue."""
    values = {"ApproximateNumberOfMessagesVisible": 0, "ApproximateAgeOfOldestMessage": 0} | values
    dimensions = frozenset([("QueueName", f"yolo-{name}")])
    return [Datum("AWS/SQS", metric, dimensions, value, time.time()) for metric, value in values.items()]


def resolved(value: Any) -> Any:
    """Return a value with the references that only a deployed stack resolves."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": "Function"}:
        return "yolo"
    if "Fn::Sub" in value:
        return re.sub(r"\$\{Function\}", "yolo", value["Fn::Sub"])
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        return {"QueueName": f"yolo-{name}", "Version": VERSION}[attribute]
    return {key: resolved(item) for key, item in value.items()}


def alarmed(data: list[Datum], **parameters: str) -> set[str]:
    """Return the alarms of a stack that are in the state ALARM."""
    now = time.time() + 1
    return {
        name
        for name, alarm in resources(ALARM, **parameters).items()
        if cloudwatch.is_in_alarm({key: resolved(value) for key, value in alarm.items()}, data, now)
    }


def message(key: str = "in/wall.jpg") -> dict[str, Any]:
    return {"Records": [sqs_message({"bucket": "photos", "key": key})]}


@pytest.mark.parametrize("log_level", LOG_LEVELS)
def test_no_alarm_fires_while_all_is_well(log_level: str, invoke: Data, photos: FaultyProxy, red_png: bytes) -> None:
    data = [
        *invoke(direct(red_png), log_level),
        *invoke(message(), log_level),
        *invoke(direct(b"no image"), log_level),
        *of_queue("Queue", ApproximateNumberOfMessagesVisible=900, ApproximateAgeOfOldestMessage=600),
        *of_queue("DeadLetters"),
    ]
    assert {datum.value for datum in data if datum[:2] == ("YoloLambda", "Images")} == {0, 1}
    assert alarmed(data, **TRIGGER, LogLevel=log_level) == set()


def test_no_alarm_fires_without_data() -> None:
    assert alarmed([], **TRIGGER) == set()


@pytest.mark.parametrize("log_level", LOG_LEVELS)
@pytest.mark.parametrize(("operation", "key"), [("GET", "in/wall.jpg"), ("PUT", "results/in/wall.jpg.json")])
def test_missing_permission_fires(log_level: str, operation: str, key: str, invoke: Data, photos: FaultyProxy) -> None:
    photos.faults[f"/photos/{key}"] = Fault(operation, 403, "AccessDenied", "no policy allows it")
    data = invoke(message(), log_level)
    assert alarmed(data, **TRIGGER, LogLevel=log_level) == {"ForbiddenAlarm"}


@pytest.mark.parametrize(
    "event", [S3_EVENT, READ["eventbridge s3"], READ["s3 batch"], {"Bucket": "photos", "Key": "in/wall.jpg"}]
)
@pytest.mark.parametrize(("operation", "key"), [("GET", "in/wall.jpg"), ("PUT", "results/in/wall.jpg.json")])
def test_missing_permission_fires_for_each_source(
    operation: str, key: str, event: Any, invoke: Data, photos: FaultyProxy
) -> None:
    photos.faults[f"/photos/{key}"] = Fault(operation, 403, "AccessDenied", "no policy allows it")
    assert "ForbiddenAlarm" in alarmed(invoke(event))


@pytest.mark.parametrize("log_level", LOG_LEVELS)
def test_internal_error_fires(log_level: str, invoke: Data, red_png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "predict", lambda *_: 1 / 0)
    assert alarmed(invoke(direct(red_png), log_level), LogLevel=log_level) == {"FaultsAlarm"}


def test_failed_invocation_fires(invoke: Data) -> None:
    data = invoke({"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}]})
    assert alarmed(data) == {"ErrorsAlarm"}


@pytest.mark.parametrize(("version", "alarms"), [("6", set()), (VERSION, {"VersionErrorsAlarm"})])
def test_failed_invocation_of_the_new_version_stops_the_update(version: str, alarms: set[str]) -> None:
    data = of_lambda(Errors=1, version=version)
    assert alarmed(data, Deployment="Canary10Percent5Minutes") == {"ErrorsAlarm"} | alarms


def test_throttled_invocation_fires() -> None:
    assert alarmed(of_lambda(Throttles=1)) == {"ThrottlesAlarm"}


@pytest.mark.parametrize(("milliseconds", "fires"), [(23_999, False), (24_000, True), (30_000, True)])
def test_invocation_near_the_timeout_fires(milliseconds: float, fires: bool) -> None:
    assert alarmed(of_lambda(Duration=milliseconds), Timeout="30") == ({"DurationAlarm"} if fires else set())


def test_dead_letter_fires() -> None:
    data = of_queue("DeadLetters", ApproximateNumberOfMessagesVisible=1)
    assert alarmed(data, **TRIGGER) == {"DeadLettersAlarm"}


@pytest.mark.parametrize(
    ("seconds", "more", "fires"),
    [(3599, {}, False), (3600, {}, True), (3600, {"MaxQueueAge": "7200"}, False), (61, {"MaxQueueAge": "60"}, True)],
)
def test_message_that_waits_fires(seconds: float, more: dict[str, str], fires: bool) -> None:
    data = of_queue("Queue", ApproximateAgeOfOldestMessage=seconds)
    assert alarmed(data, **TRIGGER, **more) == ({"QueueAgeAlarm"} if fires else set())


def test_every_alarm_has_a_test_above() -> None:
    declared = {name for name, resource in template_stack.source()["Resources"].items() if resource["Type"] == ALARM}
    assert declared == set(re.findall(r' \(?\{"(\w+Alarm)"\}', Path(__file__).read_text("utf-8")))


def test_evaluation_refuses_a_property_that_it_does_not_know() -> None:
    alarm = resources(ALARM)["ThrottlesAlarm"]
    with pytest.raises(AssertionError, match="DatapointsToAlarm"):
        cloudwatch.is_in_alarm(alarm | {"DatapointsToAlarm": 1}, [], 0)


@pytest.mark.parametrize(
    ("line", "level", "is_kept"),
    [
        ('{"level": "ERROR", "timestamp": "2026-11-28T06:00:00.000Z"}', "ERROR", True),
        ('{"level": "WARN", "timestamp": "2026-11-28T06:00:00.000Z"}', "ERROR", False),
        ('{"level": "ERROR"}', "WARN", False),
        ('{"level": "ERROR", "timestamp": "yesterday"}', "WARN", False),
        ('{"level": "INFO"}', "INFO", True),
        ("text", "WARN", False),
    ],
)
def test_lines_below_the_log_level_are_dropped(line: str, level: str, is_kept: bool) -> None:
    assert cloudwatch.is_kept(line, level) == is_kept


# Receivers


@pytest.mark.parametrize(
    ("parameters", "actions"),
    [
        ({"AlarmTopic": TOPIC}, [TOPIC]),
        ({"AlarmEmail": EMAIL}, [{"Ref": "AlarmNotices"}]),
        ({"AlarmTopic": TOPIC, "AlarmEmail": EMAIL}, [TOPIC, {"Ref": "AlarmNotices"}]),
    ],
)
def test_every_alarm_notifies_the_topic_and_the_address(parameters: dict[str, str], actions: list[Any]) -> None:
    alarms = resources(ALARM, **TRIGGER, **parameters).values()
    assert alarms
    assert [alarm["AlarmActions"] for alarm in alarms] == [actions] * len(alarms)
    assert "UnheardAlarms" not in stack(**TRIGGER, **parameters)["Outputs"]


def test_address_gets_what_cloudwatch_publishes_for_this_account() -> None:
    [topic] = resources("AWS::SNS::Topic", AlarmEmail=EMAIL).values()
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": EMAIL}]
    [policy] = resources("AWS::SNS::TopicPolicy", AlarmEmail=EMAIL).values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_stack_says_that_nobody_hears_the_alarms() -> None:
    assert "AlarmEmail" in stack()["Outputs"]["UnheardAlarms"]["Value"]
    assert "UnheardAlarms" not in stack(Alarms="off")["Outputs"]
    assert not resources("AWS::SNS::Topic")
    assert not resources("AWS::SNS::Topic", AlarmEmail=EMAIL, Alarms="off")
