"""The simulated runs as a table and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.scale import rules
from benchmarks.scale.cost import Cost, cost
from benchmarks.scale.simulation import Run, simulate
from benchmarks.scale.ways import Plan, batch, work

COLUMNS = (
    *("images", "way", "time", "environments", "throttled calls", "oldest message", "Lambda", "requests", "S3"),
    *("Step Functions", "SQS", "USD", "what limits"),
)
SHOWN_LIMITS = 0.1  # share of the time
FILE_WIDTH = 200  # characters
CONCURRENCY = {"direct": "concurrency", "map": "map-concurrency", "queue": "queue-concurrency"}  # option of a way
THROTTLED_SHARE = 0.1  # of the calls
WASTED, WASTED_SHARE = 1.0, 0.1  # USD, and share of the price, from which waiting is worth a warning
MINUTE, HOUR, DAY = 60, 3600, 86_400


class Row(NamedTuple):
    """One way at one number of images."""

    way: str
    plan: Plan
    run: Run
    cost: Cost


def row(way: str, plan: Plan) -> Row:
    """Simulate a run."""
    run = simulate(work(way, plan), plan.init_s, plan.account)
    return Row(way, plan, run, cost(way, plan, run))


def table(rows: Sequence[Row]) -> Table:
    """Return the table of the terminal; a line separates the numbers of images."""
    made = Table(title=title(rows[0].plan), title_justify="left")
    for name in COLUMNS:
        made.add_column(name, justify="left" if name in ("way", "what limits") else "right", overflow="fold")
    for number, each in enumerate(rows):
        last = number + 1 == len(rows) or rows[number + 1].plan.images != each.plan.images
        made.add_row(*_cells(each), end_section=last)
    return made


def show(rows: Sequence[Row]) -> None:
    """Print the table, as wide as its content if it goes to a file, and the warnings."""
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    console.print(table(rows))
    for line in warnings(rows):
        sys.stdout.write(f"warning: {line}\n")


def title(plan: Plan) -> str:
    """Return one line about what all rows have in common."""
    prefixes = "1 prefix" if plan.prefixes == 1 else f"{plan.prefixes:,} prefixes"
    return (
        f"{plan.image_s:.3g} s per image, init {plan.init_s:.3g} s, {plan.batch} images per call, "
        f"{plan.memory_mb:,} MB, {plan.architecture}, {plan.account:,} environments, {prefixes}"
    )


def warnings(rows: Sequence[Row]) -> list[str]:
    """Return a line for each run that would lose images, exceed a time limit, be throttled or pay for waiting."""
    lines = []
    for each in rows:
        name = f"{each.plan.images:,} images, {each.way}"
        call_s = batch(each.way, each.plan) * each.plan.image_s
        if each.way == "queue" and each.run.oldest_s > rules.RETENTION_S:
            lines.append(
                f"{name}: messages older than {rules.RETENTION_S // DAY} days are deleted; "
                "raise the concurrency, or let the images arrive later"
            )
        wasted = each.cost.total - cost(each.way, each.plan, each.run._replace(busy_s=each.run.calls * call_s)).total
        if wasted > max(WASTED, WASTED_SHARE * each.cost.total):
            needed = each.run.calls * call_s / each.run.seconds
            lines.append(
                f"{name}: calls wait for S3; "
                f"a concurrency of about {needed:,.0f} takes as long and saves {wasted:,.2f} USD"
            )
        if each.way in CONCURRENCY and each.run.throttles > THROTTLED_SHARE * each.run.calls:
            lines.append(
                f"{name}: more calls are open than Lambda takes, and their retries make the run slower than computed; "
                f"lower --{CONCURRENCY[each.way]} to {each.plan.account:,} or less"
            )
        limit = rules.EXPRESS_LIMIT_S if each.way == "map" else rules.CALL_LIMIT_S
        if call_s > limit:
            lines.append(f"{name}: a call takes {call_s:,.0f} s, and {limit} s is the limit; lower --batch")
    return lines


def fields(rows: Sequence[Row]) -> dict[str, Any]:
    """Return all values for JSON."""
    return {
        "rows": [
            {
                "images": each.plan.images, "way": each.way, "seconds": each.run.seconds, "calls": each.run.calls,
                "environments": each.run.environments, "throttles": each.run.throttles,
                "oldest_message_s": each.run.oldest_s if each.way == "queue" else None,
                "usd": each.cost._asdict() | {"total": each.cost.total}, "limits": each.run.limits,
                "plan": each.plan._asdict(),
            }
            for each in rows
        ],
        "warnings": warnings(rows),
    }  # fmt: skip


def duration(seconds: float) -> str:
    """Return seconds for a reader: `2.1 s`, `12.5 min`, `3.4 h`, `2.0 d`."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.1f} s"


def _cells(each: Row) -> list[str]:
    limits = [f"{name} {share:.0%}" for name, share in each.run.limits.items() if share >= SHOWN_LIMITS]
    return [
        f"{each.plan.images:,}", each.way, duration(each.run.seconds), f"{each.run.environments:,.0f}",
        f"{each.run.throttles:,.0f}", duration(each.run.oldest_s) if each.way == "queue" else "",
        *(f"{usd:,.2f}" if usd else "" for usd in each.cost), f"{each.cost.total:,.2f}", ", ".join(limits),
    ]  # fmt: skip
