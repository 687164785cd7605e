"""Events of every service: read, answered with an error that a person reads, or raised; never acknowledged unread."""

import json
from types import ModuleType
from typing import Any

import pytest

from function import sources
from function.errors import FunctionError
from function.sources import direct
from tests.conftest import Context
from tests.support import aws_events
from tests.support.fake_s3 import FakeS3

ALL = aws_events.READ | aws_events.ACKNOWLEDGED | aws_events.ANSWERED | aws_events.RAISED


def errors_of(metrics_line: str) -> Any:
    return json.loads(metrics_line.splitlines()[-1])["Errors"]


@pytest.mark.parametrize("name", aws_events.READ)
def test_event_about_a_new_object_leaves_its_result(name: str, handler: ModuleType, photos: FakeS3) -> None:
    handler.lambda_handler(aws_events.READ[name], Context())
    assert photos.written_keys == ["results/in/wall.jpg.json"]
    assert photos.json("results/in/wall.jpg.json")["detection_count"] == 1


@pytest.mark.parametrize("name", aws_events.ACKNOWLEDGED)
def test_event_about_no_new_object_is_acknowledged(
    name: str, handler: ModuleType, photos: FakeS3, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handler.lambda_handler(aws_events.ACKNOWLEDGED[name], Context()) in ({"results": []}, {"warm": True})
    assert not photos.written_keys
    assert errors_of(capsys.readouterr().out) == 0


@pytest.mark.parametrize("name", aws_events.ANSWERED)
def test_event_with_a_caller_gets_an_error_as_response(
    name: str, handler: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = handler.lambda_handler(aws_events.ANSWERED[name], Context())
    assert 400 <= reply["statusCode"] < 500
    assert json.loads(reply["body"])["error"]
    assert errors_of(capsys.readouterr().out) == 1


@pytest.mark.parametrize("name", aws_events.RAISED)
def test_event_without_a_caller_is_raised_logged_and_counted(
    name: str, handler: ModuleType, photos: FakeS3, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(FunctionError) as raised:
        handler.lambda_handler(aws_events.RAISED[name], Context())
    assert not [key for key in photos.written_keys if key != "results/in/wall.jpg.json"]
    assert errors_of(capsys.readouterr().out) == 1
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "request-1" in record.getMessage()
    assert str(raised.value) in record.getMessage()


@pytest.mark.parametrize("name", ALL)
def test_at_most_one_source_matches_an_event(name: str) -> None:
    assert len([source for source in sources.SOURCES if source.matches(ALL[name])]) <= 1


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("bedrock agent openapi", "Bedrock agent"),
        ("bedrock agent function", "Bedrock agent"),
        ("authorizer v2", "authorizer"),
        ("kinesis", "aws:kinesis"),
        ("ses", "aws:ses"),
        ("kafka msk", "aws:kafka"),
        ("cloudwatch alarm", "CloudWatch alarm"),
        ("eventbridge own bus", "EventBridge"),
        ("websocket message", "WebSocket"),
        ("event of a service with an arn", "arn:aws:autoscaling"),
    ],
)
def test_error_names_the_service_that_sent_the_event(name: str, service: str, handler: ModuleType) -> None:
    with pytest.raises(FunctionError, match=service):
        handler.lambda_handler(aws_events.RAISED[name], Context())


@pytest.mark.parametrize(
    ("event", "description"),
    [
        ({"image": "a"}, "an object with the field image"),
        ({"image": "a", "b": 1}, "an object with the fields image, b"),
        ({}, "an object without fields"),
        ("image", "text"),
        (None, "null"),
        (True, "true or false"),
        (1.5, "a number"),
    ],
)
def test_error_describes_the_event_in_terms_of_json(event: Any, description: str, handler: ModuleType) -> None:
    reply = handler.lambda_handler(event, Context())
    assert reply["statusCode"] == 400
    assert json.loads(reply["body"])["error"].startswith(f"unknown event, {description}; available: ")


def test_error_names_every_field_that_begins_a_direct_invocation(handler: ModuleType) -> None:
    error = json.loads(handler.lambda_handler({}, Context())["body"])["error"]
    listed = error.partition("a direct invocation with ")[2].partition(" (")[0]
    assert set(listed.replace(" or ", ", ").split(", ")) == set(direct.FIELDS)
