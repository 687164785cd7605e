"""Command lines of the scripts: one parser class with the options that all commands share.

Runs under any Python from 3.9 on, with the standard library alone.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import Any

from scripts.environments import project_version

ALIAS = "live"  # of a function that is named without one
ARN_COLONS = 6  # in the ARN of a function without an alias
SIMILARITY = 0.6  # of a wrong option to the one that is suggested, as in `difflib`


class Parser(argparse.ArgumentParser):
    """Parser without abbreviations, with `--version`, and with the nearest option in the error of an unknown one."""

    def __init__(self, **settings: Any) -> None:
        """Make a parser; `settings` as for `argparse.ArgumentParser`."""
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def add_version(self) -> None:
        """Add `--version`; it is the last option of the help."""
        version = f"%(prog)s {project_version()}"
        self.add_argument("--version", action="version", version=version, help="print the version and exit")

    def parse_args(self, arguments: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Return the options, or exit with 2 and a message that names the nearest option."""
        arguments = sys.argv[1:] if arguments is None else arguments
        options, unknown = self.parse_known_args(arguments, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._suggestion(unknown)}")
        if getattr(options, "quiet", False) and getattr(options, "verbose", False):
            self.error("--quiet and --verbose cannot be combined")
        return options

    def _suggestion(self, unknown: Sequence[str]) -> str:
        wrong = next((text.partition("=")[0] for text in unknown if text.startswith("-")), "")
        known = [
            name
            for action in self._actions
            if action.help != argparse.SUPPRESS
            for name in action.option_strings
            if name.startswith("--")
        ]
        nearest = difflib.get_close_matches(wrong.replace("_", "-").lower(), known, 1, SIMILARITY) if wrong else []
        return f"; did you mean {nearest[0]}?" if nearest else ""


def assignment(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, got {text!r}")
    return name, value


def qualified(function: str) -> str:
    """Return a function with its alias: `yolo` is `yolo:live`; also for an ARN."""
    has_alias = function.count(":") == ARN_COLONS + 1 if function.startswith("arn:") else ":" in function
    return function if has_alias else f"{function}:{ALIAS}"


def add_output_options(command: argparse.ArgumentParser, quiet: str, verbose: str) -> None:
    """Add `--json`, `--quiet` and `--verbose`, which every command has that prints results.

    Args:
        command: the parser.
        quiet: help text of `--quiet`.
        verbose: help text of `--verbose`.
    """
    command.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    command.add_argument("--quiet", action="store_true", help=quiet)
    command.add_argument("--verbose", action="store_true", help=verbose)


def add_request_options(command: argparse.ArgumentParser) -> None:
    """Add the options of a request, and `--option NAME=VALUE` for those without an option of their own."""
    add = command.add_argument
    add(
        "--conf", metavar="X",
        help="confidence threshold, 0 to 1, or with those of classes: 0.25,gauge:0.6 (default: that of the function)",
    )  # fmt: skip
    add("--iou", metavar="X", help="IoU threshold of NMS, 0 to 1 (default: that of the function)")
    add("--max-det", metavar="N", help="maximum number of detections per image (default: that of the function)")
    add(
        "--imgsz", metavar="N",
        help="size of the model input in pixels, or HEIGHT,WIDTH; needs a dynamic model (default: that of the model)",
    )  # fmt: skip
    add(
        "--tile", metavar="N",
        help='size of the tiles into which images are cut, in pixels, or {"size": N, "overlap": X, "full": true} '
        "(default: that of the function)",
    )  # fmt: skip
    add(
        "--merge",
        metavar="KIND",
        help="merge of detections in tiles: greedy_nmm or nms (default: that of the function)",
    )
    add("--classes", metavar="CLASS[,CLASS...]", help="only these classes, by id or name (default: all)")
    add(
        "--option", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="any option of a request, such as masks=rle; repeatable",
    )  # fmt: skip


def request_options(options: argparse.Namespace) -> dict[str, str]:
    """Return the options of a request that the command line sets, by their names in a request; values are text."""
    names = ("conf", "iou", "max_det", "imgsz", "tile", "merge", "classes")
    named = {name: getattr(options, name) for name in names}
    return {name: value for name, value in named.items() if value is not None} | dict(options.option)
