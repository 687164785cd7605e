"""What the figures were measured on, so that they can be read later."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

BUSY = 0.5  # processes that were waiting for a CPU besides ours, on average, above which the figures are doubtful


class Machine(NamedTuple):
    """The machine at the beginning of a run."""

    cpu: str
    cpus: int
    kernel: str
    load: float  # processes running or waiting, mean of the last minute
    date: str  # of the day, ISO


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
