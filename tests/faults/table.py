"""The fault table: each fault with its outcome by source. docs/troubleshooting.md has the same rows."""

from typing import NamedTuple

from scripts.soak.fault_proxy import Fault

RESULT = "result"
FAILS = "message fails"
TEMPORARY, PERMANENT, SUCCEEDED = "`TemporaryFailure`", "`PermanentFailure`", "`Succeeded`"


class Row(NamedTuple):
    """A fault of S3 for one of two objects, and what becomes of this object."""

    fault: str
    injected: Fault | str  # what the proxy does to the request; a text: the endpoint of S3
    http: str  # a request with `s3`
    s3: str  # a notification of S3, SNS or EventBridge
    sqs: str
    s3_batch: str
    distributed_map: str

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome by source."""
        return {name: getattr(self, name) for name in SOURCES}


SOURCES = {  # field of a row: heading of the column
    "http": "HTTP request with `s3`",
    "s3": "notification",
    "sqs": "SQS",
    "s3_batch": "S3 Batch",
    "distributed_map": "map",
}


def _fails(fault: str, injected: Fault | str, status: int = 503, error: str = "TransientError") -> Row:
    """A fault after which a retry may succeed: no result, and every source reports the failure."""
    raised = f"raises `{error}`"
    return Row(fault, injected, f"{status} `{error}`", raised, FAILS, TEMPORARY, raised)


def _refused(fault: str, injected: Fault) -> Row:
    """A read that is not allowed: an error result; a message fails, so that a person can start it again."""
    written = "error result `Forbidden`"
    return Row(fault, injected, "403 `Forbidden`", written, FAILS, PERMANENT, written)


def _unwritable(fault: str, injected: Fault, error: str = "Forbidden", task: str = PERMANENT) -> Row:
    """A result that cannot be written. A request over HTTP writes none."""
    raised = f"raises `{error}`"
    return Row(fault, injected, "200", raised, FAILS, task, raised)


MISSING = "error result `NotFound`"
S3_FAULTS = (
    Row("S3 is slow", Fault("GET", 200, "", delay_s=0.3), "200", RESULT, RESULT, SUCCEEDED, RESULT),
    _fails("the body of an object drips", Fault("GET", 200, "", drip_s=0.05), error="DeadlineExceeded"),
    _fails("S3 does not respond before the time-out", Fault("GET", 200, "", delay_s=3600), error="DeadlineExceeded"),
    _fails("the body is cut off", Fault("GET", 200, "cut off")),
    _fails("the connection is closed", Fault("GET", 0, "closed")),
    _fails("301, 307 or `AuthorizationHeaderMalformed`: another region", Fault("GET", 301, "PermanentRedirect")),
    _fails("400 with an unknown code", Fault("GET", 400, "SomethingNew")),
    _fails("expired or invalid credentials", Fault("GET", 400, "ExpiredToken")),
    _fails("403 `SignatureDoesNotMatch`", Fault("GET", 403, "SignatureDoesNotMatch")),
    _fails("403 `RequestTimeTooSkewed`: the clock is wrong", Fault("GET", 403, "RequestTimeTooSkewed")),
    _refused("403 `AccessDenied`", Fault("GET", 403, "AccessDenied")),
    _refused("403 `InvalidObjectState`: an archived object", Fault("GET", 403, "InvalidObjectState")),
    _refused("the KMS key of the object is refused", Fault("GET", 400, "KMS.DisabledException")),
    Row("404: no such object", Fault("GET", 404, "NoSuchKey"), "404 `NotFound`", MISSING, MISSING, PERMANENT, MISSING),
    _fails("500", Fault("GET", 500, "InternalError")),
    _fails("503 or throttling", Fault("GET", 503, "SlowDown")),
    _fails("the name of the host has no address (DNS)", "http://s3.example.invalid"),
    _unwritable("403 for the result", Fault("PUT", 403, "AccessDenied")),
    _unwritable("the KMS key of the result is refused", Fault("PUT", 400, "KMS.DisabledException")),
    _unwritable("503 for the result", Fault("PUT", 503, "SlowDown"), "TransientError", TEMPORARY),
    _unwritable("the connection is closed at the result", Fault("PUT", 0, "closed"), "TransientError", TEMPORARY),
    _unwritable("the write takes too long", Fault("PUT", 200, "", delay_s=3600), "DeadlineExceeded", TEMPORARY),
)


class EnvironmentRow(NamedTuple):
    """A fault of the execution environment or of the model, its outcome, and the test that causes it."""

    fault: str
    outcome: str
    test: str


ENVIRONMENT_FAULTS = (
    EnvironmentRow(
        "`/tmp` is full or not writable",
        "no effect: the function writes no files",
        "test_full_disk_changes_no_response",
    ),
    EnvironmentRow(
        "the object is replaced between its read and the write of its result",
        "each result is that of the object that was read; in the end the result of the newest stays, in every order",
        "test_object_that_changes_after_its_read_has_the_result_of_the_newest_in_the_end",
    ),
    EnvironmentRow(
        "the object is deleted between its read and the write of its result",
        "the result of the object that was read stays",
        "test_object_that_is_deleted_after_its_read_keeps_its_result",
    ),
    EnvironmentRow(
        "the invocation is killed while it writes a result (time-out, out of memory)",
        "no result or a complete one; the event is delivered again and gives the same result, in every environment",
        "test_event_of_a_killed_invocation_gives_the_same_result_when_it_is_delivered_again",
    ),
    EnvironmentRow(
        "SIGTERM",
        "the process ends at once; it holds nothing that is not in S3",
        "test_sigterm_ends_the_process_at_once",
    ),
    EnvironmentRow(
        "the clock jumps, back or ahead",
        "no effect on responses, times and the deadline, which use a monotonic clock; if S3 refuses the time of a "
        "request: `TransientError`",
        "test_clock_that_jumps_changes_neither_times_nor_the_deadline",
    ),
    EnvironmentRow(
        "the model in a bucket or at `MODEL_PATH` is truncated",
        "the function does not start: `UnusableModel`",
        "test_truncated_model_is_refused",
    ),
    EnvironmentRow(
        "the model in a bucket or at `MODEL_PATH` is swapped or of another version",
        "with `MODEL_SHA256`: the function does not start, `UnusableModel`; without it, the new model is served, and "
        "the log of each start has a warning and the checksum",
        "test_swapped_model_is_refused_by_its_checksum",
    ),
    EnvironmentRow(
        "the model in a bucket cannot be read",
        "the function does not start: `UnusableModel` with the reason",
        "test_model_that_cannot_be_read_is_refused_with_the_reason",
    ),
    EnvironmentRow(
        "`model.onnx` in a zip is changed",
        "not possible: Lambda checks the `CodeSha256` of the zips",
        "",
    ),
)
