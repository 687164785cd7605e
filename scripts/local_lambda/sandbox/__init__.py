"""The tool's hold on a cell: starts it in the best way that works here, and passes commands to it.

Knows processes and messages, not what the processes are for.
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

from scripts.local_lambda.errors import CellFailed
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
ANSWER_LIMIT = 10  # seconds for the cell to answer a question or to end


class ProcessExit(NamedTuple):
    """How a process ended: status as of `os.wait`, largest resident size in bytes, why it did not start."""

    status: int
    peak: int
    why: str


class Process(NamedTuple):
    """A process in the cell."""

    name: int
    ended: concurrent.futures.Future[ProcessExit]


class Sandbox:
    """A running cell.

    Attributes:
        way: how it was made.
        paths: `task`, `opt`, `tmp`, `lang` and `runtime` as the processes in it see them.
        listener: a listening socket on the cell's loopback, for the Runtime API.
        port: its port.
    """

    def __init__(self, way: IsolationMode, plan: Mapping[str, object]) -> None:
        """Start a cell.

        Args:
            way: one of `ways.ways`.
            plan: `zips` (folder -> zip), `prefix` and `runtime`.

        Raises:
            CellFailed: it cannot be made this way here.
        """
        self.way = way
        self._names = itertools.count(1)
        self._processes: dict[int, concurrent.futures.Future[ProcessExit]] = {}
        self._answers: queue.Queue[int | None] = queue.Queue()  # None: the cell is gone
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `_end`)
        self._wire, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*way.enclose, sys.executable, "-S", "-E", "-s", "-c", ENTRY, str(ROOT), str(theirs.fileno())]
            self._cell = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors,
            )  # fmt: skip
        try:
            self.listener, self.paths, self.port = self._set_up({**plan, "isolated": way.isolation == "namespace"})
        except BaseException:
            self._end()
            raise
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def start(self, argv: list[str], environ: dict[str, str], streams: tuple[int, int, int]) -> Process:
        """Start a process with the task root as its folder; `streams` are its standard input, output and error."""
        process = Process(next(self._names), concurrent.futures.Future())
        self._processes[process.name] = process.ended
        self._send(
            {"start": process.name, "argv": [*self.way.drop, *argv], "environ": environ, "folder": self.paths["task"]},
            list(streams),
        )
        return process

    def run(
        self, argv: list[str], environ: dict[str, str], sent: bytes = b"", limit: float = ANSWER_LIMIT
    ) -> tuple[ProcessExit, bytes, str]:
        """Run a process to its end: how it ended, its output, its errors; killed after `limit` seconds."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            given.write(sent)
            given.seek(0)
            process = self.start(argv, environ, (given.fileno(), output.fileno(), errors.fileno()))
            try:
                ended = process.ended.result(limit)
            except concurrent.futures.TimeoutError:
                self.kill(process)
                ended = process.ended.result(ANSWER_LIMIT)._replace(why=f"no end after {limit:g} s")
            return ended, _all_of(output), ended.why or _all_of(errors).decode("utf-8", "replace")

    def kill(self, process: Process) -> None:
        """Kill a process and its group; its `ended` follows."""
        self._signal(process, signal.SIGKILL)

    def freeze(self, process: Process) -> None:
        """Give a process and its group no time any more."""
        self._signal(process, signal.SIGSTOP)

    def thaw(self, process: Process) -> None:
        """Let it go on."""
        self._signal(process, signal.SIGCONT)

    def peak(self, process: Process) -> int:
        """Largest resident size of a process so far, bytes; 0 if it has ended."""
        self._send({"peak": process.name}, [])
        answer = self._answers.get(timeout=ANSWER_LIMIT)
        if answer is None:
            raise CellFailed(f"the enclosure is gone: {self._last_words()}")
        return answer

    def _signal(self, process: Process, number: int) -> None:
        self._send({"signal": process.name, "number": number}, [])

    def close(self) -> None:
        """End the cell with everything in it; nothing of it is left."""
        self.listener.close()
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(OSError):  # it hung up first
            self._wire.shutdown(socket.SHUT_RDWR)
        try:
            self._cell.wait(ANSWER_LIMIT)
        except subprocess.TimeoutExpired:
            self._cell.kill()
            self._cell.wait()
        if hasattr(self, "_thread"):
            self._thread.join()
        self._wire.close()
        self._errors.close()

    def _set_up(self, plan: dict[str, Any]) -> tuple[socket.socket, dict[str, str], int]:
        try:
            self._wire.settimeout(SET_UP_LIMIT)
            self._wire.send(json.dumps(plan).encode())
            message, handles, _, _ = socket.recv_fds(self._wire, MAX_MESSAGE, 1)
            self._wire.settimeout(None)
        except OSError as error:
            raise CellFailed(self._last_words() or str(error)) from error
        said: dict[str, Any] = json.loads(message) if message else {"failed": self._last_words()}
        if "ready" not in said:
            raise CellFailed(said["failed"])
        return socket.socket(fileno=handles[0]), said["ready"], said["port"]

    def _send(self, command: dict[str, Any], handles: list[int]) -> None:
        try:
            socket.send_fds(self._wire, [json.dumps(command).encode()], handles)
        except OSError as error:
            raise CellFailed(f"the enclosure is gone: {self._last_words() or error}") from error

    def _receive(self) -> None:
        while True:
            try:
                message = self._wire.recv(MAX_MESSAGE)
            except OSError:
                message = b""
            if not message:
                break
            said = json.loads(message)
            if "ended" in said:
                ended = ProcessExit(said["status"], said["peak"], said.get("why", ""))
                self._processes.pop(said["ended"]).set_result(ended)
            else:
                self._answers.put(said["peak"])
        self._answers.put(None)
        for future in self._processes.values():
            future.set_result(ProcessExit(9, 0, "the enclosure ended"))

    def _last_words(self) -> str:
        """What the cell wrote to its standard error: a traceback, or why `unshare` gave up."""
        self._cell.poll()
        return _all_of(self._errors).decode("utf-8", "replace").strip()


def _all_of(stream: IO[bytes]) -> bytes:
    stream.seek(0, os.SEEK_SET)
    return stream.read()
