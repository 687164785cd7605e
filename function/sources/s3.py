"""Notices of new objects that are delivered on their own: by S3, SNS or EventBridge, asynchronously.

Nobody reads the answer; what is raised makes the platform deliver the event again, and after that hand it to the
function's dead-letter queue or failure destination.
"""

from typing import Any

from function.service import Service
from function.sources import s3_notification, s3_objects


def matches(event: Any) -> bool:
    """A notification of S3, bare or through SNS, an EventBridge event of S3, or S3's test."""
    return (
        s3_notification.sender(event) in ("aws:s3", "aws:sns")
        or s3_notification.is_from_bridge(event)
        or s3_notification.is_test(event)
    )


def respond(event: Any, service: Service) -> dict[str, Any]:
    """A row for each object, for the success destination.

    Raises:
        FunctionError: the event is no notice, or an object has no result; the others have theirs by then, and
            leave the same one when the event comes again.
    """
    outcomes = [s3_objects.analyse(found, service) for found in s3_notification.objects(event)]
    for outcome in outcomes:
        if outcome.fault:
            raise outcome.fault
    return {"results": [s3_objects.summary(outcome) for outcome in outcomes]}
