"""Ultralytics without network access, without the user's settings file, and with torchvision or its substitute."""

import os
from pathlib import Path
from typing import Any

from export.ultralytics_setup import patch_torchvision, use_temporary_settings


def load_yolo(weights: str) -> Any:
    """Return the ultralytics model of a checkpoint or of an architecture file."""
    _prepare()
    from ultralytics import YOLO

    return YOLO(weights)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint of this project; unpickling it imports ultralytics."""
    _prepare()
    import torch

    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return content


def _prepare() -> None:
    """Set the environment variables that ultralytics reads at its first import."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    use_temporary_settings()
    patch_torchvision()
