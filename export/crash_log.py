"""Log file of an unexpected error: the user sees one line, the traceback is in the file.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback


def write(error: BaseException, command: str) -> str:
    """Write the traceback to a new file, and return the line for the user.

    Args:
        error: an error that the command does not expect.
        command: its name, for the file name.
    """
    reason = f"unexpected {type(error).__name__}: {_first_line(error)}"
    try:
        handle, path = tempfile.mkstemp(prefix=f"{command}-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{' '.join(sys.argv)}\nPython {sys.version}\n{platform.platform()}\n\n")
            traceback.print_exception(type(error), error, error.__traceback__, file=file)
    except OSError as no_log:
        return f"{reason} (no log file: {no_log.strerror})"
    return f"{reason}; the details are in {path}"


def _first_line(error: BaseException) -> str:
    try:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    except Exception:  # noqa: BLE001  (str() of an error of another library)
        lines = []
    return (lines[0] if lines else "no message")[:300].encode("ascii", "backslashreplace").decode()
