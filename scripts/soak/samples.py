"""Resources of the environments over time, and the rules by which they count as constant."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

MEMORY_TOLERANCE_MB = 16.0  # growth from the first to the last quarter, and of the fitted line
DESCRIPTOR_TOLERANCE = 2  # connections to S3 that were just opened or closed
SLOWDOWN_TOLERANCE = 1.15  # of the probe, last quarter to first quarter
MIN_SAMPLES = 8  # two in each quarter
QUARTERS = 4
MB = 1024 * 1024


class Sample(NamedTuple):
    """State of one environment between two invocations.

    Attributes:
        invocations: its invocations so far.
        pid: its process.
        rss_mb: resident memory.
        descriptors: open file descriptors.
        threads: threads.
        tmp_files: files and folders in /tmp.
        tmp_mb: their size.
        probe_ms: duration of the probe request.
        yardstick_ms: duration of a fixed computation in another process at the same time; the probe is compared in
            multiples of it, because other programs slow down both.
    """

    invocations: int
    pid: int
    rss_mb: float
    descriptors: int
    threads: int
    tmp_files: int
    tmp_mb: float
    probe_ms: float
    yardstick_ms: float

    @property
    def probe(self) -> float:
        """Duration of the probe in multiples of the yardstick."""
        return self.probe_ms / self.yardstick_ms


class Resources(NamedTuple):
    """The part of a sample that the kernel knows."""

    rss_mb: float
    descriptors: int
    threads: int
    tmp_files: int
    tmp_mb: float


def read(pid: int, tmp: Path) -> Resources:
    """Return the resources of a process and the content of its temporary folder."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    entries = list(tmp.rglob("*"))
    return Resources(
        rss_mb=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        threads=int(status["Threads"]),
        tmp_files=len(entries),
        tmp_mb=sum(path.stat().st_size for path in entries if path.is_file()) / MB,
    )


def problems(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield one line for each resource of an environment that is not constant.

    Args:
        samples: at least `MIN_SAMPLES` of one environment, in the order of time.
    """
    if len(samples) < MIN_SAMPLES:
        yield f"{len(samples)} samples, at least {MIN_SAMPLES} are needed"
        return
    if len({sample.pid for sample in samples}) > 1:
        yield "the process ended and another was started"
    yield from _memory_problems(samples)
    for name in ("descriptors", "threads"):
        first, last = (statistics.median(getattr(sample, name) for sample in part) for part in _ends(samples))
        if abs(last - first) > DESCRIPTOR_TOLERANCE:
            yield f"{name}: {first:g} in the first quarter, {last:g} in the last"
    files = max(sample.tmp_files for sample in samples)
    if files:
        yield f"the temporary folder has {files} files"
    yield from _speed_problems(samples)


def _memory_problems(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield a problem if memory grows, by the quarters and also by the line through all samples."""
    first, last = (statistics.median(sample.rss_mb for sample in part) for part in _ends(samples))
    line = fitted_growth(samples)
    if last - first > MEMORY_TOLERANCE_MB and line > MEMORY_TOLERANCE_MB:
        yield f"memory: {first:.1f} MB in the first quarter, {last:.1f} MB in the last, {line:.1f} MB by a line"


def _speed_problems(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield a problem if the probe is slower: by the medians of the quarters, and without their middles overlapping."""
    first, last = ([sample.probe for sample in part] for part in _ends(samples))
    ratio = statistics.median(last) / statistics.median(first)
    is_apart = statistics.quantiles(last, n=4)[0] > statistics.quantiles(first, n=4)[2]
    if ratio > SLOWDOWN_TOLERANCE and is_apart:
        yield f"the probe took {ratio:.2f} times as long in the last quarter as in the first"


def fitted_growth(samples: Sequence[Sample]) -> float:
    """Return the growth in MB of the line fitted to the memory, from the first sample to the last."""
    counts = [sample.invocations for sample in samples]
    slope = statistics.linear_regression(counts, [sample.rss_mb for sample in samples]).slope
    return float(slope * (counts[-1] - counts[0]))


def table(samples: Sequence[Sequence[Sample]]) -> str:
    """Return a table with a row for each environment: medians of the first and the last quarter.

    Args:
        samples: the samples of each environment.
    """
    columns: tuple[tuple[str, Callable[[Sample], float], str], ...] = (
        ("memory, MB", _rss, ".1f"), ("descriptors", _descriptors, "g"), ("threads", _threads, "g"),
        ("probe, ms", _probe, ".1f"),
    )  # fmt: skip
    head = "".join(f"{name:>18}" for name, _, _ in columns)
    lines = [f"{'environment':12}{'invocations':>12}{head}{'fit, MB':>9}{'temp. files':>12}"]
    for number, own in enumerate(samples, 1):
        cells = [[format(statistics.median(map(get, part)), spec) for part in _ends(own)] for _, get, spec in columns]
        values = "".join(f"{f'{first} -> {last}':>18}" for first, last in cells)
        files = max(sample.tmp_files for sample in own)
        lines.append(f"{number:<12}{own[-1].invocations:>12,}{values}{fitted_growth(own):>9.1f}{files:>12}")
    return "\n".join(lines) + "\n"


def _ends(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Return the first and the last quarter."""
    count = max(2, len(samples) // QUARTERS)
    return samples[:count], samples[-count:]


def _rss(sample: Sample) -> float:
    return sample.rss_mb


def _descriptors(sample: Sample) -> float:
    return sample.descriptors


def _threads(sample: Sample) -> float:
    return sample.threads


def _probe(sample: Sample) -> float:
    return sample.probe_ms
