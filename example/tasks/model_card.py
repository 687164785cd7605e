"""Model cards: card.json for the detector, tasks/card.json for the other tasks, and the tables in example/README.md."""

import hashlib
import json
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from example.offline import load_checkpoint
from example.tasks.measure import measure
from example.tasks.training_configs import EXAMPLE, HERE, TRAINING_CONFIGS, TrainingConfig

CARD = EXAMPLE / "card.json"
TASKS_CARD = HERE / "card.json"
README = EXAMPLE / "README.md"
DETECTION_TABLE = re.compile(r"(?<=<!-- detection metrics -->\n).*?(?=<!-- end of detection metrics -->)", re.DOTALL)
TASKS_TABLE = re.compile(r"(?<=<!-- task metrics -->\n).*?(?=<!-- end of task metrics -->)", re.DOTALL)
ROWS = ("mAP50", "mAP50-95", "precision", "recall")
LETTERS = {"B": "boxes", "M": "masks", "P": "keypoints"}  # in the names of the metrics of ultralytics


def write_card(config: TrainingConfig, data: Path, device: str) -> dict[str, Any]:
    """Measure the weights of a task, update its card and its table in the README, and return the metrics."""
    measured = measure(config, data, device)
    fresh = card(config, measured)
    if config.task == "detect":
        CARD.write_text(json.dumps(fresh, indent=2) + "\n")
        README.write_text(DETECTION_TABLE.sub(lambda _: detection_table(fresh), README.read_text()))
        return measured
    cards: dict[str, Any] = json.loads(TASKS_CARD.read_text()) if TASKS_CARD.exists() else {}
    cards[config.task] = fresh
    cards = {task: cards[task] for task in TRAINING_CONFIGS if task in cards}
    TASKS_CARD.write_text(json.dumps(cards, indent=2) + "\n")
    README.write_text(TASKS_TABLE.sub(lambda _: tasks_table(cards), README.read_text()))
    return measured


def card(config: TrainingConfig, measured: dict[str, Any]) -> dict[str, Any]:
    """Return the model card of a task; the settings are read from the checkpoint."""
    checkpoint = load_checkpoint(config.weights)
    model, arguments = checkpoint["model"], checkpoint["train_args"]
    keypoints = {"keypoints": list(config.keypoints), "sigmas": model.kpt_oks_sigmas} if config.keypoints else {}
    return {
        "weights": _identity(config.weights, checkpoint),
        "architecture": {
            "base": f"cfg/models/{config.base} of ultralytics",
            "scale": dict(zip(("depth", "width", "max_channels"), model.yaml["scales"]["n"], strict=True)),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "classes": {str(i): name for i, name in model.names.items()},
        }
        | keypoints,
        "data": {
            "images": config.counts,
            "seeds": config.seeds,
            "generator": f"{config.make.__module__.replace('.', '/')}.py",
            "plan": config.plan._asdict(),
        },
        "settings": {name: arguments[name] for name in ("epochs", *config.settings)},
        "measured": measured,
        "versions": _versions(),
    }


def _identity(weights: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return name, size, digest, training date and license of the weights."""
    content = weights.read_bytes()
    return {
        "file": weights.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "trained": checkpoint["date"],
        "license": checkpoint["license"],
    }


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that train and measure a model."""
    names = ("ultralytics", "torch", "numpy", "pillow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def detection_table(content: dict[str, Any]) -> str:
    """Return the detection table of example/README.md: a column for all classes and one per class."""
    measured = content["measured"]
    columns = {"all": measured} | measured["by class"]
    head = f"| {measured['images']} images | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns) + "\n"
    return head + "".join(
        f"| {row} | " + " | ".join(f"{metrics[row]:.4f}" for metrics in columns.values()) + " |\n" for row in ROWS
    )


def tasks_table(cards: dict[str, Any]) -> str:
    """Return the table of the other tasks of example/README.md."""
    head = "| task | model | parameters | bytes | imgsz | measured on the test split |\n|---|---|---|---|---|---|\n"
    return head + "".join(_task_row(task, content) for task, content in cards.items())


def _task_row(task: str, content: dict[str, Any]) -> str:
    base, scale = Path(content["architecture"]["base"].split()[0]).name, content["architecture"]["scale"]
    columns = (
        task,
        f"`{base}`, depth {scale['depth']}, width {scale['width']}",
        f"{content['architecture']['parameters']:,}",
        f"{content['weights']['bytes']:,}",
        f"{content['settings']['imgsz']} px",
        f"{content['measured']['images']} images: {'; '.join(_summary(content['measured']))}",
    )
    return f"| {' | '.join(columns)} |\n"


def _summary(measured: dict[str, Any]) -> list[str]:
    """Return the most important metrics as text."""
    if "accuracy_top1" in measured:
        return [f"top-1 {measured['accuracy_top1']:.4f}"]
    if "mIoU" in measured:
        return [f"mean IoU {measured['mIoU']:.4f}, {100 * measured['pixel_acc']:.1f} % of the pixels"]
    if "delta1" in measured:
        within = f"{100 * measured['delta1']:.1f} % of the pixels within 25 %"
        return [f"{within}, mean relative error {measured['abs_rel']:.4f} (each image scaled to the right median)"]
    letters = [letter for letter in LETTERS if f"mAP50({letter})" in measured]
    parts = [
        f"{LETTERS[k]} mAP50 {measured[f'mAP50({k})']:.4f}, mAP50-95 {measured[f'mAP50-95({k})']:.4f}" for k in letters
    ]
    if "readings" in measured:
        parts += [f"median reading error {measured['readings']['median error, % of the scale']} % of the scale"]
    return parts
