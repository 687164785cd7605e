"""Warm-up events: `{"warmup": true}`, those of common plugins, and those that schedules of EventBridge send by default.

    {"warmup": true}, {"warmer": true, "concurrency": 2}          this project; lambda-warmer
    {"source": "serverless-plugin-warmup"}                       serverless-plugin-warmup and similar plugins
    {"source": "aws.events", "detail-type": "Scheduled Event"}   a schedule; Zappa

Their only purpose is to arrive: the model was loaded and run once when the execution environment started.
"""

from typing import Any

from function.service import Service
from function.sources import direct

FIELDS = ("warmup", "warmer", "warm", "keepwarm", "keep_warm", "keepWarm", "lambdaWarmer")
SOURCES = ("warmup", "warm-up", "warmer", "keep-warm", "keepwarm")  # a part of the value of `source`


def matches(event: Any) -> bool:
    """Return whether the event has a warm-up field or comes from a warmer or a schedule, and is no other request."""
    if not isinstance(event, dict):
        return False
    source = event.get("source")
    if source in ("aws.events", "aws.scheduler"):
        return bool(event.get("detail-type") == "Scheduled Event")
    if any(field in event for field in (*direct.FIELDS, *direct.OTHER_SENDERS, "body", "detail")):
        return False
    return any(event.get(field) is True for field in FIELDS) or (
        isinstance(source, str) and any(part in source.lower() for part in SOURCES)
    )


def respond(event: Any, service: Service) -> dict[str, Any]:  # noqa: ARG001
    """Return `{"warm": true}`; no image is read and none is counted."""
    return {"warm": True}
