"""Images to calibrate and to compare with: those of a user's folder, and the samples of the example.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from export.errors import UsageError

SAMPLES = Path(__file__).resolve().parent.parent / "example" / "samples"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")  # those the function reads
MIN_IMAGES = 8  # six to calibrate, two to compare; a result from fewer says nothing
MAX_IMAGES = 400  # evenly chosen from more; each is run at least three times
HELD_OUT = 4  # every fourth image only compares


class Split(NamedTuple):
    """Images in the order of their names."""

    calibration: list[Path]
    held_out: list[Path]


def samples() -> Split:
    """Return the sample images of the example, all of them held out."""
    return Split([], sorted(SAMPLES.glob("*.jpg")))


def split(folder: Path) -> Split:
    """Return the images in a folder and below it, divided into calibration images and held-out images.

    Raises:
        UsageError: the folder does not exist, is a file, or has too few images.
    """
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"--data must be a folder of images, got {folder}, which {reason}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) < MIN_IMAGES:
        formats = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise UsageError(f"--data must hold at least {MIN_IMAGES} images ({formats}), got {len(paths)} in {folder}")
    count = min(len(paths), MAX_IMAGES)
    paths = [paths[number * len(paths) // count] for number in range(count)]
    held_out = paths[HELD_OUT - 1 :: HELD_OUT]
    return Split([path for path in paths if path not in set(held_out)], held_out)
