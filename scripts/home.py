"""Folders that the commands write to: environments and tools in `.envs/`, results of builds in `build/`.

Both are in the checkout; the variable YOLO_LAMBDA_HOME names another folder for them. Runs under any Python from 3.9
on, with the standard library alone.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "YOLO_LAMBDA_HOME"


class NotWritable(Exception):
    """A folder cannot be made or written to; the message names the variable that moves it."""


def environments() -> Path:
    """Return the folder of the virtual environments, the Pythons and the tools that the commands install."""
    moved = os.environ.get(VARIABLE, "").strip()
    return Path(moved).expanduser().absolute() if moved else ROOT / ".envs"


def build() -> Path:
    """Return the folder of caches and intermediate results."""
    return environments() / "cache" if os.environ.get(VARIABLE, "").strip() else ROOT / "build"


def make(folder: Path) -> Path:
    """Make a folder and its parents unless it exists, and return it.

    Raises:
        NotWritable: the folder cannot be made, or nothing can be written to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritable(f"{folder} cannot be made ({error.strerror}): {_hint()}") from error
    if not os.access(folder, os.W_OK):
        raise NotWritable(f"{folder} is not writable: {_hint()}")
    return folder


def _hint() -> str:
    if os.environ.get(VARIABLE, "").strip():
        return f"{VARIABLE} must name a folder that you can write to"
    return f"set {VARIABLE} to a folder that you can write to, such as {VARIABLE}=~/yolo-lambda"
