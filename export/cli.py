"""The command line of ``python -m export``, and its one error boundary.

Everything up to `bootstrap.enter` runs on any Python from 3.9 on, without torch: help, wrong options and files that
cannot be what was meant are answered at once.
"""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from export import options, venv
from export.errors import ExportError

INTERRUPTED = 130  # what shells say of a command that Ctrl-C ended


def main(arguments: list[str]) -> int:
    """Runs the command line; the exit code is 0, 1 (the result differs) or 2 (refused)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        order = options.parse(arguments)
        venv.enter("export", arguments)
        from export import pipeline

        pipeline.run(order)
    except ExportError as error:
        sys.stdout.flush()
        sys.stderr.write(f"export: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("export: stopped; nothing was written\n")
        return INTERRUPTED
    return 0


def _stop(number: int, _: object) -> NoReturn:
    """An ordinary end, so that no temporary folder stays behind."""
    raise SystemExit(128 + number)
