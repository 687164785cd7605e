"""The function in a process of its own, with a limit of memory where one is set: see `worker.py`."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = Path(__file__).with_name("worker.py")
GROUPS = Path("/sys/fs/cgroup")
MIB = 1024 * 1024  # the unit of Lambda's memory
MB = 1_000_000
TIMEOUT_S = 300


class Measured(NamedTuple):
    """One response and the resident memory of the process, bytes."""

    status: int | None
    types: list[str]  # of the errors; "" for a prediction
    errors: list[str]
    before: int
    peak: int
    after: int

    @property
    def growth(self) -> int:
        """Bytes from the memory before the event to the peak."""
        return self.peak - self.before


def run(
    folder: Path, model: Path, events: list[Any], limit_mb: int | None = None, port: int = 0, **environ: str
) -> list[Measured]:
    """Send events to one process of the function.

    Args:
        folder: for the file of the events.
        model: file of the model.
        events: JSON-ready.
        limit_mb: of memory, in Lambda's MB; the function reads it as its memory size. None: no limit.
        port: of a server of this machine to fetch URLs from; 0: none.
        environ: environment variables of the function.
    """
    file = folder / "events.jsonl"
    with file.open("w") as lines:
        lines.writelines(f"{json.dumps(event)}\n" for event in events)
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "METRICS": "0", "MODEL_PATH": str(model)}
    options: dict[str, Any] = {"events": str(file), "limit_mb": limit_mb, "group": None, "port": port}
    with contextlib.ExitStack() as stack:
        if limit_mb:
            variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(limit_mb)
            group = stack.enter_context(_group(limit_mb))
            options["group"] = str(group) if group else None
        done = subprocess.run(
            [sys.executable, "-P", str(WORKER), json.dumps(options)],
            env=variables | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    assert done.returncode == 0, f"the function ended with {done.returncode}: {done.stderr[-2000:]}"
    return [Measured(**json.loads(line)) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def _group(limit_mb: int) -> Iterator[Path | None]:
    """Make a control group with a limit of memory; yield None if this process may not."""
    folder = None
    with contextlib.suppress(OSError, StopIteration):
        folder = _parent() / f"memory-test-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir()
        name = "memory.max" if (folder / "memory.max").exists() else "memory.limit_in_bytes"
        (folder / name).write_text(str(limit_mb * MIB))
        for swap in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (folder / swap).exists():
                (folder / swap).write_text("0" if swap.endswith("max") else str(limit_mb * MIB))
    is_made = folder is not None and any((folder / name).exists() for name in ("memory.max", "memory.limit_in_bytes"))
    try:
        yield folder if is_made else None
    finally:
        if folder is not None:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _parent() -> Path:
    """Return the group of this process that can limit memory, of version 1 or 2."""
    entries = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for _, names, path in entries:
        if "memory" in names.split(","):
            below = GROUPS / "memory" / path.lstrip("/")
            return below if below.exists() else GROUPS / "memory"
    return next(GROUPS / path.lstrip("/") for number, _, path in entries if number == "0")
