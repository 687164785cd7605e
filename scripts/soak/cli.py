"""Run thousands of mixed events of every source through several environments at once, out of the built zips."""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.command_line import Parser
from scripts.soak import command, mixed_run, queue_run

EPILOG = (
    "exit codes: 0 every response and result is right and the resources are constant, 1 not, 2 usage or environment "
    "error, 130 interrupted"
)


def main(arguments: list[str]) -> int:
    """Run the soak test; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    return command.execute("soak", mixed_run.run if options.objects is None else queue_run.run, options)


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(prog="scripts/soak.py", description=__doc__, epilog=EPILOG)
    add = made.add_argument
    command.add_options(made)
    add("--invocations", type=int, default=10_000, metavar="N", help="invocations (default: %(default)s)")
    add("--environments", type=int, default=4, metavar="N", help="environments at once (default: %(default)s)")
    add("--seed", type=int, default=1, metavar="N", help="another seed chooses other images (default: %(default)s)")
    add("--samples", type=Path, metavar="FILE", help="write all samples of the resources as CSV (default: none)")
    add("--objects", type=int, metavar="N", help="only S3 events in an SQS queue, for N objects (default: all sources)")
    made.add_version()
    return made


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    made = parser()
    options: argparse.Namespace = made.parse_args(arguments)
    message = command.range_error(options, ("invocations", "environments", "objects", "batch"))
    if message:
        made.error(message)
    return options
