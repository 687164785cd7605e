"""Trains the examples of the other tasks from scratch: `python -m example.tasks.train segment|pose|obb|classify|all`.

Knows the order of the work: draw, train, keep, measure. What is trained stands in recipes.py.
"""

import argparse
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path

from example.dataset import default_workers
from example.offline import yolo
from example.strip_checkpoint import keep
from example.tasks.dataset import build
from example.tasks.model_card import write_card
from example.tasks.training_configs import BUILD, HERE, RECIPES, Recipe

MAX_BYTES = 1_500_000  # of the weights of one task, so that a clone stays small


def main() -> int:
    """Train, measure, and keep the weights and their card in example/tasks/."""
    parser = argparse.ArgumentParser(prog="python -m example.tasks.train", description=main.__doc__)
    parser.add_argument("task", choices=(*RECIPES, "all"))
    parser.add_argument("--device", default="cpu", help="cpu, 0, mps: what ultralytics takes (default cpu)")
    parser.add_argument("--threads", type=int, default=default_workers(), help="fewer on a machine with other work")
    parser.add_argument("--measure", action="store_true", help="do not train: measure the weights again")
    args = parser.parse_args()
    heavy = []
    for recipe in RECIPES.values() if args.task == "all" else [RECIPES[args.task]]:
        data = build(recipe, BUILD / recipe.task / "data", default_workers())
        if not args.measure:
            keep(train(recipe, data, args.device, args.threads), recipe.weights, HERE.parent.parent)
        write_card(recipe, data, args.device)
        size = recipe.weights.stat().st_size
        sys.stdout.write(f"{recipe.weights}: {size:,} bytes\n")
        heavy += [recipe.task] if size > MAX_BYTES else []
    return 1 if heavy else 0


def train(recipe: Recipe, data: Path, device: str, threads: int) -> Path:
    """Trains one model. Returns the path of the best weights."""
    model = yolo(str(_architecture(recipe)))
    model.add_callback("on_train_start", partial(_use_cores, threads))
    where = {"project": str(BUILD / recipe.task), "name": "run", "exist_ok": True}
    model.train(data=str(data), epochs=recipe.epochs, device=device, **where, **recipe.settings)
    return BUILD / recipe.task / "run" / "weights" / "best.pt"


def _architecture(recipe: Recipe) -> Path:
    """Ultralytics' own architecture at a narrower scale, as a file that it can load."""
    from ultralytics.utils import YAML

    source = files("ultralytics").joinpath(f"cfg/models/{recipe.base}")
    content = YAML.load(str(source)) | {"scales": {"n": list(recipe.scale)}, "nc": len(recipe.names)}
    if recipe.keypoints:
        content["kpt_shape"] = [len(recipe.keypoints), 3]
    path = BUILD / recipe.task / _with_scale(Path(recipe.base).name)
    YAML.save(path, content)
    return path


def _with_scale(name: str) -> str:
    """The letter that names the scale stands after the number: yolo11-seg.yaml -> yolo11n-seg.yaml."""
    family, _, rest = name.partition("-")
    return f"{family}n-{rest}"


def _use_cores(threads: int, _trainer: object) -> None:
    """Ultralytics leaves one core free when it trains on a CPU; of two that is half of the speed."""
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    sys.exit(main())
