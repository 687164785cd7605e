"""Messages of an SQS queue about objects, several to an event; each message fails on its own.

The event source mapping must have `ReportBatchItemFailures`; without it the queue takes every message as done. A pipe
of EventBridge Pipes sends the messages as a bare list and reads the same response.

A message fails if it cannot be read, has an invalid option, or names an object that the role may not read: another
delivery cannot help, but after `maxReceiveCount` deliveries the queue moves it to its dead-letter queue, where a person
sees it and can start a redrive. As a success it would be lost.

Source: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling and
docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.
"""

from typing import Any

from function.errors import BadRequest, Forbidden, FunctionError, described, kind
from function.service import Service
from function.sources import object_request, s3_notification, s3_objects
from function.sources.object_request import ObjectRequest
from function.sources.s3_notification import SQS

FAILS = (*s3_objects.FAILS, Forbidden)


def matches(event: Any) -> bool:
    """Return whether the event has messages of a queue."""
    return s3_notification.sender(event) == SQS


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the messages that failed; in a FIFO queue also all behind the first, to keep their order.

    Raises:
        BadRequest: a message has no id, and cannot be reported. The others are processed by then.
    """
    failed: list[str] = []
    unreported: FunctionError | None = None
    messages = s3_notification.records(event)
    for position, message in enumerate(messages):
        service.subject = ""
        message_id = service.guard(_id, message)
        if isinstance(message_id, FunctionError):
            unreported = message_id
            continue
        is_blocked = (failed or unreported) and str(message.get("eventSourceARN", "")).endswith(".fifo")
        if is_blocked or not _process(message, message_id, len(messages) - position - 1, service):
            failed.append(message_id)
    if unreported:
        raise unreported
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _id(message: Any) -> str:
    message_id = message.get("messageId") if isinstance(message, dict) else None
    if not isinstance(message, dict):
        raise BadRequest(f"a message of a queue must be an object with messageId, got {kind(message)}")
    if "messageId" not in message:
        raise BadRequest("a message of a queue must have messageId, got an object without it")
    if not s3_objects.is_name(message_id):
        raise BadRequest(f"messageId must be text that is not empty, got {described(message_id)}")
    return str(message_id)


def _process(message: dict[str, Any], message_id: str, behind: int, service: Service) -> bool:
    """Process every object of a message and return whether each has its result.

    Args:
        message: with an id.
        message_id: for the log.
        behind: messages after this one, which share the time that is left.
        service: predicts.
    """
    name = f"message {message_id}"
    service.subject = name
    requests = service.guard(_requests, message)
    if isinstance(requests, FunctionError):
        return False
    service.expect(requests, behind)
    _, errors = object_request.process_all(requests, service, name, FAILS)
    return not errors


def _requests(message: dict[str, Any]) -> list[ObjectRequest | FunctionError]:
    """Return the objects of a message; a pipe with an input template sends the JSON value of the body, not its text."""
    if (sent_by := message.get("eventSource") or message.get("EventSource")) not in (None, SQS):
        raise BadRequest(f"eventSource must be {SQS} in every message, got {described(sent_by)}")
    content = message.get("body")
    if not isinstance(content, dict):
        content = s3_notification.load_json(content)
    # A record of a failure destination has the event that failed.
    is_record = isinstance(content, dict) and "requestPayload" in content
    return s3_notification.requests(content["requestPayload"] if is_record else content)
