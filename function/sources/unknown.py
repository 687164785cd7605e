"""An event that no source knows: the answer says which are known."""

from typing import Any

from function.errors import BadRequest
from function.request import Request
from function.response import Result
from function.sources import answer

KNOWN = (
    "a direct invocation with image_data (at the top level or under body), API Gateway REST (v1) and HTTP (v2), "
    "Function URL, Application Load Balancer"
)


def matches(event: Any) -> bool:  # noqa: ARG001
    """Nothing of its own."""
    return False


def requests(event: Any) -> list[Request]:
    """Always raises BadRequest."""
    kind = type(event).__name__
    fields = ", ".join(str(field)[:40] for field in event) if isinstance(event, dict) else ""
    found = f"{kind} with {fields or 'no fields'}" if isinstance(event, dict) else kind
    raise BadRequest(f"the event is a {found:.200}; known are {KNOWN}")


def reply(event: Any, results: list[Result], request_id: str) -> dict[str, Any]:  # noqa: ARG001
    """The error, in the shape of HTTP."""
    return answer.http(results[0], request_id)
