"""Errors that end a run of batch.py, and which errors of images are final."""

from __future__ import annotations

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
# Types of errors for which another call gives the same error: the status is 4xx. Every other error is transient.
FINAL = frozenset(
    {
        *("BadRequest", "Unauthorized", "Forbidden", "NotFound", "MethodNotAllowed", "NotAcceptable", "TooLarge"),
        *("UnsupportedImage", "InvalidOption", "InvalidTensor"),
    }
)


class BatchError(Exception):
    """The run cannot start or go on; the message is one line. `code` is the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code


def is_transient(row: dict[str, object]) -> bool:
    """Return whether a row of the results is an error that another call may not have: throttling, 5xx, a timeout."""
    return "error" in row and row.get("type") not in FINAL
