#!/usr/bin/env python3
"""Send images to a deployed function, by its name or its URL; print the results, draw them, measure the calls.

Runs under any Python from 3.9 on; the environment `aws`, which is set up if needed, has what it uses.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import environments  # noqa: E402
from scripts.aws.errors import DeployError  # noqa: E402
from scripts.aws.session import Aws, add_session_options  # noqa: E402
from scripts.client import calls, endpoint, images, report  # noqa: E402
from scripts.client.connection import Connection, Reply  # noqa: E402
from scripts.command_line import (  # noqa: E402
    Parser,
    add_output_options,
    add_request_options,
    qualified,
    request_options,
)

FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141  # exit codes
JPEG_QUALITY = 90
MAX_PIXELS = 10**9  # of an image to draw on: the function has accepted it already
EPILOG = """\
examples:
  scripts/call.py photos --concurrency 10                   images of a folder; each is read when it is sent
  scripts/call.py s3://bucket/in/a.jpg                      an object that the function reads (ALLOWED_BUCKETS)
  scripts/call.py s3://bucket/in/ --concurrency 50 --json   all images below a prefix

Results are printed in the order in which they come, in the document of --json in that of the images. Calls with status
429 or 503 and without a connection are made again. Exit codes: 0 every response has status 200, 1 not all, 2 usage or
environment error, 130 interrupted."""


def main(arguments: list[str]) -> int:
    """Send the images; return the exit code: 0, 1, 2, 130, or 141 for a closed pipe."""
    options = parse(arguments)
    if not environments.has_packages("aws"):
        return environments.run_in("aws", [str(ROOT / "scripts" / "call.py"), *arguments])
    try:
        return _run(options)
    except DeployError as error:
        sys.stderr.write(f"call: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("call: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe, as `head` does after ten lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:  # the folder of --save
        sys.stderr.write(f"call: {error.filename or 'an image'} cannot be written: {error.strerror}\n")
        return USAGE


def _run(options: argparse.Namespace) -> int:
    aws = Aws(options.region or endpoint.region_of_arn(options.function), options.profile)
    found = images.find(options.images, lambda: aws)
    if found.left_out:
        sys.stderr.write(f"call: left out: {found.left_out}\n")
    target = _endpoint(options, aws)
    connection = Connection(target, options.concurrency)
    if options.verbose:
        _print_target(target, connection)
    run = _Run(options, found.images, aws)
    is_interrupted = False
    try:
        run.call_all(connection)
    except KeyboardInterrupt:
        is_interrupted = True
    run.print_end(direct=bool(target.function))
    if is_interrupted:
        state = f"{len(run.replies)} of {len(found.images) * options.repeat} calls have a response"
        sys.stderr.write(f"call: interrupted; {state}\n")
        return INTERRUPTED
    return 0 if all(reply.status == 200 for reply in run.replies) else FAILED


class _Run:
    """Calls for all images, their output, and what is printed at the end.

    Attributes:
        replies: so far, in the order in which they came, without bodies and logs.
    """

    def __init__(self, options: argparse.Namespace, found: list[images.Image], aws: Aws) -> None:
        self._options, self._images, self._aws = options, found, aws
        self._request = request_options(options)
        self._answers: dict[int, dict[str, Any]] = {}  # of --json, by the number of the image
        self._saved: list[Path] = []
        self._started = time.perf_counter()
        self.replies: list[Reply] = []

    def call_all(self, connection: Connection) -> None:
        def call(image: images.Image) -> Reply:
            try:
                request = images.event(image, self._request)
            except OSError as error:
                return Reply(0, f"{image.source} cannot be read: {error.strerror}", 0.0, None, tries=0)
            return connection.call(request)

        for index, reply in calls.run(call, self._images * self._options.repeat, self._options.concurrency):
            self.replies.append(reply._replace(body=None, log=""))
            if index < len(self._images):  # the others are repetitions
                self._print(index, self._images[index], reply)

    def _print(self, index: int, image: images.Image, reply: Reply) -> None:
        options = self._options
        if options.verbose:
            sys.stderr.write(report.format_log(image.name, reply))
        if options.json:
            self._answers[index] = {"image": image.source, "status": reply.status, "ms": round(reply.ms, 3),
                                    "init_ms": reply.init_ms, "body": reply.body}  # fmt: skip
        elif reply.status != 200 or not options.quiet:
            sys.stdout.write(report.format_reply(image.name, reply))
            sys.stdout.flush()
        if options.save and reply.status == 200:
            data = images.read(image, lambda: self._aws)
            self._saved.append(_save(image.stem, data, reply, options.save, self._saved))

    def print_end(self, direct: bool) -> None:
        """Print the document of --json, or the saved files and the statistics.

        Args:
            direct: the calls went to Lambda's API, which reports cold starts.
        """
        options, seconds = self._options, time.perf_counter() - self._started
        if options.json:
            answers = [self._answers[index] for index in sorted(self._answers)]
            load = report.summary(self.replies, seconds)
            sys.stdout.write(json.dumps({"answers": answers, "load": load}) + "\n")
        elif not options.quiet:
            sys.stdout.write("".join(f"saved  {path}\n" for path in self._saved))
            if options.repeat > 1 and self.replies:
                sys.stdout.write(report.format_load_test(self.replies, options.concurrency, seconds, direct))
        sys.stdout.flush()
        if any(reply.status == 401 for reply in self.replies):
            sys.stderr.write(f"call: {endpoint.NO_KEY}\n")


def _print_target(target: endpoint.Endpoint, connection: Connection) -> None:
    """Print the URL and the account to stderr."""
    sys.stderr.write(f"{connection.describe()}\n")
    if target.aws:
        sys.stderr.write(f"{endpoint.account_line(target.aws, target.region)}\n")


def _endpoint(options: argparse.Namespace, aws: Aws) -> endpoint.Endpoint:
    """Return the endpoint, with the session that signs the requests.

    Raises:
        DeployError: the URL is invalid, or there is no region or no credentials where they are needed.
    """
    if options.url is None:
        return endpoint.by_name(aws, qualified(options.function))
    return endpoint.by_url(aws, options.url, options.sign, endpoint.api_key(os.environ, options.key))


def _save(stem: str, data: bytes, reply: Reply, folder: Path, taken: list[Path]) -> Path:
    """Write the image with its boxes, drawn by the function's own code, under a name that is not in `taken`."""
    from function import draw
    from function.preprocess import multiband

    annotated = draw.annotate(multiband.drawable(data, reply.body, MAX_PIXELS), reply.body)
    jpeg = io.BytesIO()
    annotated.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    target, number = folder / f"{stem}.jpg", 2
    while target in taken:
        target, number = folder / f"{stem}-{number}.jpg", number + 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(jpeg.getvalue())
    return target


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/call.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add = command.add_argument
    add(
        "images", nargs="+", metavar="IMAGE",
        help="image file (at most about 4.5 MB), folder of images, pattern such as 'photos/**/*.jpg', s3://bucket/key, "
        "or s3://bucket/prefix/",
    )  # fmt: skip
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
        help=f"API key for --url (default: {endpoint.KEY_VARIABLE}, which other users cannot see)",
    )
    add_request_options(command)
    add("--save", type=Path, metavar="DIR", help="write each IMAGE with its boxes to DIR")
    add("--concurrency", type=int, default=1, metavar="N", help="calls at the same time (default: %(default)s)")
    add(
        "--repeat", type=int, default=1, metavar="N", help="send each IMAGE N times, and measure (default: %(default)s)"
    )
    add_output_options(
        command, quiet="print only the images whose response has another status than 200",
        verbose="print the URL and the account, and with --function the end of the log of each invocation, to stderr",
    )  # fmt: skip
    add_session_options(command)
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
