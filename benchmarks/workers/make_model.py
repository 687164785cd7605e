"""Writer of the benchmark models, in the export environment: `python -m benchmarks.workers.make_model ...`.

`--seeded ARCHITECTURE DIR OUT.pt` writes a network with seeded random weights whose scores vary over the images of a
folder; `--unoptimized WEIGHTS OUT.onnx` exports a model without simplification; `--pick WEIGHTS IMAGE IMGSZ` prints a
confidence threshold that a few boxes exceed; `--ncnn WEIGHTS HEIGHT WIDTH OUT.param` converts a model to ncnn, in the
environment `engines`.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export import ultralytics_setup

CLASSES = 80  # of COCO
IMGSZ = 640  # px
# Strides, of heads without bins: distance from an anchor to the sides of its box; no outlier may make it negative.
SIDE, SIDE_DEVIATION = 4.0, 0.1
SHIFT, DEVIATION = -4.0, 0.25  # of the logits of the scores: few scores are high, and none rounds to 1.0 in float32
DEFAULT_CONF = 0.25  # of Ultralytics
BOXES = 20  # above the picked threshold, if the default one is exceeded by no box or by more than MAX_BOXES
MAX_BOXES = 40


def write_seeded(architecture: str, folder: Path, out: Path) -> None:
    """Write a network with random weights; the generator is seeded, so the file is the same each time.

    The BatchNorm statistics are those of real activations and the last layers are scaled, because unchanged random
    weights give every anchor the same score.

    Args:
        architecture: such as yolov8n.
        folder: with JPEGs like those of the benchmark.
        out: the .pt.
    """
    import torch
    from ultralytics import __version__
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    net = DetectionModel(f"{architecture}.yaml", nc=CLASSES, verbose=False)
    net.names = {number: f"class {number}" for number in range(CLASSES)}
    images = torch.from_numpy(_letterboxed(folder)).permute(0, 3, 1, 2).float() / 255
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(images)
        _scale_last_layers(net.eval(), images)
    net.args = {"imgsz": IMGSZ, "task": "detect"}
    checkpoint = {
        "model": None,
        "ema": net.half(),
        "train_args": net.args,
        "version": __version__,
        "date": "2026-01-01",
    }
    torch.save(checkpoint, out)


def _letterboxed(folder: Path) -> Any:
    """Return the images of the folder, letterboxed approximately as for the network: (N, IMGSZ, IMGSZ, 3) uint8."""
    squares = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        image.thumbnail((IMGSZ, IMGSZ))
        square = Image.new("RGB", (IMGSZ, IMGSZ), (114, 114, 114))
        square.paste(image, ((IMGSZ - image.width) // 2, (IMGSZ - image.height) // 2))
        squares.append(np.asarray(square))
    return np.stack(squares)


def _scale_last_layers(net: Any, images: Any) -> None:
    side, deviation = (SIDE, SIDE_DEVIATION) if net.model[-1].reg_max == 1 else (0.0, 1.0)
    hooks = [branch[-1].register_forward_hook(_scaler(side, deviation)) for branch in net.model[-1].cv2]
    hooks += [branch[-1].register_forward_hook(_scaler(SHIFT, DEVIATION)) for branch in net.model[-1].cv3]
    net(images)
    for hook in hooks:
        hook.remove()


def _scaler(shift: float, deviation: float) -> Any:
    def scale(module: Any, _: Any, output: Any) -> None:
        module.weight.data.mul_(deviation / output.std())
        module.bias.data.fill_(shift)

    return scale


def export_unoptimized(weights: Path, out: Path) -> None:
    """Export without simplification by onnxslim, with a dynamic input size like the optimized model."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copy(weights, scratch)
        shutil.move(YOLO(copy).export(format="onnx", dynamic=True, simplify=False, device="cpu"), out)


def convert_to_ncnn(weights: Path, size_hw: tuple[int, int], out: Path) -> None:
    """Write OUT.param and OUT.bin, in float32 and with a fixed input size, as Ultralytics converts it with pnnx."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copy(weights, scratch)
        folder = Path(YOLO(copy).export(format="ncnn", imgsz=list(size_hw), device="cpu"))
        shutil.move(folder / "model.ncnn.bin", out.with_suffix(".bin"))
        shutil.move(folder / "model.ncnn.param", out)


def pick_conf(weights: Path, image: Path, imgsz: int) -> float:
    """Return the default threshold if 1 to MAX_BOXES boxes exceed it, else a threshold that BOXES boxes exceed."""
    from ultralytics import YOLO

    ultralytics_setup.patch_torchvision()
    (result,) = YOLO(weights).predict(str(image), imgsz=imgsz, conf=1e-6, device="cpu", verbose=False)
    scores = sorted(result.boxes.conf.tolist(), reverse=True)
    if 0 < sum(score > DEFAULT_CONF for score in scores) <= MAX_BOXES:
        return DEFAULT_CONF
    return float(sum(scores[BOXES - 1 : BOXES + 1]) / 2)


def main(arguments: list[str]) -> int:
    """Run one of the four commands."""
    ultralytics_setup.prepare()
    command, *rest = arguments
    if command == "--seeded":
        write_seeded(rest[0], Path(rest[1]), Path(rest[2]))
    elif command == "--unoptimized":
        export_unoptimized(Path(rest[0]), Path(rest[1]))
    elif command == "--ncnn":
        convert_to_ncnn(Path(rest[0]), (int(rest[1]), int(rest[2])), Path(rest[3]))
    else:
        sys.stdout.write(f"{pick_conf(Path(rest[0]), Path(rest[1]), int(rest[2])):.9f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
