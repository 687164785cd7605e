"""Output of tune.py: the table, the cheapest and the fastest size, and the document of --json."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.tuning.measurement import Row, cheapest, fastest

HEADINGS = ("architecture", "memory MB", "p50 ms", "p95 ms", "init ms", "used MB", "USD per million", "")
WIDTH = 120  # characters, where the output is no terminal


def table(rows: list[Row], console: Console) -> None:
    """Print one line for each architecture and memory size."""
    made = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        made.add_column(heading, justify="left" if heading in ("architecture", "") else "right", overflow="fold")
    for one in sorted(rows, key=lambda one: (one.architecture, one.memory), reverse=False):
        numbers = (_number(one.p50_ms, 1), _number(one.p95_ms, 1), _number(one.init_ms, 0))
        made.add_row(
            one.architecture,
            f"{one.memory:,}",
            *numbers,
            _number(one.max_memory_mb, 0),
            _number(one.usd, 2),
            _note(one),
        )
    console.print(made)


def conclusion(rows: list[Row]) -> list[str]:
    """Return the lines that name the cheapest and the fastest size; none if nothing was measured."""
    lines = []
    for name, one in (("cheapest", cheapest(rows)), ("fastest", fastest(rows))):
        if one:
            lines.append(
                f"{name:9} {one.memory:,} MB on {one.architecture}: {one.usd:.2f} USD per million images, "
                f"p50 {one.p50_ms:.1f} ms"
            )
    return lines


def document(rows: list[Row], described: dict[str, Any]) -> dict[str, Any]:
    """Return the document of --json.

    Args:
        rows: the measured sizes.
        described: what was measured: the function or the folder, and whether it is an estimate.
    """
    best = {"cheapest": cheapest(rows), "fastest": fastest(rows)}
    named = {
        name: {"architecture": one.architecture, "memory": one.memory} if one else None for name, one in best.items()
    }
    return {**described, "rows": [one.document() for one in rows], **named}


def console(is_wide: bool) -> Console:
    """Return the terminal; `is_wide`: the output is none, and lines are not cut."""
    return Console(highlight=False, soft_wrap=True, width=WIDTH if is_wide else None)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _note(one: Row) -> str:
    if one.errors and one.p50_ms is not None:
        return f"{one.errors} of {one.calls} calls failed: {one.error}"
    return one.error
