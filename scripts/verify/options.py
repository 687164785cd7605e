"""Command line of scripts/verify.sh.

Runs under any Python from 3.9 on, with the standard library alone: `--help` needs no environment.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from scripts.command_line import Parser, add_output_options

DIST = Path("dist")
DESCRIPTION = """\
Rebuild layer.zip and function.zip from the sources and the pinned wheels, and compare them with those of a folder,
byte by byte. The options of the build are those of build.json in that folder; the model is taken out of the zip."""
EPILOG = """\
examples:
  scripts/verify.sh                              compare dist/ with this checkout
  scripts/verify.sh downloads                    compare the zips of a release that are in downloads/
  scripts/verify.sh v0.1.0 --dist downloads      compare them with the sources of the tag v0.1.0
  scripts/verify.sh dist --model best.onnx       build from the model too

results:
  same            the bytes are the same
  same contents   every member is the same; the compression differs, as that of 0.1.0 and earlier on another system
  different       the first members that differ are listed

exit codes: 0 same or same contents, 1 different, 2 usage or environment error, 130 interrupted"""


class Options(NamedTuple):
    """The parsed command line.

    Attributes:
        revision: a tag or commit whose sources are built; None: the sources of this checkout.
        folder: has the zips and build.json.
        model: the file that the zips were built from; None: the model is taken out of the zip.
        is_json: print one JSON document instead of text.
        is_quiet: print only the table and errors.
        is_verbose: list every member that differs.
    """

    revision: str | None
    folder: Path
    model: Path | None
    is_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/verify.sh", description=DESCRIPTION, epilog=EPILOG)
    add = command.add_argument
    add(
        "target", nargs="?", metavar="TARGET", default=str(DIST),
        help="a tag or commit of this repository, whose sources are built, or a folder with zips, which are compared "
        "with the sources of this checkout (default: %(default)s)",
    )  # fmt: skip
    add(
        "--dist", type=Path, metavar="DIR",
        help="folder with the zips, build.json and sbom.cdx.json, if TARGET is a tag or commit; the names may have a "
        f"suffix as in a release, such as layer-arm64.zip (default: {DIST})",
    )  # fmt: skip
    add(
        "--model", type=Path, metavar="FILE",
        help="build from this .pt or .onnx file instead of taking the model out of the zip (default: none)",
    )  # fmt: skip
    add_output_options(command, quiet="print only the table, and errors", verbose="list every member that differs")
    command.add_version()
    return command


def parse(arguments: list[str]) -> Options:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    parsed = command.parse_args(arguments)
    is_folder = Path(parsed.target).is_dir()
    if is_folder and parsed.dist:
        command.error(f"--dist must not be used with a folder, got the folder {parsed.target}")
    if parsed.target == str(DIST) and not is_folder:
        command.error(f"{DIST} must be a folder with zips, which scripts/build_zip.sh writes; there is none")
    folder = Path(parsed.target) if is_folder else parsed.dist or DIST
    if not folder.is_dir():
        named = (
            f"--dist must be a folder, got {folder}" if parsed.dist else f"there is no folder {DIST}; name it by --dist"
        )
        command.error(f"TARGET {parsed.target!r} is not a folder, and {named}")
    if parsed.model and not parsed.model.is_file():
        command.error(f"--model must be a file, got {parsed.model}")
    model = parsed.model.absolute() if parsed.model else None
    revision = None if is_folder else parsed.target
    return Options(revision, folder.resolve(), model, parsed.json, parsed.quiet, parsed.verbose)


if __name__ == "__main__":
    parse(sys.argv[1:])  # scripts/verify.sh starts this for --help and --version
