"""Processes of a sandbox, started, measured and ended on command; `Sandbox` is at the other end of the socket.

Messages are JSON, one per packet. A start command carries the standard streams of the process as file descriptors.
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
END_WAIT = 5  # seconds until killed processes must have ended


class Processes:
    """Running processes, and the socket that receives the commands."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def serve(self) -> None:
        """Execute commands until the parent closes the connection."""
        while True:
            message, handles, _, _ = socket.recv_fds(self._connection, MAX_MESSAGE, 3)
            if not message:
                return
            command = json.loads(message)
            if "start" in command:
                self._start(command, handles)
            elif "signal" in command:
                self._signal(command["signal"], command["number"])
            else:
                self._send({"peak": self._peak(command["peak"])})

    def end_all(self) -> None:
        """Kill all running processes and wait until they have ended."""
        for name in list(self._running):
            self._signal(name, signal.SIGKILL)
        deadline = time.monotonic() + END_WAIT
        while self._running and time.monotonic() < deadline:
            time.sleep(0.005)

    def _start(self, command: dict[str, Any], handles: list[int]) -> None:
        """Start a process; its standard streams are the three file descriptors of the message."""
        name = command["start"]
        try:
            process = subprocess.Popen(
                command["argv"], env=command["environ"], cwd=command["folder"], start_new_session=True,
                stdin=handles[0], stdout=handles[1], stderr=handles[2],
            )  # fmt: skip
        except OSError as error:
            self._send({"ended": name, "status": 127 << 8, "peak": 0, "reason": str(error)})
            return
        finally:
            for handle in handles:
                os.close(handle)
        with self._lock:
            self._running[name] = process
        threading.Thread(target=self._wait, args=(name, process.pid), daemon=True).start()

    def _wait(self, name: int, pid: int) -> None:
        """Wait until a process ends, kill the rest of its group, and send its status and peak memory."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # the pid stays reserved until it is reaped below
        with self._lock:
            _signal_group(pid, signal.SIGKILL)  # child processes that still run
            _, status, used = os.wait4(pid, 0)
            self._running.pop(name).returncode = status  # so that `Popen` does not wait for it
        self._send({"ended": name, "status": status, "peak": used.ru_maxrss * 1024})

    def _signal(self, name: int, number: int) -> None:
        with self._lock:  # no process is reaped while the lock is held, so the pid cannot belong to another process
            if name in self._running:
                _signal_group(self._running[name].pid, number)

    def _peak(self, name: int) -> int:
        """Return the peak resident memory of a running process so far in bytes; 0 if it has ended."""
        with self._lock:
            if name not in self._running:
                return 0
            lines = Path(f"/proc/{self._running[name].pid}/status").read_bytes().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"VmHWM:")), 0)

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            try:
                self._connection.send(json.dumps(message).encode())
            except ConnectionError:  # the parent ended; `serve` notices it too and returns
                return


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
