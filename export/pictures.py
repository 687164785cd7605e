"""The user's pictures: which of a folder are there, which are learned from and which only judge.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from export.errors import Refused

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")  # what function/image.py reads
MIN_PICTURES = 8  # six to learn ranges from, two to judge; a result from fewer says nothing
MAX_PICTURES = 400  # evenly chosen from more; each is run at least three times
HELD_OUT = 4  # every fourth only judges


class Split(NamedTuple):
    """Pictures in the order of their names."""

    learned: list[Path]
    held_out: list[Path]


def split(folder: Path) -> Split:
    """The pictures in a folder and below it.

    Raises:
        Refused: no folder, or too few pictures.
    """
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise Refused(f"--data {folder} {found}; wanted a folder of pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) < MIN_PICTURES:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise Refused(f"--data {folder} holds {len(paths)} pictures ({kinds}); wanted at least {MIN_PICTURES}")
    count = min(len(paths), MAX_PICTURES)
    paths = [paths[number * len(paths) // count] for number in range(count)]
    held_out = paths[HELD_OUT - 1 :: HELD_OUT]
    return Split([path for path in paths if path not in set(held_out)], held_out)
