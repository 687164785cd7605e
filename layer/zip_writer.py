"""Reproducible zips: the bytes depend only on names and contents.

The pinned package `deflate` (libdeflate) compresses: zlib is another version on each system, and Apple's writes other
bytes. Entries are sorted and have the same date and mode; no file needs to be executable. Folders have no entries:
Lambda creates them, readable and searchable, when it unpacks the zip.
"""

import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import deflate

MODE = 0o100644  # a regular file, readable by all users: Lambda's user is not the owner
LEVEL = 9  # of libdeflate, 0 to 12: smaller than zlib's 9 in a third of its time
# APPNOTE.TXT 6.3.10 of the zip format: sections 4.3.7, 4.3.12 and 4.3.16.
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
VERSION, UTF_8, DEFLATED = 20, 0x800, 8
TIME, DATE = 0, 0x21  # 1980-01-01, the earliest date of the format
UNIX = 3 << 8  # the mode above is a Unix mode


def files_below(folder: Path, prefix: str) -> dict[str, Path]:
    """Return every file below `folder` as name in the zip -> file; the names begin with `prefix`."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {prefix + path.relative_to(folder).as_posix(): path for path in paths}


def write(target: Path, entries: Mapping[str, Path]) -> None:
    """Write the zip `target`; the file gets that name when it is complete.

    Args:
        target: path of the zip; its folder must exist.
        entries: name in the zip -> file.
    """
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            directory = b"".join(_add(file, name, entries[name]) for name in sorted(entries))
            place = file.tell()
            counts = struct.pack("<4HIIH", 0, 0, len(entries), len(entries), len(directory), place, 0)
            file.write(directory + END + counts)
        Path(scratch).chmod(0o644)  # mkstemp makes 0600, unreadable for other users
        Path(scratch).replace(target)
    finally:
        Path(scratch).unlink(missing_ok=True)


def _add(file: BinaryIO, name: str, path: Path) -> bytes:
    """Write an entry, and return its record for the directory at the end."""
    content, encoded, place = path.read_bytes(), name.encode(), file.tell()
    packed = deflate.deflate_compress(content, LEVEL)
    flags = 0 if name.isascii() else UTF_8
    checksum, sizes = zlib.crc32(content), (len(packed), len(content))
    common = struct.pack("<5H3I2H", VERSION, flags, DEFLATED, TIME, DATE, checksum, *sizes, len(encoded), 0)
    file.write(LOCAL + common + encoded + packed)
    rest = struct.pack("<3HII", 0, 0, 0, MODE << 16, place)  # comment, disk, internal attributes
    return CENTRAL + struct.pack("<H", VERSION | UNIX) + common + rest + encoded
