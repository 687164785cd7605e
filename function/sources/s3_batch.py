"""Tasks of S3 Batch Operations, schema 1.0 and 2.0: each has one object of the manifest.

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
    """Return whether the event has tasks and their schema version."""
    return isinstance(event, dict) and "invocationSchemaVersion" in event and "tasks" in event


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return the result of each task; the job runs tasks with a temporary failure again."""
    rows = [_row(task["taskId"], s3_objects.process(_s3_object(task), service)) for task in event["tasks"]]
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event["invocationId"],
        "results": rows,
    }


def _s3_object(task: dict[str, Any]) -> S3Object:
    """Return the object of a task.

    Schema 1.0 has the ARN of the bucket or of an access point, which S3 accepts as a name; schema 2.0 has the name.
    """
    bucket = task.get("s3Bucket") or task["s3BucketArn"].rpartition(":::")[2]
    return S3Object(bucket, parse.unquote_plus(task["s3Key"]), task.get("s3VersionId") or None)


def _row(task_id: str, outcome: Outcome) -> dict[str, str]:
    code, text = _result(outcome)
    return {"taskId": task_id, "resultCode": code, "resultString": text[:MAX_RESULT_CHARS]}


def _result(outcome: Outcome) -> tuple[str, str]:
    """Return the result code and the result string."""
    result = outcome.result
    if result is None:
        return "Succeeded", f"skipped: {outcome.skip_reason}"
    if isinstance(result, FunctionError):
        is_temporary = isinstance(outcome.failure, TransientError | InternalError)
        code = "TemporaryFailure" if is_temporary else "PermanentFailure"
        return code, f"{type(result).__name__}: {result}" + (f"; {outcome.result_uri}" if outcome.result_uri else "")
    if isinstance(result, Classification):
        return "Succeeded", f"{result.metadata.names[int(result.class_ids[0])]}; {outcome.result_uri}"
    count = len(result.scores)
    return "Succeeded", f"{count} {'object' if count == 1 else 'objects'} found; {outcome.result_uri}"
