"""Notices of new objects in a queue, several to an event; messages fail one by one.

The event source mapping has to have `ReportBatchItemFailures`, or the queue takes every message as done.

A message that is no notice fails too, although no delivery will help it: the queue hands it to its dead-letter queue
after `maxReceiveCount` deliveries, where a person can look at it. Taking it as done would lose it without a trace.

Source: docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.
"""

import logging
from typing import Any

from function.errors import FunctionError
from function.service import Service
from function.sources import s3_notification, s3_objects

logger = logging.getLogger(__name__)


def matches(event: Any) -> bool:
    """Messages of a queue."""
    return s3_notification.sender(event) == "aws:sqs"


def respond(event: Any, service: Service) -> dict[str, Any]:
    """The messages that failed; of a FIFO queue also all behind the first, whose order would be lost."""
    failed: list[str] = []
    for message in event["Records"]:
        stopped = failed and str(message.get("eventSourceARN", "")).endswith(".fifo")
        if stopped or not _is_done(message, service):
            failed.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(message: dict[str, Any], service: Service) -> bool:
    """Whether every object of a message has its result; why not goes into the log."""
    try:
        outcomes = [
            s3_objects.analyse(found, service)
            for found in s3_notification.objects(s3_notification.parsed(message.get("body")))
        ]
    except FunctionError as error:
        logger.error("message %s is none that is known here: %s", message["messageId"], error)
        return False
    for outcome in outcomes:
        if outcome.fault:
            logger.warning("message %s fails: %s", message["messageId"], outcome.fault)
    return not any(outcome.fault for outcome in outcomes)
