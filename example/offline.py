"""Ultralytics without a network, without a settings file of the user's, and with torchvision or its stand-in."""

import os
import tempfile
from pathlib import Path
from typing import Any

from export.ultralytics_setup import install


def yolo(weights: str) -> Any:
    """An ultralytics model from a checkpoint or from an architecture file."""
    _prepare()
    from ultralytics import YOLO

    return YOLO(weights)


def checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint of ours holds; unpickling it imports ultralytics."""
    _prepare()
    import torch

    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return content


def _prepare() -> None:
    """Ultralytics reads the environment when it is first imported: this comes before."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics-"))
    install()
