"""Command line of `scripts/bench.sh scale`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.models import ROOT
from benchmarks.scale import rules
from benchmarks.scale.ways import NAMES, Plan
from scripts.aws.limits import MB_PER_CPU, MEMORY_RANGE
from scripts.command_line import Parser

IMAGES = (10**4, 10**5, 10**6, 10**7, 10**8)
MOST_IMAGES, MOST_CHECKED = 10**10, 10**6
JSON = Path("build", "benchmarks-scale.json")
DEFAULTS = Plan(1)
EPILOG = """\
ways:
  direct   scripts/batch.py calls the function
  map      a distributed map of Step Functions, which batch.py can start
  queue    an SQS queue of S3 notifications, S3Trigger of template.yaml
  s3batch  a job of S3 Batch Operations; one image per call

The rules of AWS and the model: docs/performance.md. No call is made to AWS. --measure runs the zips on this machine."""


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(
        prog="scripts/bench.sh scale",
        description="Compute time, cost, throttles and queue ages of up to 10^10 images from measured times.",
        epilog=EPILOG,
    )
    command.add_version()
    add: Any = command.add_argument
    add("--images", type=int, nargs="+", default=list(IMAGES), metavar="N", help="images (default: 10^4 to 10^8)")
    add("--ways", nargs="+", choices=NAMES, default=list(NAMES), metavar="WAY", help="see below (default: all)")
    add(
        "--image-s", type=float, metavar="SECONDS",
        help=f"time of the function for an image, with reading and writing S3 (default: {rules.IMAGE_S}, docs/bulk.md)",
    )  # fmt: skip
    add("--init-s", type=float, metavar="SECONDS", help=f"time of a cold start (default: {rules.INIT_S})")
    add(
        "--client-s", type=float, metavar="SECONDS",
        help=f"time of a call of batch.py outside the function (default: {DEFAULTS.client_s})",
    )  # fmt: skip
    add(
        "--measure",
        type=Path,
        metavar="DIST",
        help="measure these three times with the zips in this folder (default: none)",
    )
    add(
        "--check", type=int, nargs="+", default=[], metavar="N",
        help="run N images through the zips of --measure, beside the prediction (default: none)",
    )  # fmt: skip
    add("--batch", type=int, default=DEFAULTS.batch, metavar="N", help="images of a call (default: %(default)s)")
    add("--memory", type=int, default=MB_PER_CPU, metavar="MB", help="for the price (default: %(default)s)")
    add("--arch", choices=("x86_64", "arm64"), default="x86_64", help="for the price (default: %(default)s)")
    add(
        "--account-concurrency", type=int, default=rules.ACCOUNT_CONCURRENCY, metavar="N",
        help="environments that the account or the reserved concurrency allows (default: %(default)s)",
    )  # fmt: skip
    for name, text in (
        ("--concurrency", "open calls of batch.py"), ("--map-concurrency", "MaxConcurrency of the map"),
        ("--queue-concurrency", "MaximumConcurrency of the queue"),
    ):  # fmt: skip
        add(name, type=int, metavar="N", help=f"{text} (default: --account-concurrency)")
    add("--ramp-s", type=float, default=0.0, metavar="SECONDS", help="until batch.py has all calls open (default: 0)")
    add("--window-s", type=float, default=0.0, metavar="SECONDS", help="batching window of the queue (default: 0)")
    add(
        "--arrival-per-s", type=float, metavar="N",
        help=f"images that arrive in the queue per second (default: {rules.PUTS_PER_S:,} per prefix, as S3 takes)",
    )  # fmt: skip
    add("--prefixes", type=int, default=1, metavar="N", help="prefixes that S3 scales by (default: %(default)s)")
    add("--json", type=Path, default=ROOT / JSON, metavar="FILE", help=f"file for all results (default: {JSON})")
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options; exit with 2 if they are not valid."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    bounds = {  # option -> least and most
        "image_s": (0.001, rules.CALL_LIMIT_S), "init_s": (0, 60), "client_s": (0, 60), "batch": (1, 10_000),
        "memory": MEMORY_RANGE, "account_concurrency": (1, 1_000_000), "concurrency": (1, 1_000_000),
        "map_concurrency": (1, 1_000_000), "queue_concurrency": (2, 1000), "ramp_s": (0, 86_400),
        "window_s": (0, 300), "arrival_per_s": (0.001, 1e9), "prefixes": (1, 1_000_000),
    }  # fmt: skip
    for name, (least, most) in bounds.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            command.error(f"--{name.replace('_', '-')} must be between {least:,} and {most:,}, got {value:g}")
    for name, most in (("images", MOST_IMAGES), ("check", MOST_CHECKED)):
        for images in getattr(options, name):
            if not 1 <= images <= most:
                command.error(f"--{name} must be between 1 and {most:,}, got {images}")
    if options.check and not options.measure:
        command.error("--check needs --measure DIST")
    return options


def plan(options: argparse.Namespace, images: int) -> Plan:
    """Return the plan of the options for a number of images."""
    times = {name: value for name in ("image_s", "init_s", "client_s") if (value := getattr(options, name)) is not None}
    return Plan(
        images, batch=options.batch, memory_mb=options.memory, architecture=options.arch,
        account=options.account_concurrency, concurrency=options.concurrency, ramp_s=options.ramp_s,
        map_concurrency=options.map_concurrency, queue_concurrency=options.queue_concurrency,
        window_s=options.window_s, arrival_per_s=options.arrival_per_s, prefixes=options.prefixes, **times,
    )  # fmt: skip
