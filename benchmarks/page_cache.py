"""The page cache: files put out of memory, so that the next start reads them from the disk, and how much is in it."""

import ctypes
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every file below the folders, no links."""
    for folder in folders:
        for parent, _, names in os.walk(folder):
            yield from (path for name in names if not (path := Path(parent, name)).is_symlink())


def settle() -> None:
    """Write to the disk what is not there yet: until then the kernel forgets nothing of it."""
    os.sync()


def drop(folders: Iterable[Path]) -> None:
    """Ask the kernel to forget the files' contents; it keeps what a running process has mapped. Needs no rights."""
    for path in files(folders):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def resident_share(folders: Iterable[Path]) -> float:
    """How much of the files' contents is in memory, 0..1; 0 for no files."""
    held = pages = 0
    for path in files(folders):
        size = path.stat().st_size
        if size:
            in_memory = _in_memory(path, size)
            held, pages = held + sum(in_memory), pages + len(in_memory)
    return held / pages if pages else 0.0


def _in_memory(path: Path, size: int) -> list[bool]:
    """For each page of the file, whether it is there."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as mapped:
        states = (ctypes.c_ubyte * -(-size // PAGE))()
        start = ctypes.c_char.from_buffer(mapped)
        failed = LIBC.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), states)
        del start  # or the mapping could not be closed
    if failed:
        raise OSError(ctypes.get_errno(), f"mincore {path}")
    return [bool(state & 1) for state in states]
