"""Networks with random, seeded weights that find many things: runs in the export environment.

Plain random weights score every anchor alike. Here the statistics of BatchNorm are those of real activations, and the
last convolutions are scaled so that scores, boxes, masks, keypoints and angles are spread.
"""

from pathlib import Path
from typing import Any

import numpy as np

from function import image, letterbox
from tests.matrix.cells import PICTURES, Cell

IMGSZ = 160  # px
MAX_PIXELS = 10_000_000
WIDTH = 0.125  # of the full architecture, where it has scales; ultralytics' n is 0.25
NAMES = {0: "gauge", 1: "clock", 2: "valve"}
SPREAD = {  # the branch of a head -> the mean and the deviation that its output gets
    "cv3": (-3.0, 1.5),  # scores
    "cv2": (0.0, 1.0),  # sides of boxes, in bins
    "cv4": (0.0, 1.0),  # mask coefficients, keypoints or angles
    "cv5": (0.0, 1.0),
}
SIDES = (2.0, 1.0)  # mean and deviation of sides that are no bins, in strides


def build(cell: Cell, folder: Path) -> Path:
    """Writes the weights of a cell, as ultralytics' trainer saves best.pt, and returns their path."""
    import torch
    from ultralytics import __version__

    torch.manual_seed(0)
    net = _network(cell)
    pictures = _pictures()
    _normalise(net, pictures)
    with torch.no_grad():
        _spread(net, pictures)
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
    if scale == "n":
        depth, _, most = config["scales"][scale]
        config["scales"] = {scale: [depth, WIDTH, most]}
    return kind(config, ch=3, nc=len(NAMES), verbose=False)


def _pictures() -> Any:
    """(P, 3, IMGSZ, IMGSZ) float32, 0..1: the pictures that are compared, so that no score saturates on them."""
    import torch

    painted = []
    for path in PICTURES:
        picture = image.read(path.read_bytes(), MAX_PIXELS)
        box = letterbox.fit(picture.size, (IMGSZ, IMGSZ), 32, rectangular=False)
        painted.append(letterbox.paint(np.asarray(picture), box))
    return torch.from_numpy(np.concatenate(painted))


def _normalise(net: Any, pictures: Any) -> None:
    """Gives every BatchNorm the statistics of real activations."""
    import torch

    net.eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
            module.momentum = None
    with torch.no_grad():
        net(pictures)
    net.eval()


def _spread(net: Any, pictures: Any) -> None:
    """Scales the last layer of every branch while one batch passes."""
    import torch

    head = net.model[-1]
    hooks = []
    for name, (mean, deviation) in SPREAD.items():
        plain_sides = name == "cv2" and getattr(head, "reg_max", 0) == 1
        wanted = SIDES if plain_sides else (mean, deviation)
        for prefix, factor in (("", 1.0), ("one2one_", 0.7)):
            branches = getattr(head, prefix + name, None)
            for branch in branches if isinstance(branches, torch.nn.ModuleList) else []:
                last = [module for module in branch.modules() if isinstance(module, torch.nn.Conv2d)][-1]
                hooks.append(last.register_forward_hook(_scaler(wanted[0], factor * wanted[1])))
    plain = [*getattr(head, "dec_score_head", []), *([head.linear] if hasattr(head, "linear") else [])]
    hooks += [layer.register_forward_hook(_scaler(-1.0, 2.0)) for layer in plain]
    net(pictures)
    for hook in hooks:
        hook.remove()


def _scaler(mean: float, deviation: float) -> Any:
    """Changes a layer by what it gives, and lets the rest of the pass see the change."""

    def scale(module: Any, _: Any, output: Any) -> Any:
        factor = deviation / output.std()
        module.weight.data.mul_(factor)
        if module.bias is not None:
            module.bias.data.fill_(mean)
            return (output - output.mean()) * factor + mean
        return output * factor

    return scale
