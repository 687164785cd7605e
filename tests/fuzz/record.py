"""The input that a process runs, in a file that outlives the process, and the number of inputs so far."""

import mmap
from pathlib import Path

from scripts.fuzz.process import HEADER

SIZE = 4 << 20  # longer inputs are cut


class Record:
    """Record of this process."""

    def __init__(self, path: Path) -> None:
        with path.open("wb+") as file:
            file.truncate(HEADER.size + SIZE)
            self._memory = mmap.mmap(file.fileno(), HEADER.size + SIZE)
        self._executions = 0

    def begin(self, data: bytes) -> None:
        """Write the input that is about to run."""
        size = min(len(data), SIZE)
        self._memory[HEADER.size : HEADER.size + size] = data[:size]
        HEADER.pack_into(self._memory, 0, self._executions, 1, size)

    def end(self) -> None:
        """Count the input."""
        self._executions += 1
        HEADER.pack_into(self._memory, 0, self._executions, 0, 0)
