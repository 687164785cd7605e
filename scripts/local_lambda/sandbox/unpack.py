"""A zip onto a folder as Lambda does it: modes from the archive, links kept, folders made readable."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

FOLDER_MODE = 0o755  # Lambda sets it on folders that lack permissions; AWS, dg/python-package
FILE_MODE = 0o644  # for archives that carry no modes


def unpack(archive: BinaryIO, folder: Path) -> None:
    """Extract every entry of the archive below the folder, which is made.

    A file that others may not read stays so, as on Lambda, where its import then fails.

    Raises:
        ValueError: an entry would land outside the folder.
        zipfile.BadZipFile: it is no zip, or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            _place(opened, entry, folder)


def _place(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    if entry.filename.startswith("/") or ".." in Path(entry.filename).parts:
        raise ValueError(f"{opened.filename} holds {entry.filename!r}, which is outside its folder")
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
    """Take the write permission off everything below the folder, and off itself."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def unlock(folder: Path) -> None:
    """Give the owner back the right to delete what `lock` locked; a folder that is not there is fine."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
