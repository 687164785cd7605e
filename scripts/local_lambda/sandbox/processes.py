"""Processes of a cell, started, measured and ended on command; the other end of the socket is `Sandbox`.

Messages are JSON, one a packet, with the standard streams of a new process as handles beside it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

MAX_MESSAGE = 1 << 17  # bytes; the largest is a start command with its environment (Lambda: 4 KB)
END_WAIT = 5  # seconds for killed processes to be gone


class Processes:
    """The running processes and the socket that commands them."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def serve(self) -> None:
        """Take commands until the tool hangs up."""
        while True:
            message, handles, _, _ = socket.recv_fds(self._wire, MAX_MESSAGE, 3)
            if not message:
                return
            command = json.loads(message)
            if "start" in command:
                self._start(command, handles)
            elif "signal" in command:
                self._signal(command["signal"], command["number"])
            else:
                self._say({"peak": self._peak(command["peak"])})

    def end_all(self) -> None:
        """Kill what still runs, and see it gone."""
        for name in list(self._running):
            self._signal(name, signal.SIGKILL)
        deadline = time.monotonic() + END_WAIT
        while self._running and time.monotonic() < deadline:
            time.sleep(0.005)

    def _start(self, command: dict[str, Any], handles: list[int]) -> None:
        """Start a process; its standard streams are the three handles that came along."""
        name = command["start"]
        try:
            process = subprocess.Popen(
                command["argv"], env=command["environ"], cwd=command["folder"], start_new_session=True,
                stdin=handles[0], stdout=handles[1], stderr=handles[2],
            )  # fmt: skip
        except OSError as error:
            self._say({"ended": name, "status": 127 << 8, "peak": 0, "why": str(error)})
            return
        finally:
            for handle in handles:
                os.close(handle)
        with self._lock:
            self._running[name] = process
        threading.Thread(target=self._wait, args=(name, process.pid), daemon=True).start()

    def _wait(self, name: int, pid: int) -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it keeps its pid until it is reaped below
        with self._lock:
            _signal_group(pid, signal.SIGKILL)  # what it left behind
            _, status, used = os.wait4(pid, 0)
            self._running.pop(name).returncode = status  # known: `Popen` need not wait for it
        self._say({"ended": name, "status": status, "peak": used.ru_maxrss * 1024})

    def _signal(self, name: int, number: int) -> None:
        with self._lock:  # while it is held nothing is reaped, so the pid cannot be another's
            if name in self._running:
                _signal_group(self._running[name].pid, number)

    def _peak(self, name: int) -> int:
        """Largest resident size of a running process so far, bytes; 0 if it has ended."""
        with self._lock:
            if name not in self._running:
                return 0
            lines = Path(f"/proc/{self._running[name].pid}/status").read_bytes().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"VmHWM:")), 0)

    def _say(self, message: dict[str, Any]) -> None:
        with self._lock:
            try:
                self._wire.send(json.dumps(message).encode())
            except ConnectionError:  # the tool is gone; `serve` sees it too and ends
                return


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
