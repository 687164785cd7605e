"""Tasks of S3 Batch Operations, schema 1.0 and 2.0: one object of the manifest each.

Source: docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.
"""

from typing import Any
from urllib import parse

from function.errors import FunctionError, InternalError, TransientError
from function.results import Classification
from function.service import Service
from function.sources import s3_objects
from function.sources.s3_objects import Outcome, S3Object

MAX_RESULT_CHARS = 1024  # of resultString


def matches(event: Any) -> bool:
    """An object with tasks and their schema."""
    return isinstance(event, dict) and "invocationSchemaVersion" in event and "tasks" in event


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """How each task went; what may pass is redriven by the job."""
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": [_row(task["taskId"], s3_objects.analyse(_found(task), service)) for task in event["tasks"]],
    }


def _found(task: dict[str, Any]) -> S3Object:
    """A task's object: 1.0 has the bucket's ARN, or that of an access point, which serves as a name; 2.0 the name."""
    bucket = task.get("s3Bucket") or task["s3BucketArn"].rpartition(":::")[2]
    return S3Object(bucket, parse.unquote_plus(task["s3Key"]), task.get("s3VersionId") or None)


def _row(task_id: str, outcome: Outcome) -> dict[str, str]:
    code, text = _said(outcome)
    return {"taskId": task_id, "resultCode": code, "resultString": text[:MAX_RESULT_CHARS]}


def _said(outcome: Outcome) -> tuple[str, str]:
    result = outcome.result
    if result is None:
        return "Succeeded", f"skipped: {outcome.skipped}"
    if isinstance(result, FunctionError):
        passes = isinstance(outcome.fault, TransientError | InternalError)
        code = "TemporaryFailure" if passes else "PermanentFailure"
        return code, f"{type(result).__name__}: {result}" + (f"; {outcome.place}" if outcome.place else "")
    if isinstance(result, Classification):
        return "Succeeded", f"{result.metadata.names[int(result.class_ids[0])]}; {outcome.place}"
    count = len(result.scores)
    return "Succeeded", f"{count} {'object' if count == 1 else 'objects'} found; {outcome.place}"
