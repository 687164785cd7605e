#!/usr/bin/env python3
"""Process a bucket of images with the built zips, as S3 events in an SQS queue, with broken images and S3 errors.

The same as `scripts/soak.py --objects 1000`: an S3 server on loopback (moto), a proxy in front of it that fails chosen
objects until their message is reported for retry, and the function from its zips with the real runtime client. At the
end everything is counted. Run it with the Python that `python3 scripts/environments.py dev` prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts.command_line import Parser  # noqa: E402
from scripts.soak import command, queue_run  # noqa: E402

EPILOG = "exit codes: 0 every object has exactly one result, 1 not, 2 usage or environment error, 130 interrupted"


def main(arguments: list[str]) -> int:
    """Run the soak test; return the exit code: 0, 1, 2 or 130."""
    return command.execute("soak_s3", queue_run.run, parse(arguments))


def parser() -> Parser:
    """Return the parser of the command line."""
    description = str(__doc__).splitlines()[0]
    made = Parser(prog="scripts/soak_s3.py", description=description, epilog=EPILOG)
    command.add_options(made)
    made.add_argument(
        "--objects", type=int, default=1000, metavar="N", help="objects in the bucket (default: %(default)s)"
    )
    made.add_version()
    return made


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    made = parser()
    options: argparse.Namespace = made.parse_args(arguments)
    message = command.range_error(options, ("objects", "batch"))
    if message:
        made.error(message)
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
