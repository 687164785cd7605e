#!/usr/bin/env python3
"""Send pictures to a deployed function, by its name or its URL; print the boxes, draw them, measure the calls.

Runs under any Python from 3.9 on, with the standard library alone; drawing needs the dev environment, which it takes.
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
sys.path[0] = str(ROOT)  # started as a file: its own folder is there

from scripts.client import (  # noqa: E402
    NotCallable,
    credentials,
    report,
)
from scripts.client.connection import Connection, Endpoint, Reply, by_name, check_url, region_of  # noqa: E402

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
EVENT_LIMIT = 6 * 1024 * 1024  # bytes; AWS Lambda quotas, synchronous invocation
JPEG_QUALITY = 90
MAX_PIXELS = 10**9  # of what is drawn here: the function has looked at it already
OPTIONS = ("conf", "iou", "max_det", "classes")


def main(arguments: list[str]) -> int:
    """0 if each picture was answered with 200, 1 if not, 2 for what the user can mend."""
    options = parse(arguments)
    if options.save and not _can_draw():
        return _under_dev(arguments)
    try:
        events = [_event(path, options) for path in options.images]
        return _run(options, _target(options), events)
    except NotCallable as error:
        sys.stderr.write(f"call: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("call: interrupted\n")
        return INTERRUPTED


def _run(options: argparse.Namespace, target: Endpoint, events: list[dict[str, Any]]) -> int:
    started = time.perf_counter()
    replies = _calls(target, events * options.repeat, options.concurrency)
    seconds = time.perf_counter() - started
    first = list(zip(options.images, replies))  # noqa: B905  (Python 3.9; the rest are repetitions)
    saved: list[Path] = []
    for path, reply in first:
        if options.save and reply.status == 200:
            saved.append(_save(path, reply, options.save, saved))
    if options.json:
        answers = [{"image": str(path), "status": one.status, "ms": round(one.ms, 3), "init_ms": one.init_ms,
                    "body": one.body} for path, one in first]  # fmt: skip
        sys.stdout.write(json.dumps({"answers": answers, "load": report.summary(replies, seconds)}) + "\n")
    else:
        sys.stdout.write("".join(report.format_reply(path.name, reply) for path, reply in first))
        sys.stdout.write("".join(f"saved  {path}\n" for path in saved))
        if len(replies) > len(events):
            sys.stdout.write(report.format_load_test(replies, options.concurrency, seconds, target.direct))
    return 0 if all(reply.status == 200 for reply in replies) else FAILED


def _calls(target: Endpoint, events: list[dict[str, Any]], concurrency: int) -> list[Reply]:
    """All events, so many at once, each thread with a connection of its own; the replies in their order."""
    local = threading.local()
    callers: list[Connection] = []

    def call(event: dict[str, Any]) -> Reply:
        if not hasattr(local, "caller"):
            local.caller = Connection(target)
            callers.append(local.caller)
        reply: Reply = local.caller.call(event)
        return reply

    with ThreadPoolExecutor(concurrency) as pool:
        replies = list(pool.map(call, events))
    for caller in callers:
        caller.close()
    return replies


def _event(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The request about one picture.

    Raises:
        NotCallable: no such picture, or too large for Lambda.
    """
    if not path.is_file():
        raise NotCallable(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; wanted a picture")
    event = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    event.update(image_data=base64.b64encode(path.read_bytes()).decode(), image_name=path.name)
    size = len(json.dumps(event))
    if size > EVENT_LIMIT:
        raise NotCallable(f"{path} is a request of {size:,} bytes; Lambda takes {EVENT_LIMIT:,}, pictures of 4.5 MB")
    return event


def _target(options: argparse.Namespace) -> Endpoint:
    """Where to, and signed by whom.

    Raises:
        NotCallable: no URL, no region, or no credentials where they are needed.
    """
    if options.url is None:
        region = credentials.region(os.environ, options.region)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_LAMBDA") or os.environ.get("AWS_ENDPOINT_URL")
        return by_name(options.function, region, credentials.credentials(os.environ), endpoint)
    url, region_of_url = check_url(options.url), region_of(options.url)
    sign = options.sign
    if sign is None and region_of_url:  # a Function URL: signed if there is something to sign with
        try:
            return Endpoint(url, False, credentials.credentials(os.environ), region_of_url)
        except NotCallable:
            sign = False
    if not sign:
        return Endpoint(url, False, None, "")
    region = region_of_url or credentials.region(os.environ, options.region)
    return Endpoint(url, False, credentials.credentials(os.environ), region)


def _save(path: Path, reply: Reply, folder: Path, taken: list[Path]) -> Path:
    """The picture with its boxes, drawn by the code that is shipped."""
    from function import draw
    from function.preprocess import image

    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw.annotate(image.read(path.read_bytes(), MAX_PIXELS), reply.body)
    jpeg = io.BytesIO()
    drawn.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    written, number = folder / f"{path.stem}.jpg", 2
    while written in taken:
        written, number = folder / f"{path.stem}-{number}.jpg", number + 1
    written.write_bytes(jpeg.getvalue())
    return written


def _can_draw() -> bool:
    return sys.version_info >= (3, 11) and all(importlib.util.find_spec(name) for name in ("PIL", "numpy"))


def _under_dev(arguments: list[str]) -> int:
    """The same under the dev environment's Python, where pillow is."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "dev"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if found.returncode:
        return USAGE
    return subprocess.run(
        [found.stdout.split("\n")[-2], str(ROOT / "scripts" / "call.py"), *arguments], check=False
    ).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with 2 and one line if it makes no sense."""
    parser = argparse.ArgumentParser(prog="call.py", description=str(__doc__).splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--function", default="yolo:live", metavar="NAME[:ALIAS]", help="%(default)s")
    where.add_argument("--url", help="a Function URL, or any other address that leads to the function")
    parser.add_argument("--conf", type=float, help="confidence threshold, 0 to 1")
    parser.add_argument("--iou", type=float, help="IoU threshold of the NMS, 0 to 1")
    parser.add_argument("--max-det", type=int, metavar="N", help="at most so many boxes")
    parser.add_argument("--classes", metavar="LIST", help="only these classes: 0,gauge")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write each IMAGE with its boxes to DIR")
    parser.add_argument("--concurrency", type=int, default=1, metavar="N", help="calls at once")
    parser.add_argument("--repeat", type=int, default=1, metavar="M", help="send each IMAGE so often, and measure")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--region", help="the configured one if not said")
    parser.add_argument("--sign", action="store_true", default=None, help="sign the call of a URL; without saying, a "
                        "Function URL is signed if there are credentials")  # fmt: skip
    parser.add_argument("--no-sign", dest="sign", action="store_false", help="do not sign it")
    options = parser.parse_args(arguments)
    for name in ("concurrency", "repeat"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; wanted 1 or more")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
