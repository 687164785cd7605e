"""Text tables: the first column to the left, the others to the right."""

from collections.abc import Sequence

from benchmarks.figures import Spread

GAP = "  "
MB = 1024 * 1024  # bytes; of memory, as Lambda counts it
FILE_MB = 1_000_000  # bytes; of files, as build_zip.sh counts them


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of the same length, the first of them the heading; ends with a line break."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(f"{_row(row, widths)}\n" for row in rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The same as markdown has it."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def ms(value: float) -> str:
    """Milliseconds, with a decimal where it says something."""
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def times(value: Spread) -> str:
    """A ratio with its spread."""
    return f"{value.median:.2f} ({value.low:.2f}..{value.high:.2f})"


def plus_ms(value: Spread) -> str:
    """A difference with its spread, in milliseconds."""
    return f"{value.median:+.1f} ({value.low:+.1f}..{value.high:+.1f})"


def file_mb(count: float) -> str:
    """Bytes of files as MB."""
    return f"{count / FILE_MB:,.1f}"


def mb(count: float) -> str:
    """Bytes of memory as MB."""
    return f"{count / MB:,.1f}" if count < 100 * MB else f"{count / MB:,.0f}"


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return GAP.join(cells).rstrip()
