#!/usr/bin/env python3
"""Invoke the built zips on this machine as Lambda would: the real runtime client, its variables, read-only code.

Runs under any Python from 3.9 on, with the standard library alone; the function runs on the Python it was built for.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # started as a file: its own folder is there

from scripts.local_lambda import emulator, events, report  # noqa: E402
from scripts.local_lambda.errors import InitFailed, LocalLambdaError, NotRunnable, RequestTooLarge  # noqa: E402
from scripts.local_lambda.invocation import Invocation  # noqa: E402

USAGE, FAILED, INTERRUPTED, UNREAD = 2, 1, 130, 141  # exit codes


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code is 0 if every invocation succeeded, 1 if not, 2 for what cannot be run."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))  # a clean end, like Ctrl-C
    try:
        cases = [events.from_file(path) for path in options.event]
        cases += [events.from_request(path, options.path) for path in options.request]
        cases += [events.from_picture(path, options.query) for path in options.images]
        code = _run(options, cases)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (NotRunnable, RequestTooLarge) as error:
        _say(f"invoke_local: {error}\n")
        return USAGE
    except InitFailed as error:
        _say(report.init_failure(error, log_was_shown=not options.quiet))
        if options.json:
            failure = {"errorType": error.kind, "errorMessage": error.message, "stackTrace": error.trace}
            sys.stdout.write(json.dumps({"init_ms": None, "invocations": [], "error": failure}) + "\n")
        return FAILED
    except LocalLambdaError as error:
        _say(f"invoke_local: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        _say("invoke_local: interrupted\n")
        return INTERRUPTED


def _run(options: argparse.Namespace, cases: list[events.InvocationInput]) -> int:
    show = _nothing if options.json else sys.stdout.write
    log = None if options.quiet else _show_log
    function = emulator.LocalLambda(
        options.dist, memory=options.memory, timeout=options.timeout, env=dict(options.env), handler=options.handler,
        isolation=options.isolation, snap_start=options.snap_start, log=log,
    )  # fmt: skip
    with function:
        isolation = f"{function.isolation} ({function.isolation_note})"
        show(report.start(f"{function.python} on {function.arch}", isolation, function.init_ms))
        if options.snap_start:
            show(report.restore(function.restore_ms))
        first_init = function.init_ms
        done = []
        for case in cases:
            invocation = function.invoke(case.event)
            show(report.invocation(case.name, invocation))
            done.append((case, invocation))
        peak = function.peak_rss_bytes
        show(report.memory(peak, options.memory))
        if options.save:
            for path in _save(function, done, options.save):
                (_say if options.json else sys.stdout.write)(f"saved      {path}\n")
    if options.json:
        sys.stdout.write(json.dumps(_record(function, first_init, peak, done)) + "\n")
    return 0 if all(report.succeeded(one, case.has_status) for case, one in done) else FAILED


def _save(
    function: emulator.LocalLambda, done: list[tuple[events.InvocationInput, Invocation]], folder: Path
) -> list[Path]:
    """Draw every picture that got an answer; returns the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for case, invocation in done:
        body = report.body_of(invocation.response)
        if case.picture is None or not (isinstance(body, dict) and "image_dimensions" in body):
            continue
        size = body["image_dimensions"]
        path = _free_name(folder, Path(case.name).stem, written)
        path.write_bytes(function.draw(case.picture, body, size["width"] * size["height"]))
        written.append(path)
    return written


def _free_name(folder: Path, stem: str, taken: list[Path]) -> Path:
    """`stem.jpg`, or with a number where this run wrote that already."""
    path, number = folder / f"{stem}.jpg", 2
    while path in taken:
        path, number = folder / f"{stem}-{number}.jpg", number + 1
    return path


def _record(
    function: emulator.LocalLambda, init_ms: float, peak: int, done: list[tuple[events.InvocationInput, Invocation]]
) -> dict[str, Any]:
    return {
        "init_ms": round(init_ms, 3),
        "invocations": [
            {
                "name": case.name,
                "invoke_ms": round(one.invoke_ms, 3),
                "response": one.response.decode("latin-1") if isinstance(one.response, bytes) else one.response,
                "error": one.error,
            }
            for case, one in done
        ],
        "peak_rss_bytes": peak,
        "isolation": function.isolation,
        "python": function.python,
    }


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="invoke_local.py", description=str(__doc__).splitlines()[0])
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="sent as the raw body of a POST")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="folder with the zips (dist)")
    parser.add_argument(
        "--event", type=Path, action="append", default=[], metavar="FILE.json", help="sent as it is; repeatable"
    )
    parser.add_argument(
        "--request", type=Path, action="append", default=[], metavar="FILE.json",
        help="sent as the body of a POST; repeatable",
    )  # fmt: skip
    parser.add_argument("--path", default="/", help="where the requests are posted (%(default)s)")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write each IMAGE with its boxes to DIR")
    parser.add_argument("--query", default="", metavar="STRING", help="query string of the IMAGEs, such as conf=0.4")
    parser.add_argument(
        "--env", type=_assignment, action="append", default=[], metavar="KEY=VALUE", help="for the function; repeatable"
    )
    parser.add_argument("--memory", type=int, default=emulator.MEMORY, metavar="MB", help="as told to it (%(default)s)")
    parser.add_argument("--timeout", type=float, default=emulator.TIMEOUT, metavar="S", help="seconds (%(default)g)")
    parser.add_argument("--handler", default=emulator.HANDLER, help="%(default)s")
    parser.add_argument(
        "--isolation", choices=("auto", "namespace", "plain"), default="auto",
        help="own namespaces, plain folders, or the better one that works (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--snap-start", action="store_true", help="run the hooks around a snapshot; none is taken")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    parser.add_argument("--quiet", action="store_true", help="do not show what the function logs")
    options = parser.parse_args(arguments)
    if not (options.images or options.event or options.request):
        parser.error("nothing to invoke with: give an IMAGE, --event FILE.json or --request FILE.json")
    if not options.path.startswith("/"):
        parser.error(f"--path is {options.path!r}; wanted one that begins with a slash")
    if options.save and not options.images:
        parser.error("--save draws on IMAGEs; there is none")
    if not 128 <= options.memory <= 10240:
        parser.error(f"--memory is {options.memory}; Lambda takes 128 to 10240 MB")
    if not 0 < options.timeout <= 900:
        parser.error(f"--timeout is {options.timeout:g}; Lambda takes up to 900 s")
    return options


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value


def _show_log(line: str) -> None:
    _say(f"  | {line}\n")


def _nothing(text: str) -> None:
    """What is shown where JSON is wanted instead."""


def _say(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
