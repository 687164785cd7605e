#!/usr/bin/env python3
"""Invoke the built zips on this machine as Lambda does: with the real runtime client, its variables and read-only code.

Runs on Python 3.9 or newer with the standard library alone. The function runs on the Python it was built for.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts.aws.limits import MB_PER_CPU, MEMORY_RANGE, TIMEOUT_RANGE  # noqa: E402
from scripts.command_line import (  # noqa: E402
    Parser,
    add_output_options,
    add_request_options,
    assignment,
    request_options,
)
from scripts.local_lambda import emulator, events, other_system, report  # noqa: E402
from scripts.local_lambda.errors import InitFailed, LocalLambdaError, NotRunnable, RequestTooLarge  # noqa: E402
from scripts.local_lambda.invocation import Invocation  # noqa: E402

FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141  # exit codes
EPILOG = """\
exit codes: 0 every invocation succeeded, 1 not all, 2 usage or environment error, 130 interrupted

An IMAGE or a --request succeeds if the HTTP status of the response is 2xx. An --event succeeds if the function returns
without an error; a status in its response is not checked."""


def main(arguments: list[str]) -> int:
    """Invoke the function with every event; return the exit code: 0, 1, 2, 130, or 141 for a closed pipe."""
    options = parse(arguments)
    done: list[tuple[events.InvocationInput, Invocation]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))  # with cleanup, as after Ctrl-C
    try:
        inputs = [events.from_file(path) for path in options.event]
        inputs += [events.from_request(path, options.path) for path in options.request]
        query = "&".join(filter(None, (options.query, urlencode(request_options(options)))))
        inputs += [events.from_image(path, query) for path in options.images]
        code = _run(options, inputs, done)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader closed the pipe, as `head` does after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (NotRunnable, RequestTooLarge) as error:
        _print_error(f"invoke_local: {error}\n")
        return USAGE
    except InitFailed as error:
        _print_error(report.init_failure(error, log_was_shown=not options.quiet))
        hint = report.hidden_file(error, dict(options.env))
        if hint:
            _print_error(f"invoke_local: {hint}\n")
        if options.json:
            failure = {"errorType": error.kind, "errorMessage": error.message, "stackTrace": error.trace}
            sys.stdout.write(json.dumps({"init_ms": None, "invocations": [], "error": failure}) + "\n")
        return FAILED
    except LocalLambdaError as error:
        _print_error(f"invoke_local: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        total = len(options.images) + len(options.event) + len(options.request)
        _print_error(f"invoke_local: interrupted; {len(done)} of {total} invocations are finished\n")
        return INTERRUPTED


def _run(
    options: argparse.Namespace,
    inputs: list[events.InvocationInput],
    done: list[tuple[events.InvocationInput, Invocation]],
) -> int:
    """Start the function, invoke it with every input and print the report. Return the exit code.

    `done` gets each input with its invocation.
    """
    show = _discard if options.json else sys.stdout.write
    log = None if options.quiet else _print_log
    function = other_system.open_function(
        options.dist, memory=options.memory, timeout=options.timeout, env=dict(options.env), handler=options.handler,
        isolation=options.isolation, snap_start=options.snap_start, log=log,
    )  # fmt: skip
    with function:
        isolation = f"{function.isolation} ({function.isolation_note})"
        show(f"zips       {options.dist}\n")
        show(report.start(f"{function.python} on {function.arch}", isolation, function.init_ms))
        if options.snap_start:
            show(report.restore(function.restore_ms))
        first_init = function.init_ms
        for item in inputs:
            invocation = function.invoke(item.event)
            show(report.invocation(item.name, invocation))
            if options.verbose:
                _print_error(f"response   {json.dumps(invocation.response)}\n")
            done.append((item, invocation))
        peak = function.peak_rss_bytes
        show(report.memory(peak, options.memory))
        if options.save:
            for path in _save(function, done, options.save):
                (_print_error if options.json else sys.stdout.write)(f"saved      {path}\n")
    if options.json:
        sys.stdout.write(json.dumps(_record(function, first_init, peak, done)) + "\n")
    return 0 if all(report.succeeded(invocation, item.has_status) for item, invocation in done) else FAILED


def _save(
    function: emulator.LocalLambda, done: list[tuple[events.InvocationInput, Invocation]], folder: Path
) -> list[Path]:
    """Draw the detections of every image with a successful response. Return the paths of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for item, invocation in done:
        body = report.body_of(invocation.response)
        if item.image is None or not (isinstance(body, dict) and "image_dimensions" in body):
            continue
        size = body["image_dimensions"]
        path = _free_name(folder, Path(item.name).stem, written)
        path.write_bytes(function.draw(item.image, body, size["width"] * size["height"]))
        written.append(path)
    return written


