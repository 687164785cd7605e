"""Output of a long command: a progress bar on a terminal, plain lines elsewhere, tables at the end.

rich reads NO_COLOR, and finds out whether the output is a terminal.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from scripts import result_table

if TYPE_CHECKING:
    from scripts.predictions.run import ImageResult

EVERY = 0.1  # of all images: a plain line
PLAIN_WIDTH = 200  # characters of a line in a file or a pipe: a table is not cut there


class Screen:
    """Output of one command; results go to stdout, progress and errors to stderr."""

    def __init__(self, is_quiet: bool) -> None:
        """Make the output; with `is_quiet`, only errors are printed."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # names in letters that the terminal does not have
        width = None if sys.stdout.isatty() else PLAIN_WIDTH
        self._out = Console(quiet=is_quiet, highlight=False, emoji=False, soft_wrap=True, width=width)
        self._err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self._is_quiet = is_quiet
        # A line on the terminal of the progress bar has to go through the console of the bar, which moves it.
        self._lines = self._err if self._out.is_terminal and self._err.is_terminal and not is_quiet else self._out

    @property
    def console(self) -> Console:
        """Console of stderr, for a progress bar."""
        return self._err

    def line(self, text: str) -> None:
        """Print a line while a progress bar is shown."""
        if not self._is_quiet:
            self._lines.print(_plain(text))

    def print(self, text: str) -> None:
        """Print a line."""
        self._out.print(_plain(text))

    def error(self, text: str) -> None:
        """Print an error, above the progress bar."""
        self._err.print(_plain(text, "red"))

    def note(self, text: str) -> None:
        """Print a line that is neither a result nor an error."""
        if not self._is_quiet:
            self._err.print(_plain(text, "yellow"))

    def log(self, line: str) -> None:
        """Print a line of the function's log."""
        self._err.print(_plain(f"  | {line}", "dim"))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table whose first column is text and whose others are numbers; nothing without rows."""
        if not rows:
            return
        table = Table(box=None, pad_edge=False)
        for number, name in enumerate(head):
            table.add_column(name, justify="right" if number else "left")
        for row in rows:
            table.add_row(*map(_plain, row))
        self._out.print(table)

    @contextlib.contextmanager
    def progress(self, total: int) -> Iterator[Callable[[ImageResult, bool], None]]:
        """Yield a function to call after each image; its second argument requests a line for the image."""
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=self._err, transient=True, redirect_stdout=False, redirect_stderr=False,
            disable=self._is_quiet or not self._err.is_terminal,
        )  # fmt: skip
        done = 0
        step = max(round(total * EVERY), 1)
        with bar:
            task = bar.add_task("predicting", total=total)

            def advance(result: ImageResult, is_listed: bool) -> None:
                nonlocal done
                done += 1
                bar.advance(task)
                if is_listed:
                    if result.body is not None:
                        self._lines.print(_plain(f"{result.image.name}  {describe(result.body)}"))
                elif bar.disable and not self._is_quiet and done % step == 0:
                    self._err.print(f"{done} of {total}")

            yield advance


@contextlib.contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed, or SIGTERM received: the caller finishes what it does.

    The second Ctrl-C raises KeyboardInterrupt.
    """
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    earlier = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _plain(text: str, style: str = "") -> Text:
    """Return a text without markup, in one line: names of files and classes can have any character."""
    return Text("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text), style)


def describe(body: dict[str, object]) -> str:
    """Return size and result of an image in a few words."""
    size = body["image_dimensions"]
    assert isinstance(size, dict)
    start = f"{size['width']} x {size['height']}"
    if "top" in body:
        return f"{start}  {body['class']} {body['confidence']}"
    if "semantic" in body or "depth" in body:
        return f"{start}  {result_table.describe_map(body)}"
    counts: dict[str, int] = {}
    rows = body["detections"]
    assert isinstance(rows, list)
    for row in rows:
        counts[row["class_name"]] = counts.get(row["class_name"], 0) + 1
    return f"{start}  {', '.join(f'{count} {name}' for name, count in counts.items()) or 'no detections'}"
