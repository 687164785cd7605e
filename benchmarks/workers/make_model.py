"""The models that are measured, made in the export environment: `python -m benchmarks.workers.make_model ...`.

`--seeded PICTURES OUT.pt` is a yolov8n with random weights, seeded, whose scores differ on a folder's pictures;
`--unoptimized WEIGHTS OUT.onnx` is what ultralytics exports without simplifying; `--pick WEIGHTS PICTURE IMGSZ` prints
a confidence at which a few boxes pass.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export import ultralytics_setup

CLASSES = 80  # as of COCO
IMGSZ = 640  # px
SHIFT, DEVIATION = -4.0, 0.25  # of the scores' logits: few are high, and none so high that it is 1.0 in float32
USUAL_CONF = 0.25  # ultralytics' default
BOXES = 20  # that pass at the confidence that is picked, where the usual one lets none or many pass
MANY = 40


def seeded(pictures_folder: Path, out: Path) -> None:
    """BatchNorm statistics of real activations, and last layers scaled: plain random weights score every anchor alike.

    Torch's own numbers are seeded, so that the file is the same each time.

    Args:
        pictures_folder: JPEGs like those that will be asked about.
        out: the .pt.
    """
    import torch
    from ultralytics import __version__
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    net = DetectionModel("yolov8n.yaml", nc=CLASSES, verbose=False)
    net.names = {number: f"class {number}" for number in range(CLASSES)}
    pictures = torch.from_numpy(_letterboxed(pictures_folder)).permute(0, 3, 1, 2).float() / 255
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(pictures)
        _spread(net.eval(), pictures)
    net.args = {"imgsz": IMGSZ, "task": "detect"}
    kept = {"model": None, "ema": net.half(), "train_args": net.args, "version": __version__, "date": "2026-01-01"}
    torch.save(kept, out)


def _letterboxed(folder: Path) -> Any:
    """(N, IMGSZ, IMGSZ, 3) uint8: the folder's pictures as the network will see them, roughly."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((IMGSZ, IMGSZ))
        square = Image.new("RGB", (IMGSZ, IMGSZ), (114, 114, 114))
        square.paste(picture, ((IMGSZ - picture.width) // 2, (IMGSZ - picture.height) // 2))
        found.append(np.asarray(square))
    return np.stack(found)


def _spread(net: Any, pictures: Any) -> None:
    hooks = [branch[-1].register_forward_hook(_scaler(0.0, 1.0)) for branch in net.model[-1].cv2]
    hooks += [branch[-1].register_forward_hook(_scaler(SHIFT, DEVIATION)) for branch in net.model[-1].cv3]
    net(pictures)
    for hook in hooks:
        hook.remove()


def _scaler(shift: float, deviation: float) -> Any:
    def scale(module: Any, _: Any, output: Any) -> None:
        module.weight.data.mul_(deviation / output.std())
        module.bias.data.fill_(shift)

    return scale


def unoptimized(weights: Path, out: Path) -> None:
    """The export without onnxslim's pass; any size of picture, as the optimized one takes."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copy(weights, scratch)
        shutil.move(YOLO(copy).export(format="onnx", dynamic=True, simplify=False, device="cpu"), out)


def pick(weights: Path, picture: Path, imgsz: int) -> float:
    """The usual confidence if some boxes pass at it and not too many; else one halfway between two, for BOXES."""
    from ultralytics import YOLO

    from export import ultralytics_setup

    ultralytics_setup.install()
    (result,) = YOLO(weights).predict(str(picture), imgsz=imgsz, conf=1e-6, device="cpu", verbose=False)
    scores = sorted(result.boxes.conf.tolist(), reverse=True)
    if 0 < sum(score > USUAL_CONF for score in scores) <= MANY:
        return USUAL_CONF
    return float(sum(scores[BOXES - 1 : BOXES + 1]) / 2)


def main(arguments: list[str]) -> int:
    """One of the three."""
    ultralytics_setup.prepare()
    kind, *rest = arguments
    if kind == "--seeded":
        seeded(Path(rest[0]), Path(rest[1]))
    elif kind == "--unoptimized":
        unoptimized(Path(rest[0]), Path(rest[1]))
    else:
        sys.stdout.write(f"{pick(Path(rest[0]), Path(rest[1]), int(rest[2])):.9f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
