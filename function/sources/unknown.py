"""Events that no source matches: the error response lists the known events."""

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
    """Return False."""
    return False


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return an error in the form of an HTTP response."""
    return response.result_response(service.guard(refuse, event), service.request_id)


def refuse(event: Any) -> NoReturn:
    """Raise BadRequest with the type and the fields of the event."""
    kind = type(event).__name__
    fields = ", ".join(str(field)[:40] for field in event) if isinstance(event, dict) else ""
    actual = f"{kind} with {fields or 'no fields'}" if isinstance(event, dict) else kind
    raise BadRequest(f"unknown event, a {actual:.200}; available: {KNOWN}")
