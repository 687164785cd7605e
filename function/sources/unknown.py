"""An event that no source knows: the answer says which are known."""

from typing import Any, NoReturn

from function.api import response
from function.errors import BadRequest
from function.service import Service

KNOWN = (
    "a direct invocation with image_data or inputs (at the top level or under body), "
    "API Gateway REST (v1) and HTTP (v2), "
    "Function URL, Application Load Balancer, S3 notifications (also through SNS, SQS or both, and from EventBridge), "
    'S3 Batch Operations, items of a Step Functions distributed map, {"warmup": true} and schedules of EventBridge'
)


def matches(event: Any) -> bool:  # noqa: ARG001
    """Nothing of its own."""
    return False


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Always the same error, in the shape of HTTP."""
    return response.http(service.attempt(lambda: refuse(event)), service.request_id)


def refuse(event: Any) -> NoReturn:
    """Raise what is wrong with an event that has no source."""
    kind = type(event).__name__
    fields = ", ".join(str(field)[:40] for field in event) if isinstance(event, dict) else ""
    found = f"{kind} with {fields or 'no fields'}" if isinstance(event, dict) else kind
    raise BadRequest(f"the event is a {found:.200}; known are {KNOWN}")
