"""Trains the example model from scratch on pictures that this repo draws: `python -m example.train`.

Knows the settings of the run and what is kept of it: best.pt, card.json and the figures in README.md. A run that was
interrupted goes on with `--resume`; `--measure` only measures the finished weights again.
"""

import argparse
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from example.dataset import build, default_workers
from example.model_card import card, measure, write_card
from example.offline import checkpoint, yolo
from example.strip_checkpoint import keep

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "example"  # ignored by git
RUN = BUILD / "run"
SCALE = (0.33, 0.125, 1024)  # depth, width, most channels; the width of yolov8n is 0.25
MAX_BYTES = 7_000_000  # of best.pt, so that a clone stays small
SETTINGS: dict[str, Any] = {
    "imgsz": 320,  # px
    "batch": 16,
    "nbs": 16,  # every batch is a step; the default gathers 64 pictures, too few steps for so small a set
    "optimizer": "AdamW",
    "lr0": 0.003,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 2.0,
    "close_mosaic": 6,
    "mosaic": 0.7,
    "degrees": 5.0,
    "translate": 0.1,
    "scale": 0.4,
    "fliplr": 0.0,  # numbers on a dial do not read backwards
    "amp": False,
    "cache": "ram",
    "workers": 2,
    "seed": 7,
    "deterministic": True,
    "plots": False,
    "patience": 0,  # never stops early: the last epochs, without mosaic, are the best
}


def main() -> int:
    """Train, measure, and keep the weights and their card in example/."""
    parser = argparse.ArgumentParser(prog="python -m example.train", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=26)
    parser.add_argument("--device", default="cpu", help="cpu, 0, mps: what ultralytics takes (default cpu)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that was interrupted")
    parser.add_argument("--measure", action="store_true", help="do not train: measure example/best.pt again")
    args = parser.parse_args()
    if args.resume and not _unfinished():
        sys.stderr.write(f"no unfinished run in {RUN}; start one without --resume\n")
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    kept = HERE / "best.pt"
    if not args.measure:
        keep(train(args.epochs, args.device, args.resume), kept, HERE.parent)
    measured = measure(kept, BUILD, args.device)
    write_card(card(kept, measured, SETTINGS), HERE)
    sys.stdout.write("".join(f"{name:<18} {value}\n" for name, value in measured.items()))
    sys.stdout.write(f"{kept}: {kept.stat().st_size:,} bytes\nnext: python -m export {kept}\n")
    return 0 if kept.stat().st_size <= MAX_BYTES else 1


def train(epochs: int, device: str, resume: bool) -> Path:
    """Trains, or goes on with the last run. Returns the path of the best weights."""
    data = build(BUILD / "data", default_workers())
    model = yolo(str(RUN / "weights" / "last.pt" if resume else _architecture()))
    model.add_callback("on_train_start", _use_every_core)
    if resume:
        model.train(resume=True, device=device)
    else:
        where = {"project": str(BUILD), "name": RUN.name, "exist_ok": True}
        model.train(data=str(data), epochs=epochs, device=device, **where, **SETTINGS)
    return RUN / "weights" / "best.pt"


def _architecture() -> Path:
    """Ultralytics' own YOLOv8 at a narrower scale, as a file that it can load."""
    from ultralytics.utils import YAML

    source = str(files("ultralytics").joinpath("cfg/models/v8/yolov8.yaml"))
    path = BUILD / "yolov8n.yaml"  # the letter before .yaml names the scale
    YAML.save(path, YAML.load(source) | {"scales": {"n": list(SCALE)}, "nc": 2})
    return path


def _use_every_core(_trainer: object) -> None:
    """Ultralytics leaves one core free when it trains on a CPU; of two that is half of the speed."""
    import torch

    torch.set_num_threads(default_workers())


def _unfinished() -> bool:
    """Whether there is a run to go on with; ultralytics marks a finished one with epoch -1."""
    last = RUN / "weights" / "last.pt"
    return last.exists() and checkpoint(last)["epoch"] >= 0


if __name__ == "__main__":
    sys.exit(main())
