"""Calls that keep an environment warm: `{"warmup": true}`, and what a schedule of EventBridge sends by itself.

That they arrive is all they are for: the model was loaded and run once when the environment started.
"""

from typing import Any

from function.service import Service


def matches(event: Any) -> bool:
    """The marker, or a scheduled event."""
    if not isinstance(event, dict):
        return False
    return event.get("warmup") is True or (
        event.get("source") in ("aws.events", "aws.scheduler") and event.get("detail-type") == "Scheduled Event"
    )


def respond(event: Any, service: Service) -> dict[str, Any]:  # noqa: ARG001
    """That it is warm; no picture is read and nothing is counted."""
    return {"warm": True}
