"""Checkpoints as other versions, other repositories and other people save them.

`python -m tests.support.old_checkpoints FOLDER`, in the export environment, writes them.
"""

import argparse
import copy
import sys
import types
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from export import ultralytics_setup

NAMES = {0: "a", 1: "b"}
IMGSZ = 64  # pixels


def build(folder: Path) -> None:
    """Write every file that the tests name."""
    for name, (net, fields) in {**_usable(), **_names()}.items():
        save(net, folder / f"{name}.pt", **fields)
    save(fork_network()[0], folder / "yolov12-fork.pt", version="8.3.63")
    _other_repositories(folder)
    _refused(folder)


def network(**attributes: Any) -> Any:
    """Return a small detection network."""
    import torch
    from ultralytics.nn import tasks

    torch.manual_seed(0)
    config = tasks.yaml_model_load("yolov8n.yaml")
    config["scales"] = {"n": [0.33, 0.05, 256]}
    net = tasks.DetectionModel(config, ch=3, nc=len(NAMES), verbose=False)
    net.names, net.args = NAMES, {"imgsz": IMGSZ, "task": "detect"}
    for name, value in attributes.items():
        setattr(net, name, value)
    return net.half().eval()


def save(net: Any, path: Path, **fields: Any) -> None:
    """Save the network as Ultralytics 8.0 saves it."""
    import torch

    arguments = {"imgsz": IMGSZ, "task": "detect"}
    content = {"epoch": -1, "model": net, "ema": None, "train_args": arguments, "date": "2023-05-01", **fields}
    with renamed(_old_names() if path.stem.endswith("of-8.0") else {}):
        torch.save(content, path)


def _usable() -> dict[str, tuple[Any, dict[str, Any]]]:
    from ultralytics.utils import IterableSimpleNamespace
    from ultralytics.utils.loss import v8DetectionLoss
    from ultralytics.utils.metrics import DetMetrics

    with_loss = network(args=IterableSimpleNamespace(imgsz=IMGSZ, task="detect", box=7.5, cls=0.5, dfl=1.5))
    with_loss.criterion = v8DetectionLoss(with_loss)
    counts: defaultdict[str, list[int]] = defaultdict(list)
    counts["seen"].append(1)
    arrays = {"classes": np.array([1, 2]), "maps": np.float64(0.5), "flags": np.array([True]), "text": np.array(["x"])}
    arguments = {"imgsz": np.int64(IMGSZ), "task": "detect"}
    return {
        "loss-of-8.0": (with_loss, {}),
        "metrics-of-8.0": (network(), {"metrics": DetMetrics()}),
        "numpy-float32": (network(), {"best_fitness": np.float32(0.5)}),
        "numpy-arrays": (network(), {"train_results": arrays, "train_args": arguments}),
        "datetime": (network(), {"date": datetime(2023, 5, 1, 10, 20, 30)}),
        "namespace": (network(), {"train_args": argparse.Namespace(imgsz=IMGSZ, task="detect")}),
        "defaultdict": (network(), {"train_results": counts}),
        "paths": (network(), {"train_args": {"imgsz": IMGSZ, "data": Path("a/b.yaml"), "out": PureWindowsPath("c")}}),
        "deque-and-counter": (network(), {"history": deque([1, 2], 9), "counts": Counter("aab")}),
    }


def _names() -> dict[str, tuple[Any, dict[str, Any]]]:
    missing = network()
    del missing.names
    return {
        "names-list": (network(names=["a", "b"]), {}),
        "names-tuple": (network(names=("a", "b")), {}),
        "names-text-keys": (network(names={"0": "a", "1": "b"}), {}),
        "names-none": (network(names=None), {}),
        "names-missing": (missing, {}),
        "names-numpy": (network(names=np.array(["a", "b"])), {}),
    }


def _old_names() -> dict[Any, str]:
    from ultralytics.utils import IterableSimpleNamespace, loss, metrics, tal

    utils = "ultralytics.yolo.utils"
    return {
        loss.v8DetectionLoss: f"{utils}.loss",
        loss.BboxLoss: f"{utils}.loss",
        loss.DFLoss: f"{utils}.loss",
        tal.TaskAlignedAssigner: f"{utils}.tal",
        metrics.DetMetrics: f"{utils}.metrics",
        metrics.Metric: f"{utils}.metrics",
        IterableSimpleNamespace: utils,
    }


@contextmanager
def renamed(modules: dict[Any, str]) -> Iterator[None]:
    """Let classes be pickled under the names of other modules."""
    before = {one: one.__module__ for one in modules}
    added = []
    for one, module in modules.items():
        one.__module__ = module
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name not in sys.modules:
                sys.modules[name] = types.ModuleType(name)
                added.append(name)
        if not hasattr(sys.modules[module], one.__name__):
            setattr(sys.modules[module], one.__name__, one)
    yield
    for one, module in before.items():
        one.__module__ = module
    for name in added:
        del sys.modules[name]


