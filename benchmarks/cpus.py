"""How much of the machine a measured process gets: some of its CPUs, and a share of their time.

A process has what its parent had when it was started, so this one takes the limits on while it starts another, and
gives them back afterwards.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import NotMeasured

GROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 20_000  # microseconds in which the share is given out
GONE_WAIT = 5  # seconds for the kernel to let an ended process go
NO_QUOTA = "no CPU share can be set here (a writable cgroup is wanted), so memory sizes change the threads only"


def count() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def pinned(cpus: int) -> Iterator[None]:
    """What is started in here runs on this many CPUs, the last ones: the first is left for who measures.

    Raises:
        NotMeasured: there are fewer.
    """
    here = os.sched_getaffinity(0)
    if len(here) < cpus:
        raise NotMeasured(f"{cpus} CPUs are wanted; this process may use {len(here)}")
    os.sched_setaffinity(0, sorted(here)[-cpus:])
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), here)


def has_quota() -> bool:
    """Whether a share of CPU time can be given out here: root, and a cgroup of either version."""
    folder = _controller()
    return folder is not None and os.access(folder, os.W_OK)


@contextlib.contextmanager
def share(cpus: float) -> Iterator[Path]:
    """A group of processes that together get this many CPUs' time; it is gone afterwards, as they have to be."""
    parent = _controller()
    assert parent is not None, NO_QUOTA
    folder = parent / f"benchmark-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir()
    try:
        allowed = int(cpus * PERIOD_US)
        if (folder / "cpu.max").exists():
            (folder / "cpu.max").write_text(f"{allowed} {PERIOD_US}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(allowed))
        yield folder
    finally:
        _remove(folder)


@contextlib.contextmanager
def joined(folder: Path) -> Iterator[None]:
    """What is started in here belongs to the group."""
    parent = folder.parent
    (folder / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (parent / "cgroup.procs").write_text(str(os.getpid()))


def _controller() -> Path | None:
    """This process's group where CPU time is shared out: of cgroup 1, or of cgroup 2 if its children may be limited."""
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
    deadline = time.monotonic() + GONE_WAIT
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
