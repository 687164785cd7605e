"""Task of a .pt, read from the names in its pickle; nothing is unpickled, and no torch is needed.

It serves to refuse the wrong file before a long export. What it cannot tell, the export tells.
"""

from __future__ import annotations

import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MAX_PICKLE = 64 * 1024**2  # bytes; that of yolov8x has 0.3 MB
TASKS = {  # class of the network in ultralytics.nn.tasks -> task
    "DetectionModel": "detect",
    "SegmentationModel": "segment",
    "PoseModel": "pose",
    "OBBModel": "obb",
    "ClassificationModel": "classify",
    "SemanticSegmentationModel": "semantic",
    "DepthModel": "depth",
}
MODULE = "ultralytics.nn.tasks"
BETWEEN = ("BINPUT", "LONG_BINPUT", "MEMOIZE", "EMPTY_LIST", "MARK")  # opcodes between a key and the list of numbers


class Declared(NamedTuple):
    """What the pickle names.

    Attributes:
        task: detect, segment, pose, obb or classify; None: another network, or a form that is not known here.
        points: keypoints of a pose model; None: not known.
    """

    task: str | None = None
    points: int | None = None


def read(path: Path) -> Declared:
    """Return what a .pt names; nothing for a file of another form."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            if archive.getinfo(name).file_size > MAX_PICKLE:
                return Declared()
            return _declared(archive.read(name))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, StopIteration):
        return Declared()
    except ValueError:  # of pickletools: not a pickle
        return Declared()


def _declared(content: bytes) -> Declared:
    task = points = None
    operations = ((operation.name, argument) for operation, argument, _ in pickletools.genops(content))
    for name, argument in operations:
        if name == "GLOBAL" and task is None:
            module, _, kind = str(argument).partition(" ")
            task = TASKS.get(kind) if module == MODULE else None
        elif argument == "kpt_shape" and points is None:
            points = _next_number(operations)
        if task not in (None, "pose") or (task and points):
            break
    return Declared(task, points if task == "pose" else None)


def _next_number(operations: Iterator[tuple[str, Any]]) -> int | None:
    """Return the number that follows, the first one of a list; None if something else follows."""
    name, argument = next((pair for pair in operations if pair[0] not in BETWEEN), ("", None))
    return argument if name.startswith("BININT") else None
