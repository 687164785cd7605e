"""Networks with random, seeded weights that find many things: runs in the export environment.

Plain random weights score every anchor alike. Here the statistics of BatchNorm are those of real activations, and the
last convolutions are scaled so that scores, boxes, masks, keypoints and angles are spread.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from function.preprocess import image, letterbox
from tests.matrix.cells import PICTURES, Cell

IMGSZ = 160  # px
MAX_PIXELS = 10_000_000
WIDTH = 0.125  # of the full architecture, where it has scales; ultralytics' n is 0.25
NAMES = {0: "gauge", 1: "clock", 2: "valve"}
SPREAD = {  # the branch of a head -> the mean and the deviation that its output gets
    "cv3": (-1.0, 0.7),  # scores
    "cv2": (0.0, 1.0),  # sides of boxes, in bins
    "cv4": (0.0, 1.0),  # mask coefficients, keypoints or angles
    "cv5": (0.0, 1.0),
}
MOST = 6.0  # an output's distance from its mean
SIDES = (2.0, 1.0)  # mean and deviation of sides that are no bins, in strides


def build(cell: Cell, folder: Path) -> Path:
    """Writes the weights of a cell, as ultralytics' trainer saves best.pt, and returns their path."""
    import torch
    from ultralytics import __version__

    torch.manual_seed(0)
    net = _network(cell)
    batches = _pictures()
    with torch.no_grad():
        _normalize(net, batches)
        _spread(net, batches)
    net.names = NAMES
    net.args = {"imgsz": IMGSZ, "task": cell.task}
    path = folder / f"{cell.generation}-{cell.task}.pt"
    torch.save({"model": None, "ema": net.half(), "train_args": net.args, "version": __version__}, path)
    return path


def _network(cell: Cell) -> Any:
    from ultralytics.nn import tasks

    kinds = {
        "detect": tasks.DetectionModel,
        "segment": tasks.SegmentationModel,
        "pose": tasks.PoseModel,
        "obb": tasks.OBBModel,
        "classify": tasks.ClassificationModel,
    }
    kind = tasks.RTDETRDetectionModel if cell.generation == "RT-DETR" else kinds[cell.task]
    config = tasks.yaml_model_load(cell.architecture)
    scale = config.get("scale")
    if scale == "n" and cell.generation != "12":  # whose attention takes multiples of 32 channels
        depth, _, most = config["scales"][scale]
        config["scales"] = {scale: [depth, WIDTH, most]}
    return kind(config, ch=3, nc=len(NAMES), verbose=False)


def _pictures() -> list[Any]:
    """The pictures that are compared, as rectangles and as squares, so that no score saturates on them."""
    import torch

    batches = []
    for rectangular in (True, False):
        tensors = []
        for path in PICTURES:
            picture = image.read(path.read_bytes(), MAX_PIXELS)
            box = letterbox.fit(picture.size, (IMGSZ, IMGSZ), 32, rectangular)
            tensors.append(letterbox.paint(np.asarray(picture), box))
        batches.append(torch.from_numpy(np.concatenate(tensors)))  # both pictures make one shape of rectangle
    return batches


def _normalize(net: Any, batches: list[Any]) -> None:
    """Gives every BatchNorm the statistics of real activations."""
    import torch

    net.eval()
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
        norm.train()
    for batch in batches:
        net(batch)
    net.eval()


def _spread(net: Any, batches: list[Any]) -> None:
    """Scales the last layer of every branch by what it gives."""
    wanted = list(_last_layers(net.model[-1]))
    outputs: list[list[Any]] = [[] for _ in wanted]
    hooks = [
        layer.register_forward_hook(lambda _module, _input, output, seen=seen: seen.append(output.flatten()))
        for (layer, _), seen in zip(wanted, outputs, strict=True)
    ]
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    for (layer, (mean, deviation)), seen in zip(wanted, outputs, strict=True):
        if seen:  # of RT-DETR's decoder only the last layer scores
            _scale(layer, seen, mean, deviation)


def _last_layers(head: Any) -> Iterator[tuple[Any, tuple[float, float]]]:
    """The last layer of each branch of a head, with the mean and the deviation that it is to give."""
    import torch

    for name, wanted in SPREAD.items():
        mean, deviation = SIDES if name == "cv2" and getattr(head, "reg_max", 0) == 1 else wanted
        for prefix, factor in (("", 1.0), ("one2one_", 0.7)):
            branches = getattr(head, prefix + name, None)
            for branch in branches if isinstance(branches, torch.nn.ModuleList) else []:
                convolutions = [module for module in branch.modules() if isinstance(module, torch.nn.Conv2d)]
                yield convolutions[-1], (mean, factor * deviation)
    for layer in [*getattr(head, "dec_score_head", []), *([head.linear] if hasattr(head, "linear") else [])]:
        yield layer, (-1.0, 2.0)


def _scale(layer: Any, outputs: list[Any], mean: float, deviation: float) -> None:
    import torch

    seen = torch.cat(outputs)
    # A few outliers must not reach a score of 1, where many would be equal.
    factor = min(deviation / seen.std(), MOST / (seen - seen.mean()).abs().max())
    layer.weight.data.mul_(factor)
    if layer.bias is not None:
        layer.bias.data.sub_(seen.mean()).mul_(factor).add_(mean)
