"""Command line of ``python -m export``, with its only error boundary.

Everything before `venv.enter` runs on any Python from 3.9 on, without torch: help, wrong options and unusable files
are reported at once.
"""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from export import console, options, venv
from export.errors import ExportError
from export.options import ExportOptions

INTERRUPTED = 130  # exit code that shells use for a command that Ctrl-C ended


def main(arguments: list[str]) -> int:
    """Run the command line; return 0, 1 (the result differs), 2 (usage or environment error) or 130 (interrupted)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        _run(options.parse(arguments), arguments)
    except ExportError as error:
        sys.stdout.flush()
        sys.stderr.write(f"export: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("export: stopped; nothing was written\n")
        return INTERRUPTED
    return 0


def _run(requested: ExportOptions, arguments: list[str]) -> None:
    """Run the steps, and write the report of `--json` in every case."""
    try:
        venv.enter("export", arguments)
        from export import pipeline

        report = pipeline.run(requested)
    except ExportError as error:
        if requested.json:
            failure = {"exit_code": error.exit_code, "error": str(error)}
            console.write_json(requested.json, {**failure, **error.report})
        raise
    if requested.json:
        console.write_json(requested.json, {"exit_code": 0, "error": None, **report})


def _stop(number: int, _: object) -> NoReturn:
    """End the process in an ordinary way, so that no temporary folder stays behind."""
    raise SystemExit(128 + number)
