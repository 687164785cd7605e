"""Command line of `scripts/fuzz.sh`.

Runs under any Python from 3.9 on, with the standard library alone: `--help` and `--list` need no environment.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.command_line import Parser
from scripts.fuzz.targets import TARGETS

PROG = "scripts/fuzz.sh"
MINUTES = 5.0  # for each target
SEED = 1
OUTPUT = Path("build", "fuzz")
EPILOG = """\
exit codes: 0 no finding, 1 a finding, 2 usage or environment error, 130 interrupted

A finding is a file with the input, and a .txt beside it with the reason, in FOLDER/TARGET/findings.
--replay runs it again. Add it to tests/fuzz/corpus/TARGET when its cause is fixed.
"""


def parser() -> Parser:
    """Return the parser of this command."""
    command = Parser(
        prog=PROG,
        description=(
            "Search for inputs that give neither a documented response nor a documented error, or that take too much "
            "time or memory. Each target runs in a process of its own."
        ),
        epilog=EPILOG,
    )
    command.add_argument("targets", nargs="*", metavar="TARGET", help="targets, as --list names them (default: all)")
    command.add_argument(
        "--minutes", type=_minutes, metavar="N",
        help=f"minutes of all targets together, in equal shares (default: {MINUTES:g} for each target)",
    )  # fmt: skip
    command.add_argument(
        "--seed", type=_positive, default=SEED, metavar="N", help="seed of the random choices (default: %(default)s)"
    )
    command.add_argument(
        "--jobs",
        type=_positive,
        default=1,
        metavar="N",
        help="targets that run at the same time (default: %(default)s)",
    )
    command.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="DIR",
        help="folder for findings, logs and inputs that reach new code (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="run one input of one TARGET, and search for nothing (default: none)",
    )
    command.add_argument("--list", action="store_true", help="print the targets and exit")
    command.add_version()
    return command


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        command.error(f"unknown target {unknown[0]!r}; available: {', '.join(TARGETS)}")
    if options.replay and len(options.targets) != 1:
        command.error(f"--replay must have exactly one TARGET, got {len(options.targets)}")
    if options.replay and not options.replay.is_file():
        command.error(f"--replay must be a file, got {options.replay}")
    options.targets = list(dict.fromkeys(options.targets)) or list(TARGETS)
    options.minutes = options.minutes or MINUTES * len(options.targets)
    return options


def listing() -> str:
    """Return the targets, one a line, with their engine and subject."""
    width = max(map(len, TARGETS))
    return "".join(f"{name:{width}}  {target.engine:10}  {target.subject}\n" for name, target in TARGETS.items())


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"minutes must be a number between 0 and 1440, got {text}")
    return minutes


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"value must be an integer greater than 0, got {text}")
    return int(text)


if __name__ == "__main__":  # --help, --version and --list of scripts/fuzz.sh, without an environment
    if "--list" in sys.argv:
        sys.stdout.write(listing())
    else:
        parse(sys.argv[1:])
