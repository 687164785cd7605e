"""What was measured, as tables for people and as JSON for machines."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import stats, trace
from benchmarks.cold_start import Measurement, Runs
from benchmarks.stats import Spread

FORMAT = 1  # of the JSON
BUSY = 0.5  # processes that were waiting for a CPU besides ours, on average, above which the figures are doubtful
GAP = "  "
MB = 1024 * 1024  # bytes; of memory, as Lambda counts it
FILE_MB = 1_000_000  # bytes; of files, as build_zip.sh counts them


class Machine(NamedTuple):
    """The machine at the beginning of a run."""

    cpu: str
    cpus: int
    kernel: str
    load: float  # processes running or waiting, mean of the last minute
    date: str  # of the day, ISO


def title(seen: Measurement) -> str:
    """One line about a setting."""
    place = seen.setting.place
    files = "page cache dropped" if seen.setting.dropped else "page cache warm"
    share = f", {place.share:.2f} CPUs of time" if place.share else ""
    cpus = "1 CPU" if place.cpus == 1 else f"{place.cpus} CPUs"
    return f"{seen.setting.model}, {cpus}{share}, {place.memory:,} MB, {files}, {seen.setting.runs} pairs"


def starts(seen: Measurement) -> list[list[str]]:
    """Rows: how long until ready and until the first answer, against the first contender."""
    first = [start.first_answer_ms for start in seen.runs[0].starts]
    rows = [["cold start", "unpacked MB", "ready ms", "first answer ms", "times ours (p10..p90)", "peak MB"]]
    for runs in seen.runs:
        answers = [start.first_answer_ms for start in runs.starts]
        rows.append([
            runs.contender.name,
            file_mb(runs.unpacked_bytes),
            ms(statistics.median(start.init_ms for start in runs.starts)),
            ms(statistics.median(answers)),
            times(stats.ratios(answers, first)),
            mb(statistics.median(start.peak_bytes for start in runs.starts)),
        ])  # fmt: skip
    return rows


def steps(seen: Measurement) -> list[list[str]]:
    """Rows: the median of each step of a start, milliseconds; the medians need not add up, each run's steps do."""
    probed = [runs for runs in seen.runs if runs.contender.probe]
    found = {runs.contender.name: stats.medians([start.steps for start in runs.starts]) for runs in probed}
    used = [step for step in trace.STEPS if any(step in one for one in found.values())]
    rows = [["step, ms", *found]]
    rows += [[step, *(ms(one[step]) if step in one else "-" for one in found.values())] for step in used]
    whole = [ms(statistics.median(start.first_answer_ms for start in runs.starts)) for runs in probed]
    return [*rows, ["whole", *whole]]


def warm(seen: Measurement) -> list[list[str]]:
    """Rows: a warm answer, whole and by step, against the first contender; none if it was not measured."""
    measured = [runs for runs in seen.runs if runs.warm]
    if not measured:
        return []
    names = ("read", "preprocess", "network", "postprocess", "rest")
    first = [answer.invoke_ms for answer in measured[0].warm]
    rows = [["warm answer, ms", *names, "whole", "times ours (p10..p90)", "around the network"]]
    for runs in measured:
        found = stats.medians([answer.steps for answer in runs.warm])
        whole = [answer.invoke_ms for answer in runs.warm]
        rows.append([
            runs.contender.name,
            *(ms(found[name]) if name in found else "-" for name in names),
            ms(statistics.median(whole)),
            times(stats.ratios(whole, first)),
            f"{statistics.median(around_network(answer.steps) for answer in runs.warm):.0%}",
        ])  # fmt: skip
    return rows


def around_network(by_step: dict[str, float]) -> float:
    """Everything that is not the network's own run, as a share of that run."""
    return (sum(by_step.values()) - by_step["network"]) / by_step["network"]


def text(seen: Measurement) -> str:
    """Everything about one setting."""
    parts = [starts(seen), steps(seen)] if seen.setting.runs else []
    parts += [rows for rows in [warm(seen)] if rows]
    body = "\n".join(table(rows) for rows in parts)
    if seen.setting.dropped:
        left = ", ".join(f"{runs.contender.name} {runs.resident_share:.0%}" for runs in seen.runs)
        body += f"\nStill in memory after dropping (others may use the same files): {left}\n"
    return f"{title(seen)}\n\n{body}"


def document(kind: str, machine: Machine, settings: Sequence[Measurement]) -> dict[str, Any]:
    """All of it for machines: every single run."""
    return {
        "format": FORMAT,
        "kind": kind,
        "machine": machine._asdict(),
        "settings": [_setting(seen) for seen in settings],
    }


def _setting(seen: Measurement) -> dict[str, Any]:
    setting = seen.setting
    return {
        "title": title(seen),
        "model": setting.model,
        **setting.place._asdict(),
        "page_cache": "dropped" if setting.dropped else "warm",
        "contenders": {runs.contender.name: _runs(runs, seen.runs[0]) for runs in seen.runs},
    }


def _runs(runs: Runs, first: Runs) -> dict[str, Any]:
    answers = [start.first_answer_ms for start in runs.starts]
    ours = [start.first_answer_ms for start in first.starts]
    return {
        "says": runs.contender.says,
        "unpacked_bytes": runs.unpacked_bytes,
        "resident_share": round(runs.resident_share, 4),
        "agreement": runs.agreement._asdict(),
        "ready_ms": [round(start.init_ms, 2) for start in runs.starts],
        "first_answer_ms": [round(one, 2) for one in answers],
        "times_ours": stats.ratios(answers, ours)._asdict() if answers else None,
        "peak_bytes": [start.peak_bytes for start in runs.starts],
        "steps_ms": [_rounded(start.steps) for start in runs.starts if start.steps],
        "warm_ms": [round(answer.invoke_ms, 2) for answer in runs.warm],
        "warm_steps_ms": [_rounded(answer.steps) for answer in runs.warm],
    }


def _rounded(by_step: dict[str, float]) -> dict[str, float]:
    return {step: round(ms, 3) for step, ms in by_step.items()}


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


def look() -> Machine:
    """This machine now."""
    return Machine(_cpu(), os.cpu_count() or 1, platform.release(), os.getloadavg()[0], f"{datetime.now(UTC):%Y-%m-%d}")


def describe(machine: Machine) -> str:
    """In a line, with a warning where others were at work."""
    line = f"{machine.cpu}, {machine.cpus} CPUs, Linux {machine.kernel}, {machine.date}"
    if machine.load > BUSY:
        line += f"; others were at work (load {machine.load:.1f} before the start): read ratios, not milliseconds"
    return line


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
