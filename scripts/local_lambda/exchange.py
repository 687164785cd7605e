"""What passes between the tool and a process of the function, as values; no sockets."""

from __future__ import annotations

import queue
from typing import Any, NamedTuple

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


class Exchange:
    """What passes between the tool and one process of the function; each process has its own."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Any] = queue.Queue()  # one of the tuples above, or how the process ended
        self.events: queue.Queue[Delivery | None] = queue.Queue()  # None: no more for this process
