"""What the user sees: progress on stderr, tables and facts on stdout."""

import sys
from collections.abc import Sequence


def step(number: int, total: int, text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{number}/{total} {text}\n")
    sys.stderr.flush()


def note(text: str) -> None:
    """Something that the user should know and did not ask for."""
    sys.stderr.write(f"    {text}\n")
    sys.stderr.flush()


def table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the first row is the head, the first column leans left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """One fact a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        sys.stdout.write(f"{name.ljust(width)}  {value}\n")
    sys.stdout.flush()
