"""Log of the function: a pipe that is read continuously, passed on line by line and kept per invocation."""

from __future__ import annotations

import codecs
import os
import select
import threading
from collections.abc import Callable

CHUNK = 1 << 16  # bytes, a full pipe


class LogPipe:
    """Pipe for standard output and standard error of a process.

    Attributes:
        handle: file descriptor of the write end.
    """

    def __init__(self, sink: Callable[[str], None]) -> None:
        """Start reading.

        Args:
            sink: called with each line, without its line ending, from another thread.
        """
        self._reading, self.handle = os.pipe()
        os.set_blocking(self._reading, False)
        self._sink = sink
        self._lock = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""
        self._open_line = ""
        self._closing = False
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def take(self) -> str:
        """Return everything written since the last call, including all that a process wrote before its last message."""
        with self._lock:
            self._read()
            kept, self._kept = self._kept, ""
        return kept

    def close(self) -> None:
        """Stop reading; the last line is passed on even if it is incomplete."""
        self._closing = True
        os.close(self.handle)
        self._thread.join()
        with self._lock:
            self._read()
            if self._open_line:
                self._sink(self._open_line)
        os.close(self._reading)

    def _follow(self) -> None:
        while not self._closing:
            if select.select([self._reading], [], [], 0.05)[0]:
                with self._lock:
                    if not self._read():
                        return

    def _read(self) -> bool:
        """Read all that is in the pipe. Return False once every write end is closed."""
        while True:
            try:
                data = os.read(self._reading, CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            # The runtime client ends the lines within one log event with a carriage return, and indents with U+00A0.
            text = self._decoder.decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
            self._kept += text
            *lines, self._open_line = (self._open_line + text).split("\n")
            for line in lines:
                self._sink(line)
