"""Lets ultralytics predict, validate and train where torchvision's compiled part does not load.

A torchvision wheel is linked against one build of torch; next to another build (CPU torch beside a CUDA torchvision,
for one) its operators are missing and ``import torchvision`` fails. Ultralytics needs one of them, ``nms``, and has its
own in plain torch. Where the real torchvision loads, nothing is replaced. Call ``install()`` before anything else
imports torchvision; ONNX export alone needs neither.
"""

import sys

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
