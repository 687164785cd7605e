"""Ultralytics as a library: no network, no installing, no settings left behind, and only its warnings shown.

`prepare` comes before anything that imports ultralytics, torch or onnxruntime: they read these variables while they
are imported.
"""

import atexit
import logging
import os
import shutil
import sys
import tempfile
import warnings

VARIABLES = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ORT_DISABLE_TELEMETRY": "1",
}
# Reads a .pt with torch's weights_only and a list of known classes instead of unpickling whatever it names.
SAFE_LOAD = "ULTRALYTICS_SAFE_LOAD"


def prepare() -> None:
    """Sets the process up; a user's own ULTRALYTICS_SAFE_LOAD and YOLO_CONFIG_DIR stay as they are."""
    os.environ.update(VARIABLES)
    os.environ.setdefault(SAFE_LOAD, "true")
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="yolo-config-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["YOLO_CONFIG_DIR"] = folder
    # torch announces the end of the exporter that ultralytics 8.4.190 calls; the version is pinned.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch\.onnx|ultralytics\.utils\.export")
    warnings.filterwarnings("ignore", message="Constant folding - Only steps=1 can be constant folded")  # onnxslim does
    # RT-DETR picks queries by index; none is negative, and what comes out is compared.
    warnings.filterwarnings("ignore", message="Exporting aten::index operator of advanced indexing")
    _hush()


def _hush() -> None:
    from ultralytics.utils import LOGGER

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("    ultralytics: %(message)s"))
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.WARNING)
