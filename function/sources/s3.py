"""Notifications of new objects that S3, SNS or EventBridge delivers directly, by asynchronous invocation.

Nobody reads the response. After an exception the platform delivers the event again, and after its last attempt hands
it to the dead-letter queue or failure destination of the function.
"""

from typing import Any

from function.service import Service
from function.sources import object_request, s3_notification, s3_objects


def matches(event: Any) -> bool:
    """Return whether the event is a notification of S3, directly or through SNS or EventBridge, or the test of S3."""
    return s3_notification.matches(event)


def respond(event: Any, service: Service) -> dict[str, Any]:
    """Return a row for each object, for the success destination.

    Raises:
        FunctionError: the event is not a notification, or an object has no result. The other objects have their
            results by then, and get the same results when the event is delivered again.
    """
    requests = s3_notification.requests(event)
    service.expect(requests)
    outcomes, errors = object_request.process_all(requests, service)
    if errors:
        raise errors[0]
    return {"results": [s3_objects.summary(outcome) for outcome in outcomes]}
