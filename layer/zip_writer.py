"""Reproducible zips: the bytes depend only on names and contents, and on the version of zlib that Python is linked to.

Entries are sorted and have the same date and mode; no file needs to be executable. Folders have no entries: Lambda
creates them, readable and searchable, when it unpacks the zip.
"""

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date of the zip format
UNIX = 3  # create_system: the mode below is a Unix mode
MODE = 0o100644  # a regular file, readable by all users: Lambda's user is not the owner
LEVEL = 9  # of deflate: the smallest files


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
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(entries):
                _add(archive, name, entries[name])
        Path(scratch).chmod(0o644)  # mkstemp makes 0600, unreadable for other users
        Path(scratch).replace(target)
    finally:
        Path(scratch).unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    info = zipfile.ZipInfo(name, DATE)
    info.create_system = UNIX
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = MODE << 16
    archive.writestr(info, path.read_bytes(), compresslevel=LEVEL)
