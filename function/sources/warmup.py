"""Warm-up events: `{"warmup": true}`, and the events that a schedule of EventBridge sends by default.

Their only purpose is to arrive: the model was loaded and run once when the execution environment started.
"""

from typing import Any

from function.service import Service


def matches(event: Any) -> bool:
    """Return whether the event has the warm-up field or comes from a schedule."""
    if not isinstance(event, dict):
        return False
    return event.get("warmup") is True or (
        event.get("source") in ("aws.events", "aws.scheduler") and event.get("detail-type") == "Scheduled Event"
    )


def respond(event: Any, service: Service) -> dict[str, Any]:  # noqa: ARG001
    """Return `{"warm": true}`; no image is read and none is counted."""
    return {"warm": True}
