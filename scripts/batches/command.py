"""A run of batch.py from its options to its exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.aws.errors import DeployError
from scripts.aws.session import from_options
from scripts.batches import collect, estimate, formats, invoke_run, map_run
from scripts.batches.errors import FAILED, INTERRUPTED, USAGE, BatchError
from scripts.batches.job import Job, Outcome
from scripts.batches.options import results_path
from scripts.batches.results_file import ResultsFile
from scripts.command_line import request_options
from scripts.predictions import terminal

GO_ON = "the same command goes on"


def execute(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run the command; return 0 if every image has a result, 1 if not all, 2, or 130 after Ctrl-C.

    Args:
        options: of the command line.
        arguments: the command line, for the line that says how to go on.
    """
    screen = terminal.Screen(is_quiet=options.quiet or options.json)
    try:
        with terminal.interruption() as is_interrupted:
            return _run(options, arguments, screen, is_interrupted)
    except (BatchError, DeployError) as error:
        return _fail(str(error), error.code)
    except OSError as error:
        return _fail(": ".join(filter(None, (error.filename and str(error.filename), error.strerror or str(error)))))
    except sqlite3.Error as error:
        return _fail(f"the temporary database cannot be written: {error}; SQLITE_TMPDIR sets a folder with more space")
    except KeyboardInterrupt:
        return _fail(f"interrupted; {GO_ON}: {_command(arguments)}", INTERRUPTED)


def _run(options: argparse.Namespace, arguments: list[str], screen: terminal.Screen, is_interrupted: Any) -> int:
    started = time.monotonic()
    formats.require(options.format)
    aws = from_options(options, [])
    with contextlib.ExitStack() as stack:
        results = None if options.estimate else stack.enter_context(_open(options))
        if results is not None and results.retried:
            screen.note(f"{results.retried:,} images had a transient error in the last run and are tried again")
        try:
            outcome = _method(options)(Job(options, aws, results, screen, is_interrupted))
        except (BatchError, DeployError) as error:
            if results is not None and results.count:
                raise BatchError(
                    f"{error}; {results.count:,} rows are in {results.path}, {GO_ON}", error.code
                ) from error
            raise
        if results is None:
            return _print_estimate(options, outcome)
        if outcome.is_complete and options.format != "jsonl":
            formats.convert(results.path, options.out, options.format)
        _print_summary(options, screen, outcome, results, time.monotonic() - started)
        if not outcome.is_complete:
            return _fail(f"interrupted; {results.count:,} of {outcome.images:,} images have a row in {results.path}; "
                         f"{GO_ON}: {_command(arguments)}", INTERRUPTED)  # fmt: skip
        return FAILED if results.errors else 0


def _method(options: argparse.Namespace) -> Callable[[Job], Outcome]:
    """Return the function that fills the file; an estimate is that of calls from this machine."""
    if options.collect:
        return collect.fill
    return map_run.fill if options.via == "map" and not options.estimate else invoke_run.fill


def record(options: argparse.Namespace) -> dict[str, Any]:
    """Return what all rows of a file have in common, for its record."""
    source = options.source or options.collect
    path = None
    if not source.startswith("s3://"):  # the names of the images begin with the path as it is written
        source, path = str(Path(source)), str(Path(source).resolve())
    return {"source": source, "path": path, "function": options.function, "options": request_options(options)}


def _open(options: argparse.Namespace) -> ResultsFile:
    """Open the JSONL file; refuse to replace a file in another format that is not of this run.

    Raises:
        BatchError: --out is a device, a pipe or a folder; or see `ResultsFile`.
    """
    _require_file(options.out)
    if options.out.is_symlink():
        options.out = options.out.resolve()  # the file is replaced at the end, and its link has to stay
    path = results_path(options)
    _require_file(path)
    if options.format != "jsonl" and options.out.exists() and not path.exists() and not options.overwrite:
        raise BatchError(f"{options.out} exists and is of another program; set another --out, or --overwrite")
    return ResultsFile(path, record(options), options.overwrite)


def _require_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise BatchError(f"--out must be a file, got {path}, which is none: a run reads it again when it goes on")


def _print_estimate(options: argparse.Namespace, outcome: Outcome) -> int:
    if options.json:
        document = {"source": options.source, "function": options.function, "images": outcome.images,
                    "left_out": dict(outcome.left_out), **outcome.details}  # fmt: skip
        sys.stdout.write(json.dumps(document) + "\n")
    return 0


def _print_summary(
    options: argparse.Namespace, screen: terminal.Screen, outcome: Outcome, results: ResultsFile, seconds: float
) -> None:
    totals = outcome.totals
    if options.json:
        document = {
            "source": options.source or options.collect, "function": options.function, "out": str(options.out),
            "images": outcome.images, "left_out": dict(outcome.left_out), "rows": results.count,
            "errors": results.errors, "complete": outcome.is_complete,
            "run": {"images": totals.images, "errors": dict(totals.errors), "detections": totals.detections,
                    "calls": totals.calls, "throttles": totals.throttles, "seconds": round(seconds, 3),
                    "usd": round(totals.usd, 6)},
            **outcome.details,
        }  # fmt: skip
        sys.stdout.write(json.dumps(document) + "\n")
        return
    types = ", ".join(f"{name} {count:,}" for name, count in totals.errors.most_common())
    screen.print(
        f"done      {totals.images:,} images in {estimate.duration(seconds)} "
        f"({totals.images / max(seconds, 0.001):.1f} per second), {totals.detections:,} detections, "
        f"{totals.errors.total():,} errors{f' ({types})' if types else ''}, {totals.usd:.4f} USD"
    )
    if outcome.is_complete:
        screen.print(f"written   {options.out}: {results.count:,} images, {results.errors:,} of them errors")
        if results.errors:
            screen.print(f"errors    grep '\"error\":' {shlex.quote(str(results.path))}")
        if options.out.suffix == ".jsonl":
            table = shlex.quote(str(options.out.with_suffix(".csv")))
            screen.print(f"next      the same command with --out {table} --format csv makes that file without a call")


def _command(arguments: list[str]) -> str:
    return shlex.join(["scripts/batch.py", *arguments])


def _fail(message: str, code: int = USAGE) -> int:
    sys.stderr.write(f"batch: {message}\n")
    return code
