"""Networks with seeded random weights that detect many objects; for the export environment.

With plain random weights all anchors have nearly equal scores. Here BatchNorm has the statistics of real activations,
and the last convolutions are scaled so that scores, boxes, masks, keypoints and angles vary.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from function.preprocess import image, letterbox
from tests.matrix.cells import IMAGES, Cell

P2_STRIDE = 4  # px
IMGSZ = 160  # px; ultralytics rounds it up to the stride
MAX_PIXELS = 10_000_000
WIDTH = 0.125  # of the full architecture, if it has scales; scale n of ultralytics is 0.25
EMBEDDING = 512  # numbers of a text embedding
NAMES = {0: "gauge", 1: "clock", 2: "valve"}
SPREAD = {  # branch of a head -> mean and standard deviation of its output
    "cv3": (-1.0, 0.7),  # scores
    "cv2": (0.0, 1.0),  # sides of boxes, in bins
    "cv4": (0.0, 1.0),  # mask coefficients, keypoints or angles
    "cv5": (0.0, 1.0),
}
MAX_DISTANCE = 6.0  # of an output from its mean
SIDES_OF_P2 = (3.0, 0.7)  # of a head with a stride of 4, whose boxes would otherwise have no area
SIDES = (2.0, 1.0)  # mean and standard deviation of sides in strides, for heads without bins


def build(cell: Cell, folder: Path) -> Path:
    """Write the weights of a cell in the format of the best.pt of ultralytics' trainer, and return their path."""
    import torch
    from ultralytics import __version__

    torch.manual_seed(0)
    net = _network(cell)
    batches = _images(cell.stride)
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
        "semantic": tasks.SemanticSegmentationModel,
        "depth": tasks.DepthModel,
    }
    kind = tasks.RTDETRDetectionModel if cell.stretches else kinds[cell.task]
    if cell.generation.startswith("YOLO-World"):
        kind = tasks.WorldModel
    if cell.generation.startswith("YOLOE"):
        kind = tasks.YOLOESegModel if cell.task == "segment" else tasks.YOLOEModel
    config = tasks.yaml_model_load(cell.architecture)
    scale = config.get("scale")
    if scale == "n" and cell.generation != "12":  # its attention needs multiples of 32 channels
        depth, _, max_channels = config["scales"][scale]
        config["scales"] = {scale: [depth, WIDTH, max_channels]}
    net = kind(config, ch=3, nc=len(NAMES), verbose=False)
    if cell.generation.startswith("YOLO-World"):
        net.txt_feats = _embeddings()
    if cell.generation.startswith("YOLOE"):
        net.eval().set_classes(list(NAMES.values()), _embeddings())
    return net


def _embeddings() -> Any:
    """Return random unit vectors in place of those of a text encoder, (1, classes, EMBEDDING)."""
    import torch

    return torch.nn.functional.normalize(torch.randn(1, len(NAMES), EMBEDDING), dim=-1)


def _images(stride: int) -> list[Any]:
    """Return the images of the comparison, as rectangles and as squares, so that no score saturates on them."""
    import torch

    batches = []
    for rectangular in (True, False):
        tensors = []
        for path in IMAGES:
            decoded = image.read(path.read_bytes(), MAX_PIXELS)
            geometry = letterbox.fit(decoded.size, (-(-IMGSZ // stride) * stride,) * 2, stride, rectangular)
            tensors.append(letterbox.to_tensor(np.asarray(decoded), geometry))
        same = len({tensor.shape for tensor in tensors}) == 1  # both give the same rectangle at a stride of 32
        batches += map(torch.from_numpy, [np.concatenate(tensors)] if same else tensors)
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
    """Scale the last layer of every branch by the distribution of its output."""
    layers = list(_last_layers(net.model[-1]))
    outputs: list[list[Any]] = [[] for _ in layers]
    hooks = [
        layer.register_forward_hook(lambda _module, _input, output, values=values: values.append(output.flatten()))
        for (layer, _), values in zip(layers, outputs, strict=True)
    ]
    for batch in batches:
        net(batch)
    for hook in hooks:
        hook.remove()
    for (layer, (mean, deviation)), values in zip(layers, outputs, strict=True):
        if values:  # in RT-DETR's decoder only the last layer computes scores
            _scale(layer, values, mean, deviation)


def _last_layers(head: Any) -> Iterator[tuple[Any, tuple[float, float]]]:
    """Yield the last layer of each branch of a head, with the mean and standard deviation of its future output."""
    import torch

    for name, spread in SPREAD.items():
        mean, deviation = spread
        if name == "cv2" and getattr(head, "reg_max", 0) == 1:
            mean, deviation = SIDES_OF_P2 if head.stride[0] == P2_STRIDE else SIDES
        for prefix, factor in (("", 1.0), ("one2one_", 0.7)):
            branches = getattr(head, prefix + name, None)
            for branch in branches if isinstance(branches, torch.nn.ModuleList) else []:
                convolutions = [module for module in branch.modules() if isinstance(module, torch.nn.Conv2d)]
                if convolutions:  # of an open-vocabulary model, one branch compares embeddings
                    yield convolutions[-1], (mean, factor * deviation)
                elif hasattr(branch, "logit_scale"):
                    branch.bias.data.fill_(mean)
    if hasattr(head, "classifier"):  # logits of pixels
        yield head.classifier[-1], (0.0, 1.0)
    if hasattr(head, "cal_a"):  # logarithms of distances
        yield head.head[-1], (0.2, 0.1)  # 16 bits of a map are too few for a wide range
    for layer in [*getattr(head, "dec_score_head", []), *([head.linear] if hasattr(head, "linear") else [])]:
        yield layer, (-1.0, 2.0)


def _scale(layer: Any, outputs: list[Any], mean: float, deviation: float) -> None:
    import torch

    values = torch.cat(outputs)
    # Limit outliers: several scores of 1 would be equal.
    factor = min(deviation / values.std(), MAX_DISTANCE / (values - values.mean()).abs().max())
    layer.weight.data.mul_(factor)
    if layer.bias is not None:
        layer.bias.data.sub_(values.mean()).mul_(factor).add_(mean)
