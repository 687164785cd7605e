"""Ultralytics as a library: no network, no installing, no settings left behind, and a torchvision that always loads.

`prepare` has to run before anything that imports ultralytics, torch or onnxruntime: they read these variables while
they are imported.

`patch_torchvision` lets ultralytics predict, validate and train where torchvision's compiled part does not load. A
torchvision wheel is linked against one build of torch; next to another build (a CPU torch with a CUDA torchvision, for
example) its operators are missing and ``import torchvision`` fails. Ultralytics needs one of them, ``nms``, and has its
own in plain torch. ONNX export alone needs neither. Only the standard library is imported here, so that the file can
be copied and used alone.
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
# Loads a .pt with torch's weights_only and a list of known classes instead of unpickling every class that it names.
SAFE_LOAD = "ULTRALYTICS_SAFE_LOAD"

_OPERATORS = ("nms", "qnms")  # those that torchvision 0.28.0 registers shapes for while it is imported
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_libraries: list[object] = []  # operators live as long as their Library object


def prepare() -> None:
    """Set variables, warnings and logging of this process.

    ULTRALYTICS_SAFE_LOAD and YOLO_CONFIG_DIR keep the values that the user has set.
    """
    os.environ.update(VARIABLES)
    os.environ.setdefault(SAFE_LOAD, "true")
    use_temporary_settings()
    # torch announces the end of the exporter that ultralytics 8.4.190 calls; the version is pinned.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"torch\.onnx|ultralytics\.utils\.export")
    warnings.filterwarnings("ignore", message="Constant folding - Only steps=1 can be constant folded")  # onnxslim does
    # RT-DETR selects queries by index; none is negative, and the outputs are compared.
    warnings.filterwarnings("ignore", message="Exporting aten::index operator of advanced indexing")
    _log_only_warnings()


def use_temporary_settings() -> None:
    """Keep the settings file of ultralytics in a folder that goes with the process, unless YOLO_CONFIG_DIR is set."""
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="yolo-config-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["YOLO_CONFIG_DIR"] = folder


def _log_only_warnings() -> None:
    from ultralytics.utils import LOGGER

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("    ultralytics: %(message)s"))
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.WARNING)


def patch_torchvision() -> None:
    """Make ``import torchvision`` work: the real one where it loads, else with ``nms`` from ultralytics.

    Call it before anything else imports torchvision. A second call does nothing.

    Raises:
        ImportError: torchvision is not installed, or does not load even with its operators defined.
    """
    if not _libraries and not _loads_unpatched():
        _define_operators()


def _loads_unpatched() -> bool:
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:  # torch's error for a missing operator
        if "torchvision::" not in str(error):
            raise
        _remove_partial_import()
        return False
    return True


def _remove_partial_import() -> None:
    """Remove the submodules of a failed import; a second import would use them in their partial state."""
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
