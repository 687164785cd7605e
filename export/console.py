"""Output for the user: progress on stderr, tables and values on stdout, the report of `--json` in a file.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export import files

_state = {"is_verbose": False, "is_quiet": False}


def choose_output(is_verbose: bool, is_quiet: bool) -> None:
    """Choose whether `detail` and `detail_table` print, and whether nothing in this module prints."""
    _state.update(is_verbose=is_verbose, is_quiet=is_quiet)


def step(number: int, total: int, text: str) -> None:
    """Print the start of a step."""
    _print_progress(f"{number}/{total} {text}\n")


def note(text: str) -> None:
    """Print a note below the current step."""
    _print_progress(f"    {text}\n")


def detail(text: str) -> None:
    """Print a note with --verbose; on a terminal, show it without --verbose as a line that the next one replaces."""
    if _state["is_verbose"]:
        note(text)
    elif sys.stderr.isatty():
        _print_progress(f"\r\x1b[2K    {text}\r")


def verdict(text: str) -> None:
    """Print the result of a step; it replaces the last `detail` of a terminal."""
    if sys.stderr.isatty() and not _state["is_verbose"]:
        _print_progress("\r\x1b[2K")
    note(text)


def detail_table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table with --verbose."""
    if _state["is_verbose"]:
        table(rows)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first row is the head, the first column is aligned to the left, all others to the right."""
    if _state["is_quiet"]:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()


def values(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair in each line."""
    if _state["is_quiet"]:
        return
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        sys.stdout.write(f"{name.ljust(width)}  {value}\n")
    sys.stdout.flush()


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write the report; NaN and infinity, which JSON does not have, become null.

    Raises:
        UsageError: the file cannot be written.
    """
    files.write((json.dumps(_finite(report), indent=2, allow_nan=False) + "\n").encode(), path)


def _print_progress(text: str) -> None:
    if not _state["is_quiet"]:
        sys.stderr.write(text)
        sys.stderr.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
