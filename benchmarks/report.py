"""Results as tables for readers and as JSON for programs."""

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

FORMAT = 2  # of the JSON
BUSY = 0.5  # mean number of other processes that run or wait for a CPU; above this the times are not reliable
GAP = "  "
MB = 1024 * 1024  # bytes; of memory, as Lambda counts it
FILE_MB = 1_000_000  # bytes; of files, as build_zip.sh counts them


class Machine(NamedTuple):
    """The machine at the beginning of a run.

    Attributes:
        cpu: name of the model.
        cpus: number of CPUs.
        kernel: version.
        load: processes that run or wait, mean of the last minute.
        date: ISO date.
    """

    cpu: str
    cpus: int
    kernel: str
    load: float
    date: str


def current_machine() -> Machine:
    """Return this machine with its current load."""
    return Machine(_cpu(), os.cpu_count() or 1, platform.release(), os.getloadavg()[0], f"{datetime.now(UTC):%Y-%m-%d}")


def describe(machine: Machine) -> str:
    """Return one line about the machine, with a warning if it was not idle."""
    line = f"{machine.cpu}, {machine.cpus} CPUs, Linux {machine.kernel}, {machine.date}"
    if machine.load > BUSY:
        line += f"; the machine was not idle (load {machine.load:.1f} before the start): read ratios, not milliseconds"
    return line


def title(measurement: Measurement) -> str:
    """Return one line about the setting."""
    setting, resources = measurement.setting, measurement.setting.resources
    files = "page cache dropped" if setting.dropped else "page cache warm"
    share = f", {resources.share:.2f} CPUs of time" if resources.share else ""
    cpus = "1 CPU" if resources.cpus == 1 else f"{resources.cpus} CPUs"
    runs = f"{setting.runs} pairs" if setting.runs else f"{setting.warm_runs} responses"
    return f"{setting.model}, {cpus}{share}, {resources.memory:,} MB, {files}, {runs}"


def starts(measurement: Measurement) -> list[list[str]]:
    """Return the table of cold starts, compared with the first contender."""
    first = measurement.runs[0].first_responses_ms
    rows = [["cold start", "unpacked MB", "ready ms", "first response ms", "ratio (p10..p90)", "peak MB"]]
    for runs in measurement.runs:
        responses = runs.first_responses_ms
        rows.append([
            runs.contender.name,
            file_mb(runs.unpacked_bytes),
            ms(statistics.median(start.init_ms for start in runs.starts)),
            ms(statistics.median(responses)),
            ratio(stats.ratios(responses, first)),
            mb(statistics.median(start.peak_bytes for start in runs.starts)),
        ])  # fmt: skip
    return rows


def steps(measurement: Measurement) -> list[list[str]]:
    """Return the table of the median of each step of a start, ms.

    The steps of each run add up to its total; the medians need not.
    """
    probed = [runs for runs in measurement.runs if runs.contender.probe]
    medians = {runs.contender.name: stats.medians([start.steps for start in runs.starts]) for runs in probed}
    used = [step for step in trace.STEPS if any(step in by_step for by_step in medians.values())]
    rows = [["step, ms", *medians]]
    rows += [[step, *(ms(by_step[step]) if step in by_step else "-" for by_step in medians.values())] for step in used]
    return [*rows, ["total", *(ms(statistics.median(runs.first_responses_ms)) for runs in probed)]]


def warm(measurement: Measurement) -> list[list[str]]:
    """Return the table of warm responses by step, compared with the first contender; empty if not measured."""
    measured = [runs for runs in measurement.runs if runs.warm]
    if not measured:
        return []
    names = ("read", "preprocess", "network", "postprocess", "rest")
    first = [response.invoke_ms for response in measured[0].warm]
    rows = [["warm response, ms", *names, "total", "ratio (p10..p90)", "outside the network"]]
    for runs in measured:
        medians = stats.medians([response.steps for response in runs.warm])
        totals = [response.invoke_ms for response in runs.warm]
        rows.append([
            runs.contender.name,
            *(ms(medians[name]) if name in medians else "-" for name in names),
            ms(statistics.median(totals)),
            ratio(stats.ratios(totals, first)),
            f"{statistics.median(outside_network(response.steps) for response in runs.warm):.0%}",
        ])  # fmt: skip
    return rows


