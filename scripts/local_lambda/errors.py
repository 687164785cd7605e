"""Errors before or around an invocation.

    LocalLambdaError
    ├── NotRunnable       this machine or this dist folder cannot run the zips: a usage error (exit code 2)
    ├── RequestTooLarge   the event exceeds Lambda's limit: a usage error too
    ├── InitFailed        the function failed before it requested its first event
    ├── DrawFailed        the shipped drawing code failed on an image
    └── SandboxFailed     the sandbox could not be made or ended (another isolation mode may work)

A failed invocation is not an exception: it is an `Invocation` with an `error`.
"""

from __future__ import annotations


class LocalLambdaError(Exception):
    """Base class of all errors; the message is for the user."""


class NotRunnable(LocalLambdaError):
    """The zips cannot run here; the message says what is missing or different."""


class RequestTooLarge(LocalLambdaError):
    """The event as JSON exceeds Lambda's limit of 6 MB."""


class DrawFailed(LocalLambdaError):
    """The drawing program ended with an error."""


class SandboxFailed(LocalLambdaError):
    """The sandbox could not be made, or ended unexpectedly."""


class InitFailed(LocalLambdaError):
    """The function failed before its first event.

    Attributes:
        kind: Lambda's error type, such as `Runtime.ImportModuleError` or `Runtime.ExitError`.
        message: error message of the runtime client.
        trace: lines of the stack trace; may be empty.
        logs: output of the function until the failure.
    """

    def __init__(self, kind: str, message: str, trace: list[str], logs: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.trace = trace
        self.logs = logs
