"""One invocation: the messages between emulator and Runtime API, and the result as Lambda reports it to the caller."""

from __future__ import annotations

import json
import os
import queue
import signal
import time
from typing import Any, NamedTuple

from scripts.aws.limits import RESPONSE_LIMIT
from scripts.local_lambda.sandbox import ProcessExit


class Delivery(NamedTuple):
    """Event to deliver: Lambda's request id, the event as JSON, and the timeout in seconds."""

    request_id: str
    event: bytes
    timeout: float


class NextRequested(NamedTuple):
    """The runtime client requested the next event; `at` is time.monotonic(), here and below."""

    at: float


class EventSent(NamedTuple):
    """An event was sent to the runtime client."""

    request_id: str
    at: float


class ResponseReceived(NamedTuple):
    """The handler returned: `payload` is None if it exceeded the limit; `size` is its size in bytes in any case."""

    request_id: str
    payload: bytes | None
    size: int
    content_type: str
    at: float


class HandlerError(NamedTuple):
    """The handler failed: the error document of the runtime client."""

    request_id: str
    error: dict[str, Any]
    at: float


class InitError(NamedTuple):
    """The function could not be loaded: the error document of the runtime client."""

    error: dict[str, Any]


class Snapshot(NamedTuple):
    """The init phase ended and a snapshot could be taken; the emulator continues immediately."""

    at: float


class RestoreError(NamedTuple):
    """A hook failed after the restore: the error document of the runtime client."""

    error: dict[str, Any]


class Channel:
    """Queues between the emulator and one process of the function; each process has its own channel.

    Attributes:
        messages: the tuples above, and the `ProcessExit` of the process.
        events: events to deliver; None means that no more follow for this process.
    """

    def __init__(self) -> None:
        self.messages: queue.Queue[Any] = queue.Queue()
        self.events: queue.Queue[Delivery | None] = queue.Queue()

    def receive(self, deadline: float) -> Any:
        """Return the next message, or None at the deadline (time.monotonic())."""
        try:
            return self.messages.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None


class Invocation(NamedTuple):
    """Result of one event.

    Attributes:
        response: value that the handler returned, decoded from JSON; bytes if it returned bytes; None if it failed.
        error: Lambda's error document (`errorType`, `errorMessage`, optionally `stackTrace`), or None.
        invoke_ms: time from sending the event to receiving the result.
        init_ms: init time of a new process, if this invocation had to start one; else None.
        logs: output of the function during the invocation.
        request_id: Lambda's request id.
    """

    response: Any
    error: dict[str, Any] | None
    invoke_ms: float
    init_ms: float | None
    logs: str
    request_id: str


def to_invocation(
    outcome: ResponseReceived | HandlerError | ProcessExit | None, delivery: Delivery
) -> tuple[Any, dict[str, Any] | None]:
    """Return the response and the error for the caller.

    Args:
        outcome: last message of the process; None after a timeout.
        delivery: the event that was delivered.
    """
    if outcome is None:
        message = f"RequestId: {delivery.request_id} Error: Task timed out after {delivery.timeout:.2f} seconds"
        return None, {"errorType": "Sandbox.Timedout", "errorMessage": message}
    if isinstance(outcome, ProcessExit):
        return None, exit_error(outcome, f"RequestId: {delivery.request_id} Error: ")
    if isinstance(outcome, HandlerError):
        return None, outcome.error
    if outcome.payload is None:
        message = f"the response must be at most {RESPONSE_LIMIT:,} bytes, got {outcome.size:,}"
        return None, {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    if "json" not in outcome.content_type:
        return outcome.payload, None
    try:
        return json.loads(outcome.payload, parse_constant=_refuse), None
    except ValueError as error:
        return None, {"errorType": "InvalidJSON", "errorMessage": f"the response is not JSON: {error}"}


def init_error(message: InitError | RestoreError | ProcessExit | None, timeout_message: str) -> dict[str, Any]:
    """Return the error document of a process that did not request an event.

    Args:
        message: last message of the process; None after a timeout.
        timeout_message: error message after a timeout.
    """
    if isinstance(message, (InitError, RestoreError)):
        return message.error
    if isinstance(message, ProcessExit):
        return exit_error(message)
    return {"errorType": "Sandbox.Timedout", "errorMessage": timeout_message}


def exit_error(ended: ProcessExit, prefix: str = "") -> dict[str, Any]:
    """Return the error document of a process that ended."""
    message = f"{prefix}Runtime exited with error: {describe_exit(ended)}"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}


def describe_exit(ended: ProcessExit) -> str:
    """Return in words how a process ended: `exit status 3`, `signal: segmentation fault`."""
    if ended.reason:
        return ended.reason
    if os.WIFSIGNALED(ended.status):
        number = os.WTERMSIG(ended.status)
        hint = " (the kernel sends it if memory runs out)" if number == signal.SIGKILL else ""
        return f"signal: {(signal.strsignal(number) or str(number)).lower()}{hint}"
    return f"exit status {os.WEXITSTATUS(ended.status)}"


def _refuse(constant: str) -> None:
    raise ValueError(f"it has {constant}, which the runtime client writes but which is not valid JSON")
