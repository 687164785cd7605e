"""What was measured, as tables for people and as JSON for machines."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import figures, marks, table
from benchmarks.cold import Runs, Seen
from benchmarks.machine import Machine

FORMAT = 1  # of the JSON


def title(seen: Seen) -> str:
    """One line about a setting."""
    place = seen.setting.place
    files = "page cache dropped" if seen.setting.dropped else "page cache warm"
    share = f", {place.share:.2f} CPUs of time" if place.share else ""
    cpus = "1 CPU" if place.cpus == 1 else f"{place.cpus} CPUs"
    return f"{seen.setting.model}, {cpus}{share}, {place.memory:,} MB, {files}, {seen.setting.runs} pairs"


def starts(seen: Seen) -> list[list[str]]:
    """Rows: how long until ready and until the first answer, against the first contender."""
    first = [start.first_answer_ms for start in seen.runs[0].starts]
    rows = [["cold start", "unpacked MB", "ready ms", "first answer ms", "times ours (p10..p90)", "peak MB"]]
    for runs in seen.runs:
        answers = [start.first_answer_ms for start in runs.starts]
        rows.append([
            runs.contender.name,
            table.file_mb(runs.unpacked_bytes),
            table.ms(statistics.median(start.init_ms for start in runs.starts)),
            table.ms(statistics.median(answers)),
            table.times(figures.ratios(answers, first)),
            table.mb(statistics.median(start.peak_bytes for start in runs.starts)),
        ])  # fmt: skip
    return rows


def steps(seen: Seen) -> list[list[str]]:
    """Rows: the median of each step of a start, milliseconds; the medians need not add up, each run's steps do."""
    probed = [runs for runs in seen.runs if runs.contender.probe]
    found = {runs.contender.name: figures.medians([start.steps for start in runs.starts]) for runs in probed}
    used = [step for step in marks.STEPS if any(step in one for one in found.values())]
    rows = [["step, ms", *found]]
    rows += [[step, *(table.ms(one[step]) if step in one else "-" for one in found.values())] for step in used]
    whole = [table.ms(statistics.median(start.first_answer_ms for start in runs.starts)) for runs in probed]
    return [*rows, ["whole", *whole]]


def warm(seen: Seen) -> list[list[str]]:
    """Rows: a warm answer, whole and by step, against the first contender; none if it was not measured."""
    measured = [runs for runs in seen.runs if runs.warm]
    if not measured:
        return []
    names = ("read", "preprocess", "network", "postprocess", "rest")
    first = [answer.invoke_ms for answer in measured[0].warm]
    rows = [["warm answer, ms", *names, "whole", "times ours (p10..p90)", "around the network"]]
    for runs in measured:
        found = figures.medians([answer.steps for answer in runs.warm])
        whole = [answer.invoke_ms for answer in runs.warm]
        rows.append([
            runs.contender.name,
            *(table.ms(found[name]) if name in found else "-" for name in names),
            table.ms(statistics.median(whole)),
            table.times(figures.ratios(whole, first)),
            f"{statistics.median(around_network(answer.steps) for answer in runs.warm):.0%}",
        ])  # fmt: skip
    return rows


def around_network(by_step: dict[str, float]) -> float:
    """Everything that is not the network's own run, as a share of that run."""
    return (sum(by_step.values()) - by_step["network"]) / by_step["network"]


def text(seen: Seen) -> str:
    """Everything about one setting."""
    parts = [starts(seen), steps(seen)] if seen.setting.runs else []
    parts += [rows for rows in [warm(seen)] if rows]
    body = "\n".join(table.table(rows) for rows in parts)
    if seen.setting.dropped:
        left = ", ".join(f"{runs.contender.name} {runs.resident_share:.0%}" for runs in seen.runs)
        body += f"\nStill in memory after dropping (others may use the same files): {left}\n"
    return f"{title(seen)}\n\n{body}"


def document(kind: str, machine: Machine, settings: Sequence[Seen]) -> dict[str, Any]:
    """All of it for machines: every single run."""
    return {
        "format": FORMAT,
        "kind": kind,
        "machine": machine._asdict(),
        "settings": [_setting(seen) for seen in settings],
    }


def _setting(seen: Seen) -> dict[str, Any]:
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
        "times_ours": figures.ratios(answers, ours)._asdict() if answers else None,
        "peak_bytes": [start.peak_bytes for start in runs.starts],
        "steps_ms": [_rounded(start.steps) for start in runs.starts if start.steps],
        "warm_ms": [round(answer.invoke_ms, 2) for answer in runs.warm],
        "warm_steps_ms": [_rounded(answer.steps) for answer in runs.warm],
    }


def _rounded(by_step: dict[str, float]) -> dict[str, float]:
    return {step: round(ms, 3) for step, ms in by_step.items()}
