"""Extraction of a zip as Lambda does it: file modes from the archive, symbolic links kept."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o644  # for archives without file modes


def unpack(archive: BinaryIO, folder: Path) -> None:
    """Extract every entry of the archive into the folder, which is created.

    A file that others may not read keeps its mode, as on Lambda, where its import then fails.

    Raises:
        ValueError: an entry has a path outside the folder.
        zipfile.BadZipFile: the archive is not a zip, or is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            _extract(opened, entry, folder)


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    if entry.filename.startswith("/") or ".." in Path(entry.filename).parts:
        raise ValueError(f"{opened.filename}: entry {entry.filename!r} is outside the folder")
    path = folder / entry.filename
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        path.symlink_to(opened.read(entry).decode())
        return
    path.write_bytes(opened.read(entry))
    path.chmod(stat.S_IMODE(mode) or FILE_MODE)


def lock(folder: Path) -> None:
    """Remove the write permission from the folder and everything below it."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def unlock(folder: Path) -> None:
    """Restore the permission of the owner to delete what `lock` locked; the folder may be missing."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
