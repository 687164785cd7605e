"""`python -m layer`: build the packages of the layer into a folder, without a zip.

The build image (layer/Dockerfile) runs this command; scripts/build_zip.sh calls the same code.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layer import build
from layer.amazon_linux import IncompatibleLayer
from layer.build import InstallFailed
from layer.bytecode import CompileFailed
from layer.edit import StaleEdit
from layer.targets import DEFAULT_ARCH, MACHINES, PYTHONS, Target, arch_name, python_version
from layer.trim import StaleRule

FAILURES = (InstallFailed, StaleRule, StaleEdit, IncompatibleLayer, CompileFailed)
RUNNING_PYTHON = ".".join(map(str, sys.version_info[:2]))


def main(arguments: Sequence[str]) -> int:
    """Build the packages for the Python that runs this command.

    Args:
        arguments: the command line without the program name.

    Returns:
        The exit code: 0 success, 1 failed; a usage error exits with 2.
    """
    command = parser()
    options = command.parse_args(arguments)
    if options.python != RUNNING_PYTHON:
        command.error(
            f"--python must be {RUNNING_PYTHON}, the version that runs this command and compiles the bytecode, "
            f"got {options.python}"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    if any(options.out.iterdir()):
        command.error(f"--out must be an empty folder, got {options.out}")
    try:
        build.make_packages(Target(options.arch, options.python), Path(sys.executable), options.out)
    except FAILURES as error:
        sys.stderr.write(f"layer: {error}\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    description = "Build the packages of the Lambda layer."
    command = argparse.ArgumentParser(prog="python -m layer", description=description, allow_abbrev=False)
    command.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version of the project and exit")
    command.add_argument(
        "--arch",
        type=arch_name,
        choices=list(MACHINES),
        default=DEFAULT_ARCH,
        help="architecture of the function (default: %(default)s)",
    )
    command.add_argument(
        "--python",
        type=python_version,
        choices=PYTHONS,
        default=RUNNING_PYTHON,
        help="Python version of the function; must be the one that runs this command (default: the running version)",
    )
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the packages; must be empty or not exist"
    )
    return command


class _PrintVersion(argparse.Action):
    """`--version`, with a late import: the build image has only the folder layer/."""

    def __call__(self, command: argparse.ArgumentParser, *_: Any) -> None:
        from scripts.environments import project_version

        command.exit(message=f"{command.prog} {project_version()}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
