"""Warm-up events: `{"warmup": true}`, those of common plugins, and those that schedules of EventBridge send by default.

    {"warmup": true}, {"warmer": true, "concurrency": 2}          this project; lambda-warmer
    {"source": "serverless-plugin-warmup"}                       serverless-plugin-warmup and its variants
    {"source": "aws.events", "detail-type": "Scheduled Event"}   a schedule; Zappa

Their only purpose is to arrive: the model was loaded and run once when the execution environment started.
"""

from typing import Any

from function.service import Service
from function.sources import direct, object_request

FIELDS = ("warmup", "warmUp", "warmer", "keepWarm")  # with the value true
SOURCES = ("serverless-plugin-warmup", "serverless-plugin-lambda-warmup", "serverless-warmup-plugin", "lambda-warmer")


def matches(event: Any) -> bool:
    """Return whether the event has a warm-up field or comes from a warmer or a schedule, and is no other request."""
    if not isinstance(event, dict):
        return False
    source = event.get("source")
    if source in ("aws.events", "aws.scheduler"):
        return bool(event.get("detail-type") == "Scheduled Event")
    if any(field in event for field in (*direct.FIELDS, *direct.OTHER_SENDERS, "body", "detail")):
        return False
    is_warmer = any(event.get(field) is True for field in FIELDS) or source in SOURCES
    return is_warmer and not object_request.names_object(event)


def respond(event: Any, service: Service) -> dict[str, Any]:  # noqa: ARG001
    """Return `{"warm": true}`; no image is read and none is counted."""
    return {"warm": True}
