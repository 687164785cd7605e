"""Invoke API of Lambda in front of the zips, for boto3 and the aws CLI with AWS_ENDPOINT_URL_LAMBDA.

There is one function here, which has every name, alias and version. Requests must be signed; no signature is checked.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from urllib.parse import parse_qs, unquote

from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda.errors import InitFailed, LocalLambdaError, RequestTooLarge
from scripts.local_lambda.function_url import Request, Response
from scripts.local_lambda.invocation import Invocation
from scripts.server.pool import Measured
from scripts.server.workers import Workers

PATH = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/invocations/?")
# Source: botocore 1.44.8, NamespacedFunctionName of the service model of Lambda.
NAME = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d:)?(\d{12}:)?(function:)?"
    r"[a-zA-Z0-9-_.]+(:(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
TYPES = ("RequestResponse", "Event", "DryRun")
ASYNC_EVENT_LIMIT = 1024 * 1024  # bytes; gettingstarted-limits
LOG_TAIL = 4096  # bytes of the log in a response
VERSION = "$LATEST"  # as AWS_LAMBDA_FUNCTION_VERSION of the local function
SIGNED = "aws4-"  # begins the header Authorization of signed requests: AWS4-HMAC-SHA256
RETRY_AFTER_S = 1


class ApiError(Exception):
    """Error of the API, which is not one of the function.

    Attributes:
        kind: its name, as botocore knows it.
        status: of the response.
        reason: of a throttled request; "" for other errors.
    """

    def __init__(self, kind: str, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.kind, self.status, self.reason = kind, status, reason

    def response(self) -> Response:
        """Return the response."""
        body = {"Type": "Service" if self.status >= 500 else "User", "message": str(self), "Message": str(self)}
        headers = [("content-type", "application/json"), ("x-amzn-errortype", self.kind)]
        if self.reason:
            body["Reason"] = self.reason
            headers.append(("retry-after", str(RETRY_AFTER_S)))
        return Response(self.status, headers, json.dumps(body).encode())


class LambdaApi:
    """Responds to Invoke requests."""

    def __init__(
        self, invoke: Callable[[Any], Measured], workers: Workers, report: Callable[[str], None], memory: int
    ) -> None:
        """Make the API of one function.

        Args:
            invoke: invokes the function with an event; called in a thread of `workers`.
            workers: its threads wait for the function. If all are busy, requests are throttled.
            report: called with one line for each error of the function.
            memory: size in MB, for the log.
        """
        self._invoke, self._workers, self._report, self._memory = invoke, workers, report, memory

    async def respond(self, request: Request, is_too_large: bool = False) -> Response | None:
        """Return the response to a request; None if it is none of this API.

        Args:
            request: of a client.
            is_too_large: its body exceeds the limit and was dropped.
        """
        path = PATH.fullmatch(request.path)
        if not path or request.method != "POST":
            return None
        request_id = str(uuid.uuid4())
        try:
            made = await self._respond(request, unquote(path["name"]), is_too_large)
        except ApiError as error:
            made = error.response()
        if "x-amzn-requestid" not in dict(made.headers):
            made.headers.append(("x-amzn-requestid", request_id))
        return made

    async def _respond(self, request: Request, name: str, is_too_large: bool) -> Response:
        headers = {key.lower(): value for key, value in request.headers}
        if not headers.get("authorization", "").lower().startswith(SIGNED):
            raise ApiError("MissingAuthenticationTokenException", 403, "Missing Authentication Token")
        _check_name(name, parse_qs(request.query).get("Qualifier", [""])[0])
        kind = headers.get("x-amz-invocation-type", TYPES[0])
        if kind not in TYPES:
            raise ApiError(
                "InvalidParameterValueException", 400, f"InvocationType must be {', '.join(TYPES)}, got {kind}"
            )
        limit = ASYNC_EVENT_LIMIT if kind == "Event" else EVENT_LIMIT
        if is_too_large or len(request.body) > limit:
            message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            raise ApiError("RequestTooLargeException", 413, message)
        event = _event(request.body)
        if kind == "DryRun":
            return Response(204, [], b"")
        if kind == "Event":
            self._workers.submit(self._invoke, event).add_done_callback(self._ended)
            return Response(202, [], b"")
        if self._workers.are_busy:
            raise ApiError(
                "TooManyRequestsException", 429, "Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded"
            )
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, self._reply, event, headers.get("x-amz-log-type"))

    def _reply(self, event: Any, log_type: str | None) -> Response:
        """Invoke the function and return the response; an error of the function is one with status 200."""
        headers = [("content-type", "application/json"), ("x-amz-executed-version", VERSION)]
        try:
            done, peak = self._invoke(event)
        except InitFailed as error:
            document: dict[str, Any] = {"errorMessage": error.message, "errorType": error.kind}
            document |= {"stackTrace": error.trace} if error.trace else {}
            done, peak = Invocation(None, document, 0.0, None, error.logs, str(uuid.uuid4())), 0
        except RequestTooLarge as error:  # written again as JSON, the event is longer than it was
            raise ApiError("RequestTooLargeException", 413, str(error)) from error
        except LocalLambdaError as error:
            self._report(f"Invoke: 500, {error}")
            raise ApiError("ServiceException", 500, str(error)) from error
        headers.append(("x-amzn-requestid", done.request_id))
        if done.error is not None:
            self._report(f"Invoke: {_describe(done.error)}")
            headers.append(("x-amz-function-error", "Unhandled"))
        if log_type == "Tail":
            log = log_text(done, self._memory, peak).encode()[-LOG_TAIL:]
            headers.append(("x-amz-log-result", base64.b64encode(log).decode()))
        return Response(200, headers, _payload(done))

    def _ended(self, future: Future[Measured]) -> None:
        """Report an asynchronous invocation that failed, which nobody else hears of."""
        if future.cancelled():
            self._report("Invoke: an asynchronous invocation did not run before the server ended")
        elif error := future.exception():
            self._report(f"Invoke (Event): {error}")
        elif (done := future.result().invocation).error is not None:
            self._report(f"Invoke (Event): {_describe(done.error)}")


def log_text(done: Invocation, memory: int, peak: int) -> str:
    """Return the log of an invocation with the lines of Lambda.

    Args:
        done: the invocation.
        memory: size in MB.
        peak: resident memory in bytes.
    """
    total_ms = done.invoke_ms + (done.init_ms or 0.0)  # the init phase is billed
    report = [
        f"REPORT RequestId: {done.request_id}", f"Duration: {done.invoke_ms:.2f} ms",
        f"Billed Duration: {math.ceil(total_ms)} ms", f"Memory Size: {memory} MB",
        f"Max Memory Used: {math.ceil(peak / 1024**2)} MB",
        *([f"Init Duration: {done.init_ms:.2f} ms"] if done.init_ms is not None else []),
    ]  # fmt: skip
    logs = done.logs if not done.logs or done.logs.endswith("\n") else done.logs + "\n"
    start = f"START RequestId: {done.request_id} Version: {VERSION}\n"
    return f"{start}{logs}END RequestId: {done.request_id}\n" + "\t".join(report) + "\t\n"


def _check_name(name: str, qualifier: str) -> None:
    found = NAME.fullmatch(name)
    if not found:
        message = f"Value '{name}' at 'functionName' failed to satisfy constraint: function name, name:alias or ARN"
        raise ApiError("ValidationException", 400, message)
    if qualifier and found["qualifier"] and qualifier != found["qualifier"]:
        message = "The derived qualifier from the function name does not match the specified qualifier."
        raise ApiError("InvalidParameterValueException", 400, message)


def _event(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", 400, message) from error


def _payload(done: Invocation) -> bytes:
    if done.error is None and isinstance(done.response, bytes):
        return done.response
    document = done.response if done.error is None else done.error
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _describe(error: dict[str, Any]) -> str:
    return f"{error.get('errorType')}: {error.get('errorMessage')}"