def _free_name(folder: Path, stem: str, taken: list[Path]) -> Path:
    """Return `stem.jpg`, or a numbered name if this run has written that file already."""
    path, number = folder / f"{stem}.jpg", 2
    while path in taken:
        path, number = folder / f"{stem}-{number}.jpg", number + 1
    return path


def _record(
    function: emulator.LocalLambda, init_ms: float, peak: int, done: list[tuple[events.InvocationInput, Invocation]]
) -> dict[str, Any]:
    """Return the document of --json."""
    return {
        "init_ms": round(init_ms, 3),
        "invocations": [
            {
                "name": item.name,
                "invoke_ms": round(invocation.invoke_ms, 3),
                "response": _printable(invocation.response),
                "error": invocation.error,
            }
            for item, invocation in done
        ],
        "peak_rss_bytes": peak,
        "isolation": function.isolation,
        "python": function.python,
    }


def _printable(response: Any) -> Any:
    return response.decode("latin-1") if isinstance(response, bytes) else response


def parser() -> Parser:
    """Return the parser of the command line."""
    description = str(__doc__).splitlines()[0]
    command = Parser(prog="scripts/invoke_local.py", description=description, epilog=EPILOG)
    add = command.add_argument
    add("images", nargs="*", type=Path, metavar="IMAGE", help="image, sent as the body of a POST")
    add("--dist", type=Path, default=Path("dist"), metavar="DIR", help="folder with the zips (default: %(default)s)")
    add(
        "--event", type=Path, action="append", default=[], metavar="FILE",
        help="JSON file, sent unchanged as the event; repeatable",
    )  # fmt: skip
    add(
        "--request", type=Path, action="append", default=[], metavar="FILE",
        help="JSON file, sent as the body of a POST; repeatable",
    )  # fmt: skip
    add("--path", default="/", metavar="PATH", help="URL path of each --request (default: %(default)s)")
    add("--save", type=Path, metavar="DIR", help="write each IMAGE with its boxes to DIR")
    add_request_options(command)
    add("--query", default="", metavar="STRING", help="query string of each IMAGE, such as conf=0.4 (default: empty)")
    add(
        "--env", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable",
    )  # fmt: skip
    add(
        "--memory", type=int, default=MB_PER_CPU, metavar="MB",
        help="memory size that the function sees; not enforced (default: %(default)s)",
    )  # fmt: skip
    add(
        "--timeout", type=float, default=emulator.TIMEOUT, metavar="SECONDS",
        help="time limit of an invocation (default: %(default)g)",
    )  # fmt: skip
    add("--handler", default=emulator.HANDLER, metavar="MODULE.FUNCTION", help="handler (default: %(default)s)")
    add(
        "--isolation", choices=("auto", "namespace", "plain"), default="auto",
        help="own namespaces, temporary folders, or the best mode that works (default: %(default)s)",
    )  # fmt: skip
    add("--snap-start", action="store_true", help="run the SnapStart hooks; no snapshot is taken")
    add_output_options(
        command, quiet="do not print the log of the function",
        verbose="print the whole response of each invocation as JSON, to stderr",
    )  # fmt: skip
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if not (options.images or options.event or options.request):
        command.error("an IMAGE, --event FILE or --request FILE is required")
    if not options.path.startswith("/"):
        command.error(f"--path must begin with a slash, got {options.path!r}")
    if options.save and not options.images:
        command.error("--save requires an IMAGE")
    least, most = MEMORY_RANGE
    if not least <= options.memory <= most:
        command.error(f"--memory must be between {least} and {most} MB, got {options.memory}")
    if not 0 < options.timeout <= TIMEOUT_RANGE[1]:
        command.error(f"--timeout must be more than 0 and at most {TIMEOUT_RANGE[1]} seconds, got {options.timeout:g}")
    return options


def _print_log(line: str) -> None:
    _print_error(f"  | {line}\n")


def _discard(text: str) -> None:
    """Print nothing: with --json, stdout has only the document."""


def _print_error(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
