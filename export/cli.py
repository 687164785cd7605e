"""Command line of ``python -m export``, with its only error boundary.

Everything before `venv.enter` runs on any Python from 3.9 on, without torch: help, wrong options and unusable files
are reported at once.
"""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

from export import console, crash_log, files, options, venv
from export.errors import ExportError
from export.options import ExportOptions

FAILED = 1  # exit code
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
    except Exception as error:  # noqa: BLE001  (any other is an error of this program or of a library)
        sys.stdout.flush()
        sys.stderr.write(f"export: {crash_log.write(error, 'export')}\n")
        return FAILED
    return 0


def _run(requested: ExportOptions, arguments: list[str]) -> None:
    """Run the steps, and write the report of `--json` in every case."""
    try:
        is_onnx = files.kind(requested.weights) == files.ONNX
        venv.enter("export", arguments, "build" if is_onnx else "export")
        console.choose_output(requested.is_verbose, requested.is_quiet)
        from export import pipeline

        report = pipeline.run(requested)
    except ExportError as error:
        _write_failure(requested, error.exit_code, str(error), error.report)
        raise
    except Exception as error:
        _write_failure(requested, FAILED, f"{type(error).__name__}: {error}", {})
        raise
    if requested.json:
        console.write_json(requested.json, {"exit_code": 0, "error": None, **report})


def _write_failure(requested: ExportOptions, exit_code: int, message: str, report: dict[str, Any]) -> None:
    if requested.json:
        console.write_json(requested.json, {"exit_code": exit_code, "error": message, **report})


def _stop(number: int, _: object) -> NoReturn:
    """End the process in an ordinary way, so that no temporary folder stays behind."""
    raise SystemExit(128 + number)
