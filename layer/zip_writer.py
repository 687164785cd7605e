"""Zips whose bytes depend on nothing but names and contents (and on the version of zlib that Python is linked to).

Entries are sorted, all of one date and one mode: Lambda imports and loads, it executes nothing of ours. Folders have no
entry of their own; Lambda makes them, readable and searchable, as it unpacks.
"""

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
UNIX = 3  # create_system: the permissions below are Unix's
MODE = 0o100644  # a regular file that everyone may read; Lambda's user is not its owner
LEVEL = 9  # deflate's best


def files_below(folder: Path, prefix: str) -> dict[str, Path]:
    """Name in the zip -> file, for every file below `folder`; the names start with `prefix`."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {prefix + path.relative_to(folder).as_posix(): path for path in paths}


def write(target: Path, entries: Mapping[str, Path]) -> None:
    """Writes the zip `target`; until it is whole, nothing is there under that name.

    Args:
        target: the zip's path; its folder exists.
        entries: name in the zip -> file.
    """
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(entries):
                _add(archive, name, entries[name])
        Path(scratch).chmod(0o644)  # mkstemp's 0600 would keep it from other users
        Path(scratch).replace(target)
    finally:
        Path(scratch).unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    info = zipfile.ZipInfo(name, DATE)
    info.create_system = UNIX
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = MODE << 16
    archive.writestr(info, path.read_bytes(), compresslevel=LEVEL)
