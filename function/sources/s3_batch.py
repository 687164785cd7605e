"""Tasks of S3 Batch Operations, schema 1.0 and 2.0: each has one object of the manifest.

The `userArguments` of a job (schema 2.0) are options such as `conf`, for all its tasks.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.
"""

from typing import Any
from urllib import parse

from function.errors import BadRequest, FunctionError, described, kind, shown
from function.request import Options, read_options
from function.results import Classification, Depth, Semantic
from function.service import Service
from function.sources import object_request, s3_objects
from function.sources.object_request import ObjectRequest
from function.sources.s3_objects import Outcome, S3Object

MAX_RESULT_CHARS = 1024  # of resultString


def matches(event: Any) -> bool:
    """Return whether the event has tasks and their schema version."""
    return isinstance(event, dict) and "invocationSchemaVersion" in event and "tasks" in event


def respond(event: dict[str, Any], service: Service) -> dict[str, Any]:
    """Return the result of each task; the job runs tasks with a temporary failure again.

    Raises:
        BadRequest: a field of the job or the id of a task is missing, so that tasks cannot be reported. The others are
            processed by then.
    """
    invocation_id = _check(event)
    options = service.guard(_options, event)
    tasks: list[tuple[str, ObjectRequest | FunctionError]] = []
    unreported: FunctionError | None = None
    for task in event["tasks"]:
        service.subject = ""
        task_id = service.guard(_task_id, task)
        if isinstance(task_id, FunctionError):
            unreported = task_id
        else:
            tasks.append((task_id, _read(task, options, service)))
    service.expect(request for _, request in tasks)
    rows = [_row(task_id, _process(task_id, request, service)) for task_id, request in tasks]
    if unreported:
        raise unreported
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": invocation_id,
        "results": rows,
    }


def _check(event: dict[str, Any]) -> str:
    """Return the id of the invocation, and check that there are tasks."""
    invocation_id, tasks = event.get("invocationId"), event["tasks"]
    for field, value in (
        ("invocationId", invocation_id),
        ("invocationSchemaVersion", event["invocationSchemaVersion"]),
    ):
        if not s3_objects.is_name(value):  # the response repeats it
            raise BadRequest(f"{field} of S3 Batch Operations must be text, got {described(value)}")
    if not isinstance(tasks, list):
        raise BadRequest(f"tasks of S3 Batch Operations must be an array, got {kind(tasks)}")
    return str(invocation_id)


def _task_id(task: Any) -> str:
    if not isinstance(task, dict):
        raise BadRequest(f"a task of S3 Batch Operations must be an object with taskId, got {kind(task)}")
    if "taskId" not in task:
        raise BadRequest("a task of S3 Batch Operations must have taskId, got an object without it")
    task_id = task["taskId"]
    if not s3_objects.is_name(task_id):
        raise BadRequest(f"taskId must be text, got {described(task_id)}")
    return str(task_id)


def _options(event: dict[str, Any]) -> Options:
    """Return the options in `userArguments`; other arguments are ignored.

    Raises:
        InvalidOption: a value.
        BadRequest: not an object.
    """
    job = event.get("job")
    arguments = job.get("userArguments") if isinstance(job, dict) else None
    if not isinstance(arguments, dict | None):
        raise BadRequest(f"userArguments must be an object, got {kind(arguments)}")
    return read_options(arguments or {})


def _read(task: dict[str, Any], options: Options | FunctionError, service: Service) -> ObjectRequest | FunctionError:
    """Return the object of a task with the options of the job, or the error because of which it cannot be told."""
    if isinstance(options, FunctionError):
        return options
    service.subject = f"task {shown(task['taskId'])}"
    s3_object = service.guard(_s3_object, task)
    return s3_object if isinstance(s3_object, FunctionError) else ObjectRequest(s3_object, options)


def _process(task_id: str, request: ObjectRequest | FunctionError, service: Service) -> Outcome | FunctionError:
    """Return the outcome of a task, or the error of one that could not be read."""
    service.subject = f"task {shown(task_id)}"
    return request if isinstance(request, FunctionError) else object_request.process(request, service)


def _s3_object(task: dict[str, Any]) -> S3Object:
    """Return the object of a task.

    Schema 1.0 has the ARN of the bucket or of an access point, which S3 accepts as a name; schema 2.0 has the name.
    """
    key, bucket, arn = task.get("s3Key"), task.get("s3Bucket"), task.get("s3BucketArn")
    bucket = bucket or (arn.rpartition(":::")[2] if isinstance(arn, str) else None)
    for field, name in (("s3Bucket", bucket), ("s3Key", key)):
        if not s3_objects.is_name(name):
            raise BadRequest(f"{field} of a task must be a name, got {described(name)}")
    key, version_id = parse.unquote_plus(str(key)), object_request.version_id(task.get("s3VersionId"))
    return S3Object(str(bucket), key, version_id)


def _row(task_id: str, outcome: Outcome | FunctionError) -> dict[str, str]:
    code, text = _error(outcome) if isinstance(outcome, FunctionError) else _result(outcome)
    return {"taskId": task_id, "resultCode": code, "resultString": text[:MAX_RESULT_CHARS]}


def _error(error: FunctionError) -> tuple[str, str]:
    is_temporary = isinstance(error, s3_objects.TEMPORARY)
    return "TemporaryFailure" if is_temporary else "PermanentFailure", f"{type(error).__name__}: {error}"


def _result(outcome: Outcome) -> tuple[str, str]:
    """Return the result code and the result string."""
    result = outcome.result
    if result is None:
        return "Succeeded", f"skipped: {outcome.skip_reason}"
    if isinstance(result, FunctionError):
        code, text = _error(result)
        return code, text + (f"; {outcome.result_uri}" if outcome.result_uri else "")
    if isinstance(result, Classification):
        return "Succeeded", f"{result.metadata.names[int(result.class_ids[0])]}; {outcome.result_uri}"
    if isinstance(result, Semantic):
        names = ", ".join(result.metadata.names[class_id] for class_id, _ in result.counts)
        return "Succeeded", f"{names or 'no class'}; {outcome.result_uri}"
    if isinstance(result, Depth):
        return "Succeeded", f"depth {result.depth.least:.4g} to {result.depth.largest:.4g}; {outcome.result_uri}"
    count = len(result.scores)
    return "Succeeded", f"{count} {'object' if count == 1 else 'objects'} found; {outcome.result_uri}"
