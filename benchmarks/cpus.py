"""CPU limits of a measured process: the CPUs that it may use, and its share of CPU time.

A process inherits the limits of its parent. This process therefore sets the limits on itself, starts the other process,
and then removes the limits from itself.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import NotMeasured

GROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 20_000  # microseconds, period of the quota
REMOVAL_TIMEOUT = 5  # seconds until the kernel has removed an ended process from its group
NO_QUOTA = (
    "CPU time cannot be limited here (this needs a writable cgroup): memory sizes only change the number of threads"
)


def count() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def pinned(cpus: int) -> Iterator[None]:
    """Run processes that are started in this context on the last `cpus` CPUs; the first CPU is left for the benchmark.

    Raises:
        NotMeasured: the machine has fewer CPUs.
    """
    allowed = os.sched_getaffinity(0)
    if len(allowed) < cpus:
        raise NotMeasured(f"cpus must be at most {len(allowed)}, the number that this process may use, got {cpus}")
    os.sched_setaffinity(0, sorted(allowed)[-cpus:])
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), allowed)


def has_quota() -> bool:
    """Return whether CPU time can be limited here: this needs root and a cgroup of version 1 or 2."""
    folder = _controller()
    return folder is not None and os.access(folder, os.W_OK)


@contextlib.contextmanager
def share(cpus: float) -> Iterator[Path]:
    """Create a group of processes that together get the time of `cpus` CPUs; its processes must end in this context."""
    parent = _controller()
    assert parent is not None, NO_QUOTA
    folder = parent / f"benchmark-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    try:
        limit(folder, cpus)
        yield folder
    finally:
        _remove(folder)


def limit(folder: Path, cpus: float) -> None:
    """Give the processes of a group the time of `cpus` CPUs."""
    quota_us = int(cpus * PERIOD_US)
    if (folder / "cpu.max").exists():
        (folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    else:
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(quota_us))


@contextlib.contextmanager
def joined(folder: Path) -> Iterator[None]:
    """Put processes that are started in this context into the group."""
    parent = folder.parent
    (folder / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (parent / "cgroup.procs").write_text(str(os.getpid()))


def _controller() -> Path | None:
    """Return the group of this process that can limit CPU time: of cgroup 1, or of cgroup 2 with the cpu controller."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        if "cpu" in names.split(","):
            folder = GROUPS / "cpu" / path.lstrip("/")
            return folder if (folder / "cpu.cfs_quota_us").exists() or folder == GROUPS / "cpu" else None
        controllers = GROUPS / path.lstrip("/") / "cgroup.subtree_control"
        if number == "0" and controllers.exists() and "cpu" in controllers.read_text().split():
            return controllers.parent
    return None


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + REMOVAL_TIMEOUT
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
