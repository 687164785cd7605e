"""Processes that fuzz one target: started, watched, started again after a crash."""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from scripts.environments import ROOT

WORKER = "tests.fuzz.worker"
HEADER = struct.Struct("<QQQ")  # of a record: executions, 1 while an input runs, bytes of the input
POLL_S = 0.5
STALLED_S = 120.0  # without a finished input; the process ends itself after much less CPU time
GRACE_S = 60.0  # after the end of the search, for the last input
MAX_CRASHES = 5
STOPPED = threading.Event()  # set when the command is interrupted: all searches end
FINDINGS, NEW_INPUTS, LOG, RECORD = "findings", "corpus", "log.txt", "record"


class Failed(Exception):
    """A process ended without having run an input."""


class Report(NamedTuple):
    """Result of one target."""

    target: str
    executions: int
    seconds: float
    new_inputs: int  # that reached new code
    findings: list[Path]


class State(NamedTuple):
    """Content of the record of a process."""

    executions: int
    is_running: bool
    data: bytes


def fuzz(target: str, seconds: float, seed: int, output: Path) -> Report:
    """Fuzz a target for some time and return the report; its older findings are removed first.

    Raises:
        Failed: the process cannot run; the message names its log.
    """
    folder = output.resolve() / target
    shutil.rmtree(folder / FINDINGS, ignore_errors=True)
    (folder / FINDINGS).mkdir(parents=True)
    (folder / LOG).unlink(missing_ok=True)
    started, executions, crashes = time.monotonic(), 0, 0
    while (left := seconds - (time.monotonic() - started)) > 0 and crashes <= MAX_CRASHES and not STOPPED.is_set():
        reason = _run(target, left, seed + crashes, folder)
        state = read_record(folder / RECORD)
        executions += state.executions
        if not reason or STOPPED.is_set():
            break
        if not (state.executions or state.is_running):
            raise Failed(f"{target}: {reason}; the log is {folder / LOG}")
        _save_crash(folder, state, reason)
        crashes += 1
    findings = sorted(path for path in (folder / FINDINGS).iterdir() if not path.suffix)
    new_inputs = len(list((folder / NEW_INPUTS).glob("*"))) if (folder / NEW_INPUTS).is_dir() else 0
    return Report(target, executions, time.monotonic() - started, new_inputs, findings)


def replay(target: str, path: Path) -> int:
    """Run one input of a target; print the problem. Return the exit code of the process."""
    done = subprocess.run(_command(target=target, replay=[str(path.resolve())]), cwd=ROOT)
    return done.returncode


def read_record(path: Path) -> State:
    """Return the record of a process; an empty one without a file."""
    if not path.exists() or path.stat().st_size < HEADER.size:
        return State(0, False, b"")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        executions, is_running, size = HEADER.unpack_from(memory)
        return State(executions, bool(is_running), memory[HEADER.size : HEADER.size + size])


def _run(target: str, seconds: float, seed: int, folder: Path) -> str:
    """Run one process to its end; return why it did not end as it should, or an empty text."""
    (folder / RECORD).unlink(missing_ok=True)
    command = _command(
        target=target, seconds=seconds, seed=seed, record=str(folder / RECORD), findings=str(folder / FINDINGS),
        corpus=str(folder / NEW_INPUTS),
    )  # fmt: skip
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            return _watch(process, seconds, folder / RECORD)
        finally:
            process.kill()
            process.wait()


def _watch(process: subprocess.Popen[bytes], seconds: float, record: Path) -> str:
    executions, progressed, ends = -1, time.monotonic(), time.monotonic() + seconds + GRACE_S
    while process.poll() is None:
        if STOPPED.wait(POLL_S):
            return ""
        now, state = time.monotonic(), read_record(record)
        if state.executions != executions:
            executions, progressed = state.executions, now
        if now - progressed > STALLED_S or (now > ends and state.is_running):
            return f"no progress for {now - progressed:.0f} s"
    if process.returncode == 0:
        return ""
    if process.returncode == -signal.SIGPROF:
        return "more CPU time for one input than the limit"
    if process.returncode < 0:
        return f"ended by {signal.Signals(-process.returncode).name}"
    return f"ended with exit code {process.returncode}"


def _save_crash(folder: Path, state: State, reason: str) -> None:
    """Save the input that the process ran when it ended, with the end of its log."""
    name = hashlib.sha256(reason.encode() + state.data[:64]).hexdigest()[:12]
    path = folder / FINDINGS / f"crash-{name}"
    path.write_bytes(state.data)
    log = (folder / LOG).read_bytes()[-5000:]
    path.with_suffix(".txt").write_bytes(f"the process {reason}\n\n".encode() + log)


def _command(**options: Any) -> list[str]:
    return [sys.executable, "-m", WORKER, json.dumps(options)]
