"""What came of an invocation, in the terms in which Lambda tells it to the caller; no processes, no waiting."""

from __future__ import annotations

import json
import os
import queue
import signal
from typing import Any, NamedTuple

from scripts.local_lambda.sandbox import ProcessExit

# Bytes; github.com/aws/aws-lambda-runtime-interface-emulator, interop/model.go.
MAX_RESPONSE = 6 * 1024 * 1024 + 100


class Delivery(NamedTuple):
    """An event on its way: Lambda's request id, the event as JSON, seconds it may take."""

    request_id: str
    event: bytes
    timeout: float


class Asked(NamedTuple):
    """The client asked for an event; `at` is time.monotonic() here and below."""

    at: float


class Delivered(NamedTuple):
    """An event was handed over."""

    request_id: str
    at: float


class Answered(NamedTuple):
    """A result came; `payload` is None when it was over the limit, `size` its bytes in any case."""

    request_id: str
    payload: bytes | None
    size: int
    content_type: str
    at: float


class Failed(NamedTuple):
    """The handler failed: the client's error document."""

    request_id: str
    error: dict[str, Any]
    at: float


class InitError(NamedTuple):
    """The function could not be loaded: the client's error document."""

    error: dict[str, Any]


class Snapshot(NamedTuple):
    """The init phase is over and the snapshot may be taken; here it wakes up at once."""

    at: float


class RestoreError(NamedTuple):
    """A hook failed after the snapshot woke up: the client's error document."""

    error: dict[str, Any]


class Channel:
    """What passes between the tool and one process of the function; each process has its own."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Any] = queue.Queue()  # one of the tuples above, or how the process ended
        self.events: queue.Queue[Delivery | None] = queue.Queue()  # None: no more for this process


class Invocation(NamedTuple):
    """What came of one event.

    Attributes:
        response: what the handler returned, after JSON; bytes if it returned bytes; None if it failed.
        error: Lambda's error document (`errorType`, `errorMessage`, maybe `stackTrace`), or None.
        invoke_ms: event handed over to result received.
        init_ms: start of the process to its first request for an event, if this invocation had to start one.
        logs: what the function wrote meanwhile.
        request_id: Lambda's.
    """

    response: Any
    error: dict[str, Any] | None
    invoke_ms: float
    init_ms: float | None
    logs: str
    request_id: str


def to_invocation(
    outcome: Answered | Failed | ProcessExit | None, delivery: Delivery
) -> tuple[Any, dict[str, Any] | None]:
    """The response and the error for the caller.

    Args:
        outcome: what was heard of the process; None if nothing was within the time.
        delivery: what it was given.
    """
    if outcome is None:
        message = f"RequestId: {delivery.request_id} Error: Task timed out after {delivery.timeout:.2f} seconds"
        return None, {"errorType": "Sandbox.Timedout", "errorMessage": message}
    if isinstance(outcome, ProcessExit):
        return None, exit_error(outcome, f"RequestId: {delivery.request_id} Error: ")
    if isinstance(outcome, Failed):
        return None, outcome.error
    if outcome.payload is None:
        message = f"the response is {outcome.size:,} bytes; Lambda passes on {MAX_RESPONSE:,}"
        return None, {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    if "json" not in outcome.content_type:
        return outcome.payload, None
    try:
        return json.loads(outcome.payload, parse_constant=_refuse), None
    except ValueError as error:
        return None, {"errorType": "InvalidJSON", "errorMessage": f"the response is not JSON: {error}"}


def exit_error(ended: ProcessExit, prefix: str = "") -> dict[str, Any]:
    """The error document for a process that ended."""
    return {"errorType": "Runtime.ExitError", "errorMessage": f"{prefix}Runtime exited with error: {how(ended)}"}


def how(ended: ProcessExit) -> str:
    """How a process ended: `exit status 3`, `signal: segmentation fault`."""
    if ended.why:
        return ended.why
    if os.WIFSIGNALED(ended.status):
        number = os.WTERMSIG(ended.status)
        hint = " (the kernel does that when memory runs out)" if number == signal.SIGKILL else ""
        return f"signal: {(signal.strsignal(number) or str(number)).lower()}{hint}"
    return f"exit status {os.WEXITSTATUS(ended.status)}"


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which the runtime client writes and no JSON reader takes")
