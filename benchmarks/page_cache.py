"""Page cache of the kernel: drop files from it, so that the next start reads them from the disk, and measure it."""

import ctypes
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield every file below the folders, without symbolic links."""
    for folder in folders:
        for parent, _, names in os.walk(folder):
            yield from (path for name in names if not (path := Path(parent, name)).is_symlink())


def flush() -> None:
    """Write all changes to the disk: the kernel does not drop pages that are not written yet."""
    os.sync()


def drop(folders: Iterable[Path]) -> None:
    """Ask the kernel to drop the files' contents; it keeps pages that a running process has mapped. Needs no root."""
    for path in files(folders):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def resident_share(folders: Iterable[Path]) -> float:
    """Return the share of the files' contents that is in the page cache, 0..1; 0 without files."""
    resident = pages = 0
    for path in files(folders):
        size = path.stat().st_size
        if size:
            states = _resident_pages(path, size)
            resident, pages = resident + sum(states), pages + len(states)
    return resident / pages if pages else 0.0


def _resident_pages(path: Path, size: int) -> list[bool]:
    """Return for each page of the file whether it is in the page cache."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as mapped:
        states = (ctypes.c_ubyte * -(-size // PAGE))()
        start = ctypes.c_char.from_buffer(mapped)
        failed = LIBC.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), states)
        del start  # the mapping cannot be closed while this exists
    if failed:
        raise OSError(ctypes.get_errno(), f"mincore {path}")
    return [bool(state & 1) for state in states]