def outside_network(by_step: dict[str, float]) -> float:
    """Return the time of all steps except the run of the network, as a share of that run."""
    return (sum(by_step.values()) - by_step["network"]) / by_step["network"]


def text(measurement: Measurement) -> str:
    """Return all tables of one setting."""
    parts = [starts(measurement), steps(measurement)] if measurement.setting.runs else []
    parts += [rows for rows in [warm(measurement)] if rows]
    body = "\n".join(table(rows) for rows in parts)
    if measurement.setting.dropped:
        shares = ", ".join(f"{runs.contender.name} {runs.resident_share:.0%}" for runs in measurement.runs)
        body += f"\nStill in the page cache after dropping (other processes may use the same files): {shares}\n"
    return f"{title(measurement)}\n\n{body}"


def document(kind: str, machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON document of a benchmark: the fields that all have, then its own."""
    return {"format": FORMAT, "kind": kind, "machine": machine._asdict(), **fields}


def settings(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return every run of every setting, for `document`."""
    return {"settings": [_setting(measurement) for measurement in measurements]}


def _setting(measurement: Measurement) -> dict[str, Any]:
    setting = measurement.setting
    return {
        "title": title(measurement),
        "model": setting.model,
        **setting.resources._asdict(),
        "page_cache": "dropped" if setting.dropped else "warm",
        "contenders": {runs.contender.name: _runs(runs, measurement.runs[0]) for runs in measurement.runs},
    }


def _runs(runs: Runs, first: Runs) -> dict[str, Any]:
    responses = runs.first_responses_ms
    return {
        "description": runs.contender.description,
        "unpacked_bytes": runs.unpacked_bytes,
        "resident_share": round(runs.resident_share, 4),
        "agreement": runs.agreement._asdict(),
        "ready_ms": [round(start.init_ms, 2) for start in runs.starts],
        "first_response_ms": [round(response, 2) for response in responses],
        "ratio": stats.ratios(responses, first.first_responses_ms)._asdict() if responses else None,
        "peak_bytes": [start.peak_bytes for start in runs.starts],
        "steps_ms": [_rounded(start.steps) for start in runs.starts if start.steps],
        "warm_ms": [round(response.invoke_ms, 2) for response in runs.warm],
        "warm_steps_ms": [_rounded(response.steps) for response in runs.warm],
    }


def _rounded(by_step: dict[str, float]) -> dict[str, float]:
    return {step: round(ms, 3) for step, ms in by_step.items()}


def table(rows: Sequence[Sequence[str]]) -> str:
    """Format rows of the same length, the first of them the heading, as aligned lines."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(f"{_line(row, widths)}\n" for row in rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Format rows of the same length, the first of them the heading, as a Markdown table."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def ms(value: float) -> str:
    """Format milliseconds, with one decimal below 100."""
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def ratio(value: Spread) -> str:
    """Format a ratio with its spread."""
    return f"{value.median:.2f} ({value.low:.2f}..{value.high:.2f})"


def added_ms(value: Spread) -> str:
    """Format a difference in milliseconds with its spread."""
    return f"{value.median:+.1f} ({value.low:+.1f}..{value.high:+.1f})"


def file_mb(count: float) -> str:
    """Format bytes of files as MB."""
    return f"{count / FILE_MB:,.1f}"


def mb(count: float) -> str:
    """Format bytes of memory as MB."""
    return f"{count / MB:,.1f}" if count < 100 * MB else f"{count / MB:,.0f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
    return GAP.join(texts).rstrip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
