"""What the example's weights are and how good: measured by ultralytics on the held-out split, kept in card.json.

Knows figures and where they are written down; knows nothing of training.
"""

import hashlib
import json
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from example.dataset import COUNTS, SEEDS, build, default_workers
from example.offline import checkpoint, yolo

FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)  # in README.md
ROWS = ("mAP50", "mAP50-95", "precision", "recall")


def measure(weights: Path, folder: Path, device: str) -> dict[str, Any]:
    """What ultralytics' own validation says about the split that chose nothing.

    Args:
        weights: the checkpoint.
        folder: where the data set is, or is made.
        device: as ultralytics takes it.
    """
    data = build(folder / "data", default_workers())
    where = {"project": str(folder), "name": "test", "exist_ok": True, "plots": False}
    result = yolo(str(weights)).val(data=str(data), split="test", imgsz=320, batch=16, device=device, **where)
    figures = result.box
    return {
        "split": "test",
        "pictures": COUNTS["test"],
        "mAP50": round(float(figures.map50), 4),
        "mAP50-95": round(float(figures.map), 4),
        "precision": round(float(figures.mp), 4),
        "recall": round(float(figures.mr), 4),
        "by class": {
            name: dict(
                zip(("precision", "recall", "mAP50", "mAP50-95"), _rounded(figures.class_result(i)), strict=True)
            )
            for i, name in result.names.items()
        },
    }


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [round(float(value), 4) for value in values]


def card(weights: Path, measured: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything that is needed to know what the weights are.

    Args:
        weights: the checkpoint.
        measured: from `measure`.
        settings: those that differ from ultralytics' own; their values are read from the checkpoint.
    """
    held = checkpoint(weights)
    model, arguments = held["model"], held["train_args"]
    return {
        "weights": identity(weights, held),
        "architecture": {
            "base": "cfg/models/v8/yolov8.yaml of ultralytics, detection",
            "scale": dict(zip(("depth", "width", "max_channels"), model.yaml["scales"]["n"], strict=True)),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "classes": {str(i): name for i, name in model.names.items()},
        },
        "data": {"pictures": COUNTS, "seeds": SEEDS, "generator": "example/images.py"},
        "settings": {name: arguments[name] for name in ("epochs", *settings)},
        "measured": measured,
        "versions": versions(),
    }


def identity(weights: Path, held: dict[str, Any]) -> dict[str, Any]:
    """Which file the weights are; `held` is what the checkpoint holds."""
    content = weights.read_bytes()
    return {
        "file": weights.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "trained": held["date"],
        "licence": held["license"],
    }


def versions() -> dict[str, str]:
    """Of what a model is trained and measured with."""
    names = ("ultralytics", "torch", "numpy", "pillow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def write_card(content: dict[str, Any], folder: Path) -> None:
    """Writes card.json and the table of figures in README.md."""
    (folder / "card.json").write_text(json.dumps(content, indent=2) + "\n")
    readme = folder / "README.md"
    readme.write_text(FIGURES.sub(lambda _: _table(content["measured"]), readme.read_text()))


def _table(measured: dict[str, Any]) -> str:
    classes = measured["by class"]
    columns = {"all": measured} | classes
    head = f"| {measured['pictures']} pictures | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns) + "\n"
    return head + "".join(
        f"| {row} | " + " | ".join(f"{figures[row]:.4f}" for figures in columns.values()) + " |\n" for row in ROWS
    )
