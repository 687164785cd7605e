#!/usr/bin/env python3
"""Send images to a deployed function, by its name or its URL; print the results, draw them, measure the calls.

Runs under any Python from 3.9 on, with the standard library alone. Drawing needs the environment `build`, which is then
set up and used.
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts.aws.limits import EVENT_LIMIT  # noqa: E402
from scripts.client import NotCallable, credentials, report  # noqa: E402
from scripts.client.connection import Connection, Endpoint, Reply, by_name, check_url, region_of  # noqa: E402
from scripts.command_line import (  # noqa: E402
    Parser,
    add_output_options,
    add_request_options,
    qualified,
    request_options,
)

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
JPEG_QUALITY = 90
MAX_PIXELS = 10**9  # of an image to draw on: the function has accepted it already
EPILOG = "The exit code is 0 if every response has status 200, and 1 if not."


def main(arguments: list[str]) -> int:
    """Send the images; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    if options.save and not _can_draw():
        return _run_under_build(arguments)
    try:
        events = [_event(path, options) for path in options.images]
        return _run(options, _endpoint(options), events)
    except NotCallable as error:
        sys.stderr.write(f"call: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("call: interrupted\n")
        return INTERRUPTED


def _run(options: argparse.Namespace, endpoint: Endpoint, events: list[dict[str, Any]]) -> int:
    if options.verbose:
        sys.stderr.write(report.format_endpoint(endpoint))
    started = time.perf_counter()
    finished: list[Reply] = []
    try:
        replies = _call_all(endpoint, events * options.repeat, options.concurrency, finished)
    except KeyboardInterrupt:
        state = f"{len(finished)} of {len(events) * options.repeat} calls have a response"
        sys.stderr.write(f"call: interrupted; {state}; no result is printed or saved\n")
        return INTERRUPTED
    seconds = time.perf_counter() - started
    first = list(zip(options.images, replies))  # noqa: B905  (Python 3.9; the other replies are repetitions)
    saved: list[Path] = []
    for path, reply in first:
        if options.save and reply.status == 200:
            saved.append(_save(path, reply, options.save, saved))
        if options.verbose:
            sys.stderr.write(report.format_log(path.name, reply))
    if options.json:
        answers = [{"image": str(path), "status": reply.status, "ms": round(reply.ms, 3), "init_ms": reply.init_ms,
                    "body": reply.body} for path, reply in first]  # fmt: skip
        sys.stdout.write(json.dumps({"answers": answers, "load": report.summary(replies, seconds)}) + "\n")
    else:
        shown = [(path, reply) for path, reply in first if reply.status != 200 or not options.quiet]
        sys.stdout.write("".join(report.format_reply(path.name, reply) for path, reply in shown))
    if not (options.json or options.quiet):
        sys.stdout.write("".join(f"saved  {path}\n" for path in saved))
        if len(replies) > len(events):
            sys.stdout.write(report.format_load_test(replies, options.concurrency, seconds, endpoint.direct))
    if any(reply.status == 401 for reply in replies):
        sys.stderr.write(f"call: {credentials.NO_KEY}\n")
    return 0 if all(reply.status == 200 for reply in replies) else FAILED


def _call_all(endpoint: Endpoint, events: list[dict[str, Any]], concurrency: int, finished: list[Reply]) -> list[Reply]:
    """Send all events, `concurrency` of them at once, and return the replies in the order of the events.

    `finished` gets each reply when it arrives.
    """
    local = threading.local()
    connections: list[Connection] = []

    def call(event: dict[str, Any]) -> Reply:
        if not hasattr(local, "connection"):  # one for each thread
            local.connection = Connection(endpoint)
            connections.append(local.connection)
        reply: Reply = local.connection.call(event)
        finished.append(reply)
        return reply

    try:
        with ThreadPoolExecutor(concurrency) as pool:
            return list(pool.map(call, events))
    finally:
        for connection in connections:
            connection.close()


def _event(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the request for one image.

    Raises:
        NotCallable: the image does not exist or is too large for Lambda.
    """
    if not path.is_file():
        raise NotCallable(
            f"IMAGE must be a file, got {path}, {'a folder' if path.is_dir() else 'which does not exist'}"
        )
    event: dict[str, Any] = dict(request_options(options))
    event.update(image_data=base64.b64encode(path.read_bytes()).decode(), image_name=path.name)
    size = len(json.dumps(event))
    if size > EVENT_LIMIT:
        raise NotCallable(
            f"the request must be at most {EVENT_LIMIT:,} bytes (an image of about 4.5 MB), got {size:,} for {path}"
        )
    return event


def _endpoint(options: argparse.Namespace) -> Endpoint:
    """Return the endpoint, with the credentials that sign the requests.

    Raises:
        NotCallable: the URL is invalid, or there is no region or no credentials where they are needed.
    """
    if options.url is None:
        region = credentials.region(os.environ, options.region)
        base = os.environ.get("AWS_ENDPOINT_URL_LAMBDA") or os.environ.get("AWS_ENDPOINT_URL")
        return by_name(qualified(options.function), region, credentials.credentials(os.environ), base)
    url, region_of_url = check_url(options.url), region_of(options.url)
    key = credentials.api_key(os.environ, options.key)
    sign = options.sign
    if sign is None and region_of_url:  # a Function URL: signed if there are credentials
        try:
            return Endpoint(url, False, credentials.credentials(os.environ), region_of_url, key)
        except NotCallable:
            sign = False
    if not sign:
        return Endpoint(url, False, None, "", key)
    region = region_of_url or credentials.region(os.environ, options.region)
    return Endpoint(url, False, credentials.credentials(os.environ), region, key)


def _save(path: Path, reply: Reply, folder: Path, taken: list[Path]) -> Path:
    """Write the image with its boxes, drawn by the function's own code, under a name that is not in `taken`."""
    from function import draw
    from function.preprocess import multiband

    folder.mkdir(parents=True, exist_ok=True)
    annotated = draw.annotate(multiband.drawable(path.read_bytes(), reply.body, MAX_PIXELS), reply.body)
    jpeg = io.BytesIO()
    annotated.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    target, number = folder / f"{path.stem}.jpg", 2
    while target in taken:
        target, number = folder / f"{path.stem}-{number}.jpg", number + 1
    target.write_bytes(jpeg.getvalue())
    return target


def _can_draw() -> bool:
    return sys.version_info >= (3, 11) and all(importlib.util.find_spec(name) for name in ("PIL", "numpy"))


def _run_under_build(arguments: list[str]) -> int:
    """Run this command with the Python of the environment `build`, which has Pillow; return the exit code."""
    environment = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "build"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if environment.returncode:
        return USAGE
    python = environment.stdout.split("\n")[-2]
    return subprocess.run([python, str(ROOT / "scripts" / "call.py"), *arguments], check=False).returncode


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/call.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add = command.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE", help="image files, at most about 4.5 MB each")
    target = command.add_mutually_exclusive_group()
    target.add_argument(
        "--function",
        default="yolo",
        metavar="NAME[:ALIAS]",
        help="function to call (default: %(default)s); without an alias: live",
    )
    target.add_argument("--url", metavar="URL", help="call a Function URL, or any other URL that leads to the function")
    add(
        "--key",
        metavar="KEY",
        help=f"API key for --url (default: {credentials.KEY_VARIABLE}, which other users cannot see)",
    )
    add_request_options(command)
    add("--save", type=Path, metavar="DIR", help="write each IMAGE with its boxes to DIR")
    add("--concurrency", type=int, default=1, metavar="N", help="calls at the same time (default: %(default)s)")
    add(
        "--repeat", type=int, default=1, metavar="N", help="send each IMAGE N times, and measure (default: %(default)s)"
    )
    add_output_options(
        command, quiet="print only the images whose response has another status than 200",
        verbose="print the URL, and with --function the end of the log of each invocation, to stderr",
    )  # fmt: skip
    add("--region", metavar="REGION", help="region (default: the configured one)")
    add(
        "--sign", action="store_true", default=None,
        help="sign the request to a URL (default: sign for a Function URL if there are credentials)",
    )  # fmt: skip
    add("--no-sign", dest="sign", action="store_false", help="do not sign the request to a URL")
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    for name in ("concurrency", "repeat"):
        if getattr(options, name) < 1:
            command.error(f"--{name} must be at least 1, got {getattr(options, name)}")
    if options.key is not None and options.url is None:
        command.error("--key must be used with --url: a call of --function needs no API key")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
