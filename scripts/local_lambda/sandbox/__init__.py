"""Outer half of the sandbox: starts the sandbox process, and sends commands to it.

`child.py` is the inner half. Both know processes and messages, not the purpose of the processes.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from scripts.local_lambda.errors import SandboxFailed
from scripts.local_lambda.sandbox.isolation import IsolationMode
from scripts.local_lambda.sandbox.processes import MAX_MESSAGE

ROOT = Path(__file__).resolve().parent.parent.parent.parent
ENTRY = """
import sys
sys.path.insert(0, sys.argv[1])
from scripts.local_lambda.sandbox import child
child.main(int(sys.argv[2]))
"""
SET_UP_LIMIT = 120  # seconds to unpack 250 MB on a slow disk
REPLY_LIMIT = 10  # seconds for the sandbox process to reply or to end


class ProcessExit(NamedTuple):
    """End of a process.

    Attributes:
        status: as from `os.wait`.
        peak: peak resident memory in bytes.
        reason: why it did not start or was killed; empty if it ended by itself.
    """

    status: int
    peak: int
    reason: str


class Process(NamedTuple):
    """Process in the sandbox."""

    name: int
    ended: concurrent.futures.Future[ProcessExit]


class Sandbox:
    """Running sandbox.

    Attributes:
        mode: its isolation mode.
        paths: `task`, `opt`, `tmp`, `lang` and `runtime` as the processes in it see them.
        listener: listening socket on the loopback of the sandbox, for the Runtime API.
        port: port of the listener.
    """

    def __init__(self, mode: IsolationMode, plan: Mapping[str, object]) -> None:
        """Start a sandbox.

        Args:
            mode: one of `isolation.modes`.
            plan: `zips` (folder -> zip), `prefix` and `runtime`.

        Raises:
            SandboxFailed: the mode does not work on this machine.
        """
        self.mode = mode
        self._names = itertools.count(1)
        self._processes: dict[int, concurrent.futures.Future[ProcessExit]] = {}
        self._peaks: queue.Queue[int | None] = queue.Queue()  # None: the sandbox process ended
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `_end`)
        self._connection, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inner:
            command = [*mode.enter, sys.executable, "-S", "-E", "-s", "-c", ENTRY, str(ROOT), str(inner.fileno())]
            self._child = subprocess.Popen(
                command, pass_fds=[inner.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
            )  # fmt: skip
        try:
            self.listener, self.paths, self.port = self._set_up({**plan, "isolated": mode.isolation == "namespace"})
        except BaseException:
            self._end()
            raise
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def start(self, argv: list[str], environ: dict[str, str], streams: tuple[int, int, int]) -> Process:
        """Start a process in the task root; `streams` are its standard input, output and error."""
        process = Process(next(self._names), concurrent.futures.Future())
        self._processes[process.name] = process.ended
        self._send(
            {"start": process.name, "argv": [*self.mode.drop, *argv], "environ": environ, "folder": self.paths["task"]},
            list(streams),
        )
        return process

    def run(
        self, argv: list[str], environ: dict[str, str], stdin: bytes = b"", limit: float = REPLY_LIMIT
    ) -> tuple[ProcessExit, bytes, str]:
        """Run a process to its end, or kill it after `limit` seconds. Return its end, its output and its errors."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            source.write(stdin)
            source.seek(0)
            process = self.start(argv, environ, (source.fileno(), output.fileno(), errors.fileno()))
            try:
                ended = process.ended.result(limit)
            except concurrent.futures.TimeoutError:
                self.kill(process)
                ended = process.ended.result(REPLY_LIMIT)._replace(reason=f"timed out after {limit:g} s")
            return ended, _read_all(output), ended.reason or _read_all(errors).decode("utf-8", "replace")

    def kill(self, process: Process) -> None:
        """Kill a process and its group; `process.ended` is set afterwards."""
        self._signal(process, signal.SIGKILL)

    def freeze(self, process: Process) -> None:
        """Stop a process and its group until `thaw`."""
        self._signal(process, signal.SIGSTOP)

    def thaw(self, process: Process) -> None:
        """Continue a process and its group."""
        self._signal(process, signal.SIGCONT)

    def peak(self, process: Process) -> int:
        """Return the peak resident memory of a process so far in bytes; 0 if it has ended."""
        self._send({"peak": process.name}, [])
        peak = self._peaks.get(timeout=REPLY_LIMIT)
        if peak is None:
            raise SandboxFailed(f"the sandbox ended: {self._error_output()}")
        return peak

    def process_ids(self) -> list[int]:
        """Return the ids of the processes in the sandbox, as this machine numbers them; for the mode `plain`."""
        parents = {int(path.parent.name): path for path in Path("/proc").glob("[0-9]*/stat")}
        return [number for number, path in parents.items() if _parent(path) == self._child.pid]

    def close(self) -> None:
        """End the sandbox and all processes in it; nothing of it is left."""
        self.listener.close()
        self._end()

    def _signal(self, process: Process, number: int) -> None:
        self._send({"signal": process.name, "number": number}, [])

    def _end(self) -> None:
        with contextlib.suppress(OSError):  # the child closed it first
            self._connection.shutdown(socket.SHUT_RDWR)
        try:
            self._child.wait(REPLY_LIMIT)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if hasattr(self, "_thread"):
            self._thread.join()
        self._connection.close()
        self._errors.close()

    def _set_up(self, plan: dict[str, Any]) -> tuple[socket.socket, dict[str, str], int]:
        """Send the plan to the child. Return the listener, the paths and the port."""
        try:
            self._connection.settimeout(SET_UP_LIMIT)
            self._connection.send(json.dumps(plan).encode())
            message, handles, _, _ = socket.recv_fds(self._connection, MAX_MESSAGE, 1)
            self._connection.settimeout(None)
        except OSError as error:
            raise SandboxFailed(self._error_output() or str(error)) from error
        reply: dict[str, Any] = json.loads(message) if message else {"failed": self._error_output()}
        if "ready" not in reply:
            raise SandboxFailed(reply["failed"])
        return socket.socket(fileno=handles[0]), reply["ready"], reply["port"]

    def _send(self, command: dict[str, Any], handles: list[int]) -> None:
        try:
            socket.send_fds(self._connection, [json.dumps(command).encode()], handles)
        except OSError as error:
            raise SandboxFailed(f"the sandbox ended: {self._error_output() or error}") from error

    def _receive(self) -> None:
        """Receive the messages of the child until it ends."""
        while True:
            try:
                message = self._connection.recv(MAX_MESSAGE)
            except OSError:
                message = b""
            if not message:
                break
            fields = json.loads(message)
            if "ended" in fields:
                ended = ProcessExit(fields["status"], fields["peak"], fields.get("reason", ""))
                self._processes.pop(fields["ended"]).set_result(ended)
            else:
                self._peaks.put(fields["peak"])
        self._peaks.put(None)
        for future in self._processes.values():
            future.set_result(ProcessExit(9, 0, "the sandbox ended"))

    def _error_output(self) -> str:
        """Return the standard error of the child: a traceback, or the error message of `unshare`."""
        self._child.poll()
        return _read_all(self._errors).decode("utf-8", "replace").strip()


def _parent(path: Path) -> int | None:
    """Return the id of the parent in a file /proc/*/stat; None if the process ended."""
    try:
        return int(path.read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def _read_all(stream: IO[bytes]) -> bytes:
    stream.seek(0, os.SEEK_SET)
    return stream.read()
