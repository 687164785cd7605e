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


_OPERATORS = ("nms", "qnms")  # what torchvision 0.28.0 registers shapes for while it is imported
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_libraries: list[object] = []  # operators live as long as their Library object


def install() -> None:
    """Makes ``import torchvision`` work: the real one where it loads, else with ``nms`` from ultralytics.

    Calling it again does nothing.

    Raises:
        ImportError: torchvision is not installed, or does not load even with its operators defined.
    """
    if not _libraries and not _real_loads():
        _define_operators()


def _real_loads() -> bool:
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:  # torch's answer to a missing operator
        if "torchvision::" not in str(error):
            raise
        _forget_half_import()
        return False
    return True


def _forget_half_import() -> None:
    """A failed import leaves submodules behind; a second import would reuse them in their half-made state."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def _define_operators() -> None:
    from torch.library import Library

    library = Library("torchvision", "DEF")
    for operator in _OPERATORS:
        library.define(operator + _SCHEMA)
    library.impl("nms", _nms, "CPU")
    _libraries.append(library)
    import torchvision

    torchvision.extension._has_ops = lambda: True


def _nms(dets, scores, iou_threshold):  # type: ignore[no-untyped-def]  # a torch kernel: called by the dispatcher
    import torch
    from ultralytics.utils.nms import TorchNMS

    # torchvision sorts equal scores stably and TorchNMS does not: it gets the boxes in order, with a rank as the score.
    order = scores.argsort(descending=True, stable=True)
    rank = torch.arange(len(order), 0, -1, dtype=torch.float32)
    return order[TorchNMS.nms(dets[order], rank, iou_threshold)]