def _layer(name: str) -> Any:
    """Return a new class of a layer."""
    import torch

    return type(name, (torch.nn.Module,), {"__module__": __name__})


def _other_repositories(folder: Path) -> None:
    import torch

    repositories = {
        "yolov5": [("DetectionModel", "models.yolo"), ("C3", "models.common")],
        "yolov7": [("Model", "models.yolo"), ("IDetect", "models.yolo"), ("MP", "models.common")],
        "yolov9": [("DetectionModel", "models.yolo"), ("RepNCSPELAN4", "models.common")],
        "yolov6": [("Model", "yolov6.models.yolo"), ("RepVGGBlock", "yolov6.layers.common")],
        "own-class": [("Head", "my_project.nets")],
        "installed-class": [("Thing", "onnx")],
    }
    for name, classes in repositories.items():
        layers = {_layer(attribute): module for attribute, module in classes}
        with renamed(layers):
            first, *others = (layer() for layer in layers)
            for number, other in enumerate(others):
                first.add_module(str(number), other)
            torch.save({"epoch": -1, "model": first, "ema": None}, folder / f"{name}.pt")
    weight = torch.zeros(1)
    torch.save({"start_epoch": 3, "model": {"head.cls_preds.0.weight": weight}}, folder / "yolox.pt")
    torch.save({"net": {"backbone.stem.weight": weight}, "acc": 0.5, "epoch": 3}, folder / "super-gradients.pt")


class _Command:
    """A value whose unpickling starts a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        import subprocess

        return subprocess.Popen, (["true"],)


def _refused(folder: Path) -> None:
    import torch

    save(network(), folder / "harm-in-field.pt", notes=_Command())
    layer = _layer("NewBlock")
    net = network()
    with renamed({layer: "ultralytics.nn.modules.block"}):
        net.model[2].extra = layer()
        save(net, folder / "unknown-layer.pt")
        from ultralytics.nn.modules import block

        del block.NewBlock
    torch.save({"optimizer": {"lr": 0.1}, "epoch": 3}, folder / "optimizer-only.pt")


def fork_network() -> tuple[Any, Any]:
    """Return a network with the attention of the YOLOv12 authors' fork, and the same one with that of Ultralytics."""
    import torch
    from ultralytics.nn import tasks
    from ultralytics.nn.modules.block import AAttn

    torch.manual_seed(0)
    net = tasks.DetectionModel("yolo12n.yaml", nc=len(NAMES), verbose=False).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    net.names, net.args = NAMES, {"imgsz": IMGSZ, "task": "detect"}
    original = copy.deepcopy(net)
    for module in net.modules():
        if type(module) is AAttn:
            _split(module)
    return net, original


def _split(attention: Any) -> None:
    """Replace `qkv`, whose rows are ordered by head, by the `qk` and `v` of the fork."""
    from ultralytics.nn.modules import Conv

    joined, heads, head_dim = attention.qkv, attention.num_heads, attention.head_dim
    inner = heads * head_dim
    attention.qk = Conv(joined.conv.in_channels, 2 * inner, 1, act=False).eval()
    attention.v = Conv(joined.conv.in_channels, inner, 1, act=False).eval()
    for part, fields in (("conv", ["weight"]), ("bn", ["weight", "bias", "running_mean", "running_var"])):
        for field in fields:
            tensor = getattr(getattr(joined, part), field)
            rows = tensor.reshape(heads, 3, head_dim, *tensor.shape[1:])
            query_key = rows[:, :2].transpose(0, 1).reshape(2 * inner, *tensor.shape[1:])
            getattr(getattr(attention.qk, part), field).data.copy_(query_key)
            getattr(getattr(attention.v, part), field).data.copy_(rows[:, 2].reshape(inner, *tensor.shape[1:]))
    for norm in (attention.qk.bn, attention.v.bn):
        norm.eps = joined.bn.eps
    del attention.qkv, attention.all_head_dim


def difference_of_the_fork() -> float:
    """Return how far the converted network is from the original, relative to its largest output."""
    import torch

    from export import yolov12

    net, original = fork_network()
    yolov12.convert(net)
    image = torch.rand(1, 3, IMGSZ, IMGSZ)
    with torch.no_grad():
        expected = original(image)[0]
        return float((net(image)[0] - expected).abs().max() / expected.abs().max())


if __name__ == "__main__":
    ultralytics_setup.prepare()
    ultralytics_setup.patch_torchvision()
    build(Path(sys.argv[1]))
