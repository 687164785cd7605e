"""Surviving mutants that change no behavior, with the reason; `accepted.toml` lists them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutation.mutants import Mutant, function

ACCEPTED = Path(__file__).with_name("accepted.toml")


class Accepted(NamedTuple):
    """A mutant that may survive, or a kind of mutants.

    Attributes:
        function: its name; "" for a kind.
        change: pattern of the lines of the code, a line break, and the lines of the mutant; without indentation.
        reason: why no test can fail, or why none should.
    """

    function: str
    change: str
    reason: str


def load(path: Path = ACCEPTED) -> list[Accepted]:
    """Return the mutants and the kinds of mutants that may survive."""
    tables = tomllib.loads(path.read_text())
    exactly = [
        Accepted(row["function"], re.escape(f"{row['from']}\n{row['to']}"), row["reason"]) for row in tables["mutant"]
    ]
    return exactly + [Accepted("", row["change"], row["reason"]) for row in tables["kind"]]


def judged_lines(path: Path = ACCEPTED) -> list[tuple[Path, str]]:
    """Return the file and the line of each `[[mutant]]`, so that a test finds those whose code is gone."""
    return [(_file(row["function"]), row["from"]) for row in tomllib.loads(path.read_text())["mutant"]]


def reason(mutant: Mutant, accepted: list[Accepted]) -> str | None:
    """Return why a mutant may survive; None if nobody has judged it."""
    for row in accepted:
        is_its_function = row.function in ("", function(mutant.name))
        if is_its_function and re.fullmatch(row.change, f"{mutant.removed}\n{mutant.added}"):
            return row.reason
    return None


def _file(function_name: str) -> Path:
    """Return the file of a function: the longest part of its name that is a module."""
    root, parts = ACCEPTED.parent.parent.parent, function_name.split(".")
    for count in range(len(parts), 0, -1):
        folder = root.joinpath(*parts[:count])
        for path in (folder.with_suffix(".py"), folder / "__init__.py"):
            if path.is_file():
                return path
    raise FileNotFoundError(function_name)
