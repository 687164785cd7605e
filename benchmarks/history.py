"""What each step of the start is worth, as a table that is kept: ours against ours with the step taken back."""

import statistics
from pathlib import Path

from benchmarks import figures, report, table
from benchmarks.cold import Seen
from benchmarks.machine import Machine, describe

HEADING = """\
# What each step of the start is worth

Each line is ours with one step taken back, measured beside ours in the same run; `python -m benchmarks steps` adds a
section. A difference is of pairs: its median, and between which values 80 % of the pairs lie.
"""


def rows(seen: Seen) -> list[list[str]]:
    """Ours, then every variant by what it costs, most first."""
    ours = [start.first_answer_ms for start in seen.runs[0].starts]
    found = []
    for runs in seen.runs[1:]:
        answers = [start.first_answer_ms for start in runs.starts]
        found.append((figures.differences(answers, ours), figures.ratios(answers, ours), runs))
    found.sort(key=lambda one: one[0].median, reverse=True)
    head = [["ours, but", "first answer ms", "more ms (p10..p90)", "times ours (p10..p90)", "unpacked MB"]]
    head.append(["(nothing)", table.ms(statistics.median(ours)), "", "", table.file_mb(seen.runs[0].unpacked_bytes)])
    return head + [
        [runs.contender.name, table.ms(statistics.median(start.first_answer_ms for start in runs.starts)),
         table.plus_ms(more), table.times(ratio), table.file_mb(runs.unpacked_bytes)]
        for more, ratio, runs in found
    ]  # fmt: skip


def section(seen: Seen, machine: Machine) -> str:
    """One measurement as markdown."""
    return f"\n## {machine.date}: {report.title(seen)}\n\n{describe(machine)}\n\n{table.markdown(rows(seen))}"


def append(path: Path, seen: Seen, machine: Machine) -> None:
    """Add the section, and the heading to a file that is new."""
    before = path.read_text(encoding="utf-8") if path.exists() else HEADING
    path.write_text(before + section(seen, machine), encoding="utf-8")
