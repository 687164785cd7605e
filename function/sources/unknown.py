"""Events that no source matches.

If a person may read the response, it is an error that lists the known events. An event of another service of AWS is
raised: the platform takes every response as a success and discards the event. After an exception it delivers the event
again, and in the end hands it to the dead-letter queue or failure destination.
"""

from typing import Any, NoReturn

from function.api import response
from function.errors import BadRequest, kind
from function.service import Service
from function.sources import object_request

KNOWN = (
    "a direct invocation with image_data, url, s3, images or inputs (at the top level or under body), "
    "API Gateway REST (v1) and HTTP (v2), Function URL, Application Load Balancer, VPC Lattice, "
    "S3 notifications (also through SNS, SQS or EventBridge Pipes, and from EventBridge or CloudTrail), "
    "S3 Batch Operations, items of a Step Functions distributed map, "
    '{"bucket": ..., "key": ...}, {"warmup": true} and schedules of EventBridge'
)
SENDERS = (  # fields that are together only in events of one service; the first row that fits is used
    (("messageVersion", "agent"), "a Bedrock agent"),
    (("messageVersion", "actionGroup"), "a Bedrock agent"),
    (("sessionState", "bot"), "Amazon Lex"),
    (("currentIntent", "bot"), "Amazon Lex"),
    (("methodArn",), "API Gateway (an authorizer)"),
    (("routeArn",), "API Gateway (an authorizer)"),
    (("awslogs",), "CloudWatch Logs"),
    (("alarmData",), "a CloudWatch alarm"),
    (("widgetContext",), "a CloudWatch dashboard"),
    (("RequestType", "StackId"), "CloudFormation (a custom resource)"),
    (("CodePipeline.job",), "CodePipeline"),
    (("LifecycleEventHookExecutionId",), "CodeDeploy"),
    (("triggerSource", "userPoolId"), "Cognito"),
    (("identityPoolId", "eventType"), "Cognito"),
    (("invokingEvent",), "AWS Config"),
    (("Details", "Name"), "Amazon Connect"),
    (("deliveryStreamArn",), "Data Firehose"),
    (("SecretId", "Step"), "Secrets Manager"),
    (("getObjectContext",), "S3 Object Lambda"),
    (("info", "arguments"), "AppSync"),
    (("info", "events"), "AppSync"),
    (("fieldName", "arguments"), "AppSync"),
    (("authorizationToken",), "AppSync (an authorizer)"),
    (("serverId", "username"), "the Transfer Family"),
    (("protocolData", "protocols"), "IoT Core (an authorizer)"),
    (("eventType", "eventId"), "IoT Core"),
    (("specversion", "type"), "a sender of CloudEvents"),
    (("session", "request"), "Alexa"),
    (("invocationId", "tasks"), "S3 Batch Operations without invocationSchemaVersion"),
    (("detail-type",), "EventBridge"),
    (("detail", "source"), "EventBridge"),
    (("ContextIndex",), "a Step Functions map"),
    (("ContextValue",), "a Step Functions map"),
    (("BatchInput",), "a Step Functions map"),
)
ITEM_FIELDS = ("value", "item", "mapitem")  # in lower case: an ItemSelector often writes the item below such a field
CONTEXTS = {  # fields of requestContext
    "connectionId": "an API Gateway WebSocket API",
    "functionArn": "a destination of Lambda",
}
AWS_SOURCES = ("aws.", "aws:", "arn:aws")  # beginnings of a value on the top level that only AWS writes


def matches(event: Any) -> bool:  # noqa: ARG001
    """Return False."""
    return False


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return an error in the form of an HTTP response.

    Raises:
        BadRequest: nobody would read a response.
    """
    sender = find_sender(event)
    if sender:
        refuse(event, sender)
    return response.result_response(service.guard(refuse, event), service)


def find_sender(event: Any) -> str | None:
    """Return the service that sent an event whose response nobody reads; None for an event that a person may send."""
    if isinstance(event, list):
        return "a sender of batches, such as EventBridge Pipes"
    if not isinstance(event, dict):
        return None
    if "eventSource" in event:
        return f"{event['eventSource']!a:.100}"
    for fields, name in SENDERS:
        if all(field in event for field in fields):
            return name
    for field in ("Records", "records"):
        if field in event:
            return _sender_of_records(event[field]) or f"a service with {field}"
    return _sender_by_context(event.get("requestContext")) or _sender_by_value(event) or _sender_of_item(event)


def refuse(event: Any, sender: str = "") -> NoReturn:
    """Raise BadRequest with the type and the fields of the event."""
    origin = f" of {sender}" if sender else ""
    raise BadRequest(f"unknown event{origin}, {_described(event):.200}; available: {KNOWN}")


def _described(event: Any) -> str:
    """Return the type and the fields of an event, such as `an object with the fields a, b`."""
    if not isinstance(event, dict):
        return kind(event)
    if not event:
        return "an object without fields"
    word = "field" if len(event) == 1 else "fields"
    return f"an object with the {word} {', '.join(str(field)[:40] for field in event)}"


def _sender_of_records(records: Any) -> str | None:
    """Return the service in the first record, such as `aws:kinesis`."""
    first = records[0] if isinstance(records, list) and records else None
    names = [first.get("eventSource"), first.get("EventSource")] if isinstance(first, dict) else []
    return next((f"{name:.100}" for name in names if isinstance(name, str)), None)


def _sender_by_context(context: Any) -> str | None:
    if not isinstance(context, dict):
        return None
    return next((name for field, name in CONTEXTS.items() if field in context), None)


def _sender_of_item(event: dict[str, Any]) -> str | None:
    """Return the sender of an item or a detail that is below another field, where the function does not read it."""
    for name, value in event.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict) and (
            name == "detail" or object_request.is_item(first) or object_request.names_object(first)
        ):
            return f"a Step Functions map or an input transformer (the object in {name:.40})"
        if name.lower() in ITEM_FIELDS and value is not None:
            return f"a Step Functions map (an item in {name:.40}: its fields must be on the top level)"
    return None


def _sender_by_value(event: dict[str, Any]) -> str | None:
    """Return a sender by a value that only AWS writes, such as an ARN."""
    for name, value in event.items():
        if isinstance(value, str) and value.startswith(AWS_SOURCES):
            return f"AWS ({name:.40} {value!a:.100})"
    return None
