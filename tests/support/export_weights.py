"""Weights for the tests of the export, usable and unusable.

`python -m tests.support.export_weights FOLDER`, in the export environment, writes them.

Random but seeded. Those that should detect something have BatchNorm statistics of real activations and scores spread
around the threshold; plain random weights score every anchor alike.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from export import ultralytics_setup
from export.verify import inputs

CLASSES = 3
IMGSZ = 160  # pixels, "trained"
DATA = "/home/someone/private/meters.yaml"  # a path that must not be in an ONNX file
WIDTH = 0.125  # of the full architecture; ultralytics' n is 0.25
TASKS = {  # file -> architecture
    "segment": "yolo26n-seg.yaml",
    "pose": "yolo26n-pose.yaml",
    "obb": "yolo11n-obb.yaml",
    "classify": "yolo11n-cls.yaml",
    "rtdetr": "yolov8n-rtdetr.yaml",
    "tiny": "yolov3-tiny.yaml",
}
CHANNELS = {  # file -> architecture, channels of its images
    "gray": ("yolo11n-pose.yaml", 1),
    "gray-classifier": ("yolo11n-cls.yaml", 1),
    "bands-4": ("yolo26n-obb.yaml", 4),
    "bands-10": ("yolov8n.yaml", 10),
    "bands-rtdetr": ("yolov8n-rtdetr.yaml", 5),
}


class Harm:
    """A value whose unpickling runs a command."""

    def __init__(self, trace: Path) -> None:
        """Keep the path of the folder that the command would make."""
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def build(folder: Path) -> None:
    """Write every file that the tests name."""
    import torch
    from ultralytics import YOLO

    usable = varied_network("yolov8n.yaml")
    save(usable, folder / "detect.pt")
    broken = varied_network("yolov8n.yaml")
    broken.model[0].conv.weight.data[0] = float("nan")
    save(broken, folder / "nan.pt")
    save(varied_network("yolo26n.yaml"), folder / "two-heads.pt")
    end_to_end = varied_network("yolo26n.yaml")
    end_to_end.end2end = True
    save(end_to_end.fuse(verbose=False), folder / "fused-end-to-end.pt")
    YOLO("yolov8n.yaml").save(folder / "untrained.pt")
    other_task = varied_network("yolov8n.yaml")
    other_task.task = "panoptic"
    save(other_task, folder / "other-task.pt")
    YOLO("yolov8n-world.yaml").save(folder / "world.pt")
    for name, architecture in TASKS.items():
        save(varied_network(architecture), folder / f"{name}.pt")
    for name, (architecture, channels) in CHANNELS.items():
        save(varied_network(architecture, channels), folder / f"{name}.pt")
    torch.save({"model": usable.state_dict()}, folder / "state-dict.pt")
    torch.save([1, 2], folder / "list.pt")
    torch.save({"model": torch.nn.Linear(2, 2)}, folder / "linear.pt")
    torch.save({"model": Harm(folder / "HARMED")}, folder / "harm.pt")
    torch.save({"model": Harm(folder / "HARMED")}, folder / "harm-legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "script.pt")


def varied_network(architecture: str, channels: int = 3) -> Any:
    """Return a narrow network that predicts boxes of all confidences."""
    import torch
    from ultralytics.nn.tasks import yaml_model_load

    torch.manual_seed(0)
    config = yaml_model_load(architecture)
    if "scales" in config:
        depth, _, max_channels = config["scales"]["n"]
        config["scales"] = {"n": [depth, WIDTH, max_channels]}
    net = _model_class(architecture)(config, ch=channels, nc=CLASSES, verbose=False)
    net.names = {0: "gauge", 1: "clock", 2: 'it\'s "odd", é'}
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(images(channels))
        net.eval()
        if hasattr(net.model[-1], "reg_max"):
            _spread_scores(net, images(channels))
    return net


def _model_class(architecture: str) -> Any:
    from ultralytics.nn import tasks

    names = {"seg": "Segmentation", "pose": "Pose", "obb": "OBB", "cls": "Classification", "rtdetr": "RTDETRDetection"}
    name = next((name for word, name in names.items() if f"-{word}" in architecture), "Detection")
    return getattr(tasks, f"{name}Model")


def images(channels: int = 3) -> Any:
    """Return drawn images as in the verification, (8, channels, IMGSZ, IMGSZ) float32, 0..1."""
    import torch

    drawn = np.stack([inputs.draw_bands(IMGSZ, IMGSZ, seed, channels) for seed in range(8)])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255


def _spread_scores(net: Any, batch: Any) -> None:
    """Scale the last convolutions so that scores are on both sides of 0.25, and the two heads differ."""
    head = net.model[-1]
    hooks = []
    for name in ("cv2", "cv3", "one2one_cv2", "one2one_cv3"):
        for branch in getattr(head, name, None) or []:
            sides = 2.0 if head.reg_max == 1 else 0.0  # without bins the four sides are the output itself
            shift = -6.0 if name.endswith("cv3") else sides
            factor = 0.7 if name.startswith("one2one") else 1.0
            hooks.append(branch[-1].register_forward_hook(_scaler(shift, factor)))
    net(batch)
    for hook in hooks:
        hook.remove()


def _scaler(shift: float, factor: float) -> Any:
    def scale(module: Any, _: Any, output: Any) -> None:
        module.weight.data.mul_(factor / output.std())
        module.bias.data.fill_(shift)

    return scale


def save(net: Any, path: Path) -> None:
    """Save the network as ultralytics' trainer saves best.pt."""
    import torch
    from ultralytics import __version__
    from ultralytics.nn.tasks import guess_model_task

    net.args = {"imgsz": IMGSZ, "data": DATA, "task": guess_model_task(net) or "detect"}
    torch.save(
        {
            "model": None,
            "ema": net.half(),
            "train_args": net.args,
            "date": "2026-01-02T03:04:05.000006",
            "version": __version__,
        },
        path,
    )


if __name__ == "__main__":
    ultralytics_setup.prepare()
    build(Path(sys.argv[1]))
