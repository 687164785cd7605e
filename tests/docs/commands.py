"""The commands of the project and their argument parsers, and the commands that pages and workflows name."""

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts import cli_reference
from tests.docs import pages

PARSERS = {  # command, as one types it -> the module whose `parser()` reads its arguments
    **cli_reference.COMMANDS,
    "python -m example.train": "example.train",
    "python -m example.annotate": "example.annotate",
    "python -m example.images": "example.images",
    "python -m example.tasks.train": "example.tasks.train",
    "python -m example.reading.train": "example.reading.train",
    "python -m tests.golden.compare": "tests.golden.compare",
    "python -m tests.golden.images": "tests.golden.images",
    "python -m tests.golden.write": "tests.golden.write",
    "python -m example.small_objects": "example.small_objects",
    "python -m tests.golden.write_sahi": "tests.golden.write_sahi",
    "python -m tests.golden.write_sizes": "tests.golden.write_sizes",
    "python -m tests.golden.write_tasks": "tests.golden.write_tasks",
    "python -m tests.golden.write_maps": "tests.golden.write_maps",
    "python -m tests.matrix": "tests.matrix.__main__",
    "python -m tests.mutation": "tests.mutation.__main__",
}
INTERNAL = ("tests.",)  # modules whose commands are for contributors; their options need no page
CODE = ("function", "export", "layer", "scripts", "benchmarks", "example")  # the folders that hold modules
PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?$")
SYNOPSIS = re.compile(r"[\[\]…]|\.\.\.|\|(?! )")  # what a synopsis has and a command does not


class Command(NamedTuple):
    """A command of the project as a page or a workflow names it."""

    page: Path
    line: int
    words: tuple[str, ...]
    synopsis: bool  # has brackets or alternatives: its options have to exist, its arguments cannot be parsed

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{pages.name(self.page)}:{self.line}"


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command of PARSERS."""
    made = importlib.import_module(PARSERS[command]).parser()
    assert isinstance(made, argparse.ArgumentParser)
    return made


def options(command: str) -> dict[str, list[str]]:
    """Return each option of a command, by its first long name: all its names. Hidden options are left out."""
    return {
        next(name for name in action.option_strings if name.startswith("--")): list(action.option_strings)
        for action in parser(command)._actions
        if action.option_strings and action.help is not argparse.SUPPRESS
    }


def named_in(path: Path) -> Iterator[Command]:
    """Yield the commands of the project in the code blocks of a page or the steps of a workflow."""
    if path.suffix in (".yml", ".yaml"):
        numbered = [(n, text.strip().removeprefix("- run:")) for n, text in enumerate(path.read_text().splitlines(), 1)]
        blocks = [numbered]
    else:
        blocks = [
            [(line.number, line.text) for line in block]
            for block in pages.code_blocks(path)
            if block[0].language in pages.SHELL
        ]
    for block in blocks:
        for number, text in _joined(block):
            for words in _simple_commands(text):
                if _is_ours(words):
                    yield Command(path, number, words, bool(SYNOPSIS.search(" ".join(words))))


def split(command: Command) -> tuple[str, list[str]]:
    """Return the command as PARSERS spells it, or its file or module, and its arguments."""
    first, *rest = command.words
    if PYTHON.match(first) and rest[:1] == ["-m"]:
        return f"python -m {rest[1]}", rest[2:]
    if PYTHON.match(first):
        first, *rest = rest
    if rest and f"{first} {rest[0]}" in PARSERS:
        return f"{first} {rest[0]}", rest[1:]
    return first, rest


def _joined(block: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a block; those that end in a backslash with what follows."""
    start, text = 0, ""
    for number, line in block:
        start = start or number
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield start, text.strip().removeprefix("$ ")
            start, text = 0, ""


def _simple_commands(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a line of shell, without assignments in front, pipes, redirections and comments."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&;<>()")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quotation mark without its partner: output of a command, not a command
        return
    current: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("&;<>()") or word == "|":
            while current and re.match(r"^\w+=", current[0]):
                current = current[1:]
            if current:
                yield tuple(current)
            current = []
        else:
            current.append(word)


def _is_ours(words: tuple[str, ...]) -> bool:
    first, *rest = words
    if PYTHON.match(first):
        module = rest[1].partition(".")[0] if rest[:1] == ["-m"] and len(rest) > 1 else ""
        return module in (*CODE, "tests") or bool(rest and rest[0].startswith("scripts/"))
    return first.startswith("scripts/")
