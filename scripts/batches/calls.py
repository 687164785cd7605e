"""One call of the function with several images, through Lambda's API, and its response as one row for each image.

The event is a direct one, `{"images": [...]}`: the function returns the results and writes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scripts.aws.errors import NotConfigured, translate
from scripts.aws.limits import EVENT_LIMIT, TIMEOUT_RANGE
from scripts.aws.session import Aws
from scripts.batches.errors import BatchError
from scripts.batches.sources import Item

ATTEMPTS = 5  # of one call, by boto3
CONNECT_TIMEOUT = 10  # seconds
TIMEOUT_MARGIN = 5  # seconds that a response may take beyond the time-out of the function
OK, TOO_LARGE, THROTTLED, SERVER_ERRORS = 200, 413, 429, 500
SPLIT = "RequestTooLargeException"
REPORTS = {  # of the REPORT line of the log, as text and as JSON
    "billed_ms": re.compile(r'(?:Billed Duration: |"billedDurationMs":\s*)([0-9.]+)'),
    "memory_mb": re.compile(r'(?:Memory Size: |"memorySizeMB":\s*)([0-9]+)'),
    "init_ms": re.compile(r'(?:(?:Init|Restore) Duration: |"(?:init|restore)DurationMs":\s*)([0-9.]+)'),
}
PERMISSION = "the caller must have the permission lambda:InvokeFunction for {function}: {error}"
MISSING = "{function} does not exist in {region}: {error}; scripts/deploy.sh makes the function with its alias"


class Function(NamedTuple):
    """What is known of the function before the first call.

    Attributes:
        name: NAME:ALIAS or an ARN.
        timeout_s: of the function; the largest that Lambda has if it is not known.
        memory_mb: None if it is not known.
        architecture: x86_64 if it is not known.
        arn: "" if it is not known.
    """

    name: str
    timeout_s: int = TIMEOUT_RANGE[1]
    memory_mb: int | None = None
    architecture: str = "x86_64"
    arn: str = ""


class Reply(NamedTuple):
    """Response to one call.

    Attributes:
        items: the images of the call.
        rows: one for each image, in their order; () if the call failed.
        error: type and message of the call that failed; ("", "") if it did not.
        is_too_large: the call or its response had too many images: each half may succeed.
        is_final: the error is that of the function for the request, with a status 4xx.
        throttles: times that boto3 sent the call again.
        seconds: from sending the call to its response.
        billed_s: of the REPORT line; `seconds` without one.
        memory_mb: of the REPORT line.
        init_s: of a cold start.
        bytes: of the response.
    """

    items: Sequence[Item]
    rows: Sequence[dict[str, Any]] = ()
    error: tuple[str, str] = ("", "")
    is_too_large: bool = False
    is_final: bool = False
    throttles: int = 0
    seconds: float = 0.0
    billed_s: float = 0.0
    memory_mb: int | None = None
    init_s: float | None = None
    bytes: int = 0


def describe(name: str, aws: Aws) -> Function:
    """Return time-out, memory and architecture of a function; defaults if the caller may not read them.

    Raises:
        NotConfigured: credentials or region are missing or wrong.
    """
    base, _, qualifier = name.rpartition(":")
    client = aws.client("lambda", retries={"mode": "standard", "max_attempts": 2})
    try:
        found = client.get_function_configuration(FunctionName=base, Qualifier=qualifier)
        return Function(
            name, int(found["Timeout"]), int(found["MemorySize"]), str(found.get("Architectures", ["x86_64"])[0]),
            str(found.get("FunctionArn", "")),
        )  # fmt: skip
    except (KeyError, ValueError, IndexError):  # a front end that is not Lambda
        return Function(name)
    except Exception as error:
        if isinstance(translated := translate(error), NotConfigured):
            raise translated from error
        return Function(name)  # whether it exists is said by the first call


class Caller:
    """Client for the calls, which many threads share."""

    def __init__(self, function: Function, options: Mapping[str, str], aws: Aws, concurrency: int) -> None:
        """Make the client.

        Args:
            function: to call.
            options: of the request.
            aws: the session.
            concurrency: calls at the same time, at most.
        """
        self.function, self._region = function, aws.region
        self._options = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in options.items()).encode()
        self._client = aws.client(
            "lambda", retries={"mode": "adaptive", "max_attempts": ATTEMPTS}, connect_timeout=CONNECT_TIMEOUT,
            read_timeout=function.timeout_s + TIMEOUT_MARGIN, max_pool_connections=concurrency, tcp_keepalive=True,
        )  # fmt: skip

    def call(self, items: Sequence[Item]) -> Reply:
        """Send images and return the response; errors that may concern only this call are part of it.

        Raises:
            BatchError: the function does not exist, or the caller may not call it.
            DeployError: credentials are missing or expired.
        """
        started = time.monotonic()
        try:
            response = self._client.invoke(
                FunctionName=self.function.name, InvocationType="RequestResponse", LogType="Tail",
                Payload=self._event(items),
            )  # fmt: skip
            payload = response["Payload"].read()
        except Exception as error:  # noqa: BLE001  (of boto3, or of urllib3 while the response is read)
            return self._failed(items, error, time.monotonic() - started)
        return _parse(items, response, payload, time.monotonic() - started)

    def size(self, item: Item) -> int:
        """Return the bytes that an image takes in an event."""
        if item.path is None:
            return len(item.source) + 100
        try:
            return (os.stat(item.path).st_size + 2) // 3 * 4 + 300  # noqa: PTH116  (bytes)
        except OSError:
            return 0

    def limit(self) -> int:
        """Return the bytes that the images of one event may take."""
        return EVENT_LIMIT - len(self._options) - 100

    def _event(self, items: Sequence[Item]) -> bytes:
        """Return the event; base64 is joined as bytes, since a copy as text needs as much memory again."""
        parts: list[bytes] = [b'{"images":[']
        for number, item in enumerate(items):
            name = json.dumps(item.source.rpartition("/")[2]).encode()
            parts.append(b',{"image_name":' if number else b'{"image_name":')
            if item.path is None:
                parts += [name, b',"s3":', json.dumps(item.source).encode(), b"}"]
            else:
                with open(item.path, "rb") as file:  # noqa: PTH123  (bytes)
                    parts += [name, b',"image_data":"', base64.b64encode(file.read()), b'"}']
        return b"".join([*parts, b"]", self._options, b"}"])

    def _failed(self, items: Sequence[Item], error: Exception, seconds: float) -> Reply:
        from botocore.exceptions import ClientError, HTTPClientError

        if isinstance(error, OSError) and isinstance(error.filename, bytes):  # an image of a folder
            return Reply(items, error=(type(error).__name__, f"cannot be read: {error.strerror}"), seconds=seconds)
        if not isinstance(error, ClientError):
            kind, text = type(error).__name__, " ".join(str(error).split())
            if isinstance(error, HTTPClientError) or not _is_botocore(error):
                return Reply(items, error=(kind, text), seconds=seconds, throttles=1)
            raise translate(error) from error
        details, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        kind, status = str(details.get("Code")), int(metadata.get("HTTPStatusCode", 0))
        text = " ".join(str(details.get("Message") or "no message").split())
        if status == TOO_LARGE or kind == SPLIT:
            return Reply(items, error=("TooLarge", text), is_too_large=True, is_final=True, seconds=seconds)
        if status == THROTTLED or status >= SERVER_ERRORS:
            return Reply(items, error=(kind, text), throttles=metadata.get("RetryAttempts", 0) + 1, seconds=seconds)
        if kind.startswith("AccessDenied"):
            raise BatchError(PERMISSION.format(function=self.function.name, error=text)) from error
        if kind.startswith("ResourceNotFound"):
            raise BatchError(MISSING.format(function=self.function.name, region=self._region, error=text)) from error
        raise translate(error) from error


def _is_botocore(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError

    return isinstance(error, BotoCoreError)


def _parse(items: Sequence[Item], response: Mapping[str, Any], payload: bytes, seconds: float) -> Reply:
    """Return the rows of a response with status 200 of Lambda's API."""
    report = _report(response.get("LogResult", ""))
    reply = Reply(
        items, throttles=response.get("ResponseMetadata", {}).get("RetryAttempts", 0), seconds=seconds,
        billed_s=report.get("billed_ms", 1000 * seconds) / 1000, bytes=len(payload),
        memory_mb=int(report["memory_mb"]) if "memory_mb" in report else None,
        init_s=report["init_ms"] / 1000 if "init_ms" in report else None,
    )  # fmt: skip
    try:
        document = json.loads(payload)
        if response.get("FunctionError"):
            return reply._replace(error=(str(document.get("errorType")), _one_line(document.get("errorMessage"))))
        status, body = int(document["statusCode"]), json.loads(document["body"])
        if status != OK:
            is_final = SERVER_ERRORS > status != THROTTLED
            error = (str(body["type"]), _one_line(body["error"]))
            return reply._replace(error=error, is_too_large=status == TOO_LARGE, is_final=is_final)
        results = body["results"]
        if len(results) != len(items):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"the response must be that of this function, got {payload[:100].decode('utf-8', 'replace')!r}"
        return reply._replace(error=("UnexpectedResponse", text))
    return reply._replace(rows=[_row(item, result) for item, result in zip(items, results, strict=True)])


def _row(item: Item, result: dict[str, Any]) -> dict[str, Any]:
    if "error" in result:
        return error_row(item, str(result.get("type")), _one_line(result["error"]))
    return {"source": item.source, **result}


def error_row(item: Item, kind: str, message: str) -> dict[str, Any]:
    """Return the row of an image with an error."""
    return {"source": item.source, "error": message, "type": kind}


def _report(log: str) -> dict[str, float]:
    """Return the values of the REPORT line at the end of a log."""
    text = base64.b64decode(log).decode("utf-8", "replace") if log else ""
    matches = {name: pattern.findall(text) for name, pattern in REPORTS.items()}
    return {name: float(values[-1]) for name, values in matches.items() if values}


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
