"""Ultralytics without a network, without a settings file of the user's, and with torchvision or its stand-in."""

import os
import tempfile
from typing import Any

from export.torchvision_shim import install


def yolo(weights: str) -> Any:
    """An ultralytics model from a checkpoint or from an architecture file.

    Ultralytics reads the environment when it is first imported, hence the import in here.
    """
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics-"))
    install()
    from ultralytics import YOLO

    return YOLO(weights)
