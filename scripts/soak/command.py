"""What the commands of the soak test share: exit codes, messages and the S3 server around a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.local_lambda.errors import LocalLambdaError, NotRunnable
from scripts.soak import s3_server

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "example" / "samples"
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
MAX_PROBLEMS = 20  # printed


def execute(name: str, run: Callable[[argparse.Namespace, str], int], options: argparse.Namespace) -> int:
    """Start an S3 server, run a soak test, and return its exit code, or that of its error.

    Args:
        name: name of the command in error messages.
        run: takes the options and the URL of the S3 server.
        options: the command line.
    """
    try:
        s3_server.require_packages()
        with s3_server.s3() as url:
            return run(options, url)
    except (s3_server.NoEndpoint, NotRunnable) as error:
        print_error(f"{name}: {error}\n")
        return USAGE
    except LocalLambdaError as error:
        print_error(f"{name}: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        print_error(f"{name}: interrupted\n")
        return INTERRUPTED


def add_options(made: argparse.ArgumentParser) -> None:
    """Add `--dist`, `--batch` and `--verbose`."""
    add = made.add_argument
    add("--dist", type=Path, default=Path("dist"), metavar="DIR", help="folder with the zips (default: %(default)s)")
    add("--batch", type=int, default=10, metavar="N", help="messages per event of the queue (default: %(default)s)")
    add("--verbose", action="store_true", help="print the log of the function, with every injected fault")
    add("--log", dest="verbose", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def verdict(problems: Sequence[str], success: str) -> int:
    """Print the first problems, or the success. Return the exit code."""
    if not problems:
        sys.stdout.write(success)
        return 0
    for line in problems[:MAX_PROBLEMS]:
        print_error(f"problem: {line}\n")
    print_error(f"{len(problems)} problems\n")
    return FAILED


def range_error(options: argparse.Namespace, names: Sequence[str]) -> str:
    """Return the error message of the first of these options that is less than 1; empty if there is none."""
    wrong = [(name, value) for name in names if (value := getattr(options, name)) is not None and value < 1]
    return "".join(f"--{name} must be at least 1, got {value}" for name, value in wrong[:1])


def print_log(line: str) -> None:
    """Print a line of the log of the function."""
    print_error(f"  | {line}\n")


def print_error(text: str) -> None:
    """Write to standard error, behind everything on standard output."""
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()
