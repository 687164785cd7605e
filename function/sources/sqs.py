"""Notifications of new objects in an SQS queue, several to an event; each message fails on its own.

The event source mapping must have `ReportBatchItemFailures`; without it the queue takes every message as done.

A message that is not a notification fails too, although another delivery cannot help: after `maxReceiveCount`
deliveries the queue moves it to its dead-letter queue, where a person can see it. As a success it would be lost.

Source: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.
"""

import logging
from typing import Any

from function.errors import FunctionError
from function.service import Service
from function.sources import s3_notification, s3_objects

logger = logging.getLogger(__name__)


def matches(event: Any) -> bool:
    """Return whether the event has messages of a queue."""
    return s3_notification.sender(event) == "aws:sqs"


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return the messages that failed; in a FIFO queue also all behind the first, to keep their order."""
    failed: list[str] = []
    for message in event["Records"]:
        is_blocked = failed and str(message.get("eventSourceARN", "")).endswith(".fifo")
        if is_blocked or not _process(message, service):
            failed.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _process(message: dict[str, Any], service: Service) -> bool:
    """Process every object of a message and return whether each has its result; log the errors."""
    try:
        outcomes = [
            s3_objects.process(s3_object, service)
            for s3_object in s3_notification.objects(s3_notification.load_json(message.get("body")))
        ]
    except FunctionError as error:
        logger.error("message %s is not a notification: %s", message["messageId"], error)
        return False
    for outcome in outcomes:
        if outcome.failure:
            logger.warning("message %s failed: %s", message["messageId"], outcome.failure)
    return not any(outcome.failure for outcome in outcomes)
