"""What can go wrong before or around an invocation.

    LocalLambdaError
    ├── NotRunnable       this machine or this dist folder cannot run it: a usage error (exit code 2)
    ├── RequestTooLarge   the event is over Lambda's limit: a usage error too
    ├── InitFailed        the function did not get as far as asking for an event
    ├── DrawFailed        the shipped drawing code failed on a picture
    └── CellFailed        the enclosure could not be made or died (a fallback may exist)

A failed invocation is none of these: it is an `Invocation` with an `error`.
"""

from __future__ import annotations


class LocalLambdaError(Exception):
    """Root of the tree; the message is for the user."""


class NotRunnable(LocalLambdaError):
    """The zips cannot run here; the message says what was found and wanted."""


class RequestTooLarge(LocalLambdaError):
    """The event as JSON is over Lambda's 6 MB."""


class DrawFailed(LocalLambdaError):
    """The drawing program ended with an error."""


class CellFailed(LocalLambdaError):
    """The enclosure could not be made, or ended by itself."""


class InitFailed(LocalLambdaError):
    """The function failed before its first event.

    Attributes:
        kind: Lambda's error type, such as `Runtime.ImportModuleError` or `Runtime.ExitError`.
        message: what the runtime client reported.
        trace: the lines of its stack trace; may be empty.
        logs: what the function wrote until then.
    """

    def __init__(self, kind: str, message: str, trace: list[str], logs: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.trace = trace
        self.logs = logs
