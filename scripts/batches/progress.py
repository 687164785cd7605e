"""Progress of a run: a bar with rate, remaining time, errors and cost on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.batches.estimate import duration

EVERY_S = 10.0  # seconds between plain lines
COUNT_EVERY = 10_000  # images of a listing


class RunProgress:
    """Progress on stderr; a context manager."""

    def __init__(self, is_quiet: bool, console: Console | None = None) -> None:
        """Make the progress.

        Args:
            is_quiet: nothing is printed.
            console: of stderr, on which other lines are printed too; None: one of its own.
        """
        self._console = console or Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self._is_quiet = is_quiet
        self._is_plain = not self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"), console=self._console, transient=True,
            redirect_stdout=False, redirect_stderr=False, disable=is_quiet or self._is_plain,
        )  # fmt: skip
        self._task = self._bar.add_task("listing", total=None, status="")
        self._started = self._printed = time.monotonic()
        self._total = self._before = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def listed(self, count: int) -> None:
        """Show how many images are listed."""
        if count % COUNT_EVERY == 0 or not self._is_plain:
            self._bar.update(self._task, completed=count)

    def begin(self, total: int, done: int) -> None:
        """Start with images of which some are done already."""
        self._total, self._before, self._started = total, done, time.monotonic()
        self._bar.reset(self._task, total=total, completed=done, description="predicting", status="")

    def update(self, written: int, errors: int, usd: float | None) -> None:
        """Show the state.

        Args:
            written: rows of this run.
            errors: those of them that are errors.
            usd: cost of this run until now; None: not known.
        """
        now = time.monotonic()
        rate = written / max(now - self._started, 0.001)
        status = f"{rate:.1f}/s  {errors} errors" + (f"  {usd:.4f} USD" if usd is not None else "")
        self._bar.update(self._task, completed=self._before + written, status=status)
        if self._is_plain and not self._is_quiet and now - self._printed >= EVERY_S:
            self._printed = now
            left = self._total - self._before - written
            remaining = duration(left / rate) if rate else "?"
            self._console.print(f"{self._before + written:,} of {self._total:,}  {status}  {remaining} left")
