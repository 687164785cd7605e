"""What the weights of the tasks are and how good: card.json and the table in example/README.md.

Knows where figures are written down; what they are comes from measure.py.
"""

import json
import re
from pathlib import Path
from typing import Any

from example.model_card import identity, versions
from example.offline import checkpoint
from example.tasks.measure import measure
from example.tasks.training_configs import HERE, RECIPES, Recipe

CARD = HERE / "card.json"
README = HERE.parent / "README.md"
TABLE = re.compile(r"(?<=<!-- task figures -->\n).*?(?=<!-- end of task figures -->)", re.DOTALL)
LETTERS = {"B": "boxes", "M": "masks", "P": "keypoints"}  # in the names of ultralytics' figures


def write_card(recipe: Recipe, data: Path, device: str) -> None:
    """Measures one task's weights, and writes down what they are; what is said of other tasks stays."""
    fresh = card(recipe, measure(recipe, data, device))
    cards: dict[str, Any] = json.loads(CARD.read_text()) if CARD.exists() else {}
    cards[recipe.task] = fresh
    cards = {task: cards[task] for task in RECIPES if task in cards}
    CARD.write_text(json.dumps(cards, indent=2) + "\n")
    README.write_text(TABLE.sub(lambda _: table(cards), README.read_text()))


def card(recipe: Recipe, measured: dict[str, Any]) -> dict[str, Any]:
    """Everything that is needed to know what the weights are; settings are read from the checkpoint."""
    held = checkpoint(recipe.weights)
    model, arguments = held["model"], held["train_args"]
    return {
        "weights": identity(recipe.weights, held),
        "architecture": {
            "base": f"cfg/models/{recipe.base} of ultralytics",
            "scale": dict(zip(("depth", "width", "max_channels"), model.yaml["scales"]["n"], strict=True)),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "classes": {str(i): name for i, name in model.names.items()},
        }
        | ({"keypoints": list(recipe.keypoints), "sigmas": model.kpt_oks_sigmas} if recipe.keypoints else {}),
        "data": {
            "pictures": recipe.counts,
            "seeds": recipe.seeds,
            "generator": f"example/tasks/{recipe.task}.py",
            "plan": recipe.plan._asdict(),
        },
        "settings": {name: arguments[name] for name in ("epochs", *recipe.settings)},
        "measured": measured,
        "versions": versions(),
    }


def table(cards: dict[str, Any]) -> str:
    """The table of example/README.md."""
    head = "| task | network | parameters | bytes | at | measured on the test split |\n|---|---|---|---|---|---|\n"
    return head + "".join(_table_row(task, content) for task, content in cards.items())


def _table_row(task: str, content: dict[str, Any]) -> str:
    network, scale = Path(content["architecture"]["base"].split()[0]).name, content["architecture"]["scale"]
    cells = (
        task,
        f"`{network}`, depth {scale['depth']}, width {scale['width']}",
        f"{content['architecture']['parameters']:,}",
        f"{content['weights']['bytes']:,}",
        f"{content['settings']['imgsz']} px",
        f"{content['measured']['pictures']} pictures: {'; '.join(_figures(content['measured']))}",
    )
    return f"| {' | '.join(cells)} |\n"


def _figures(measured: dict[str, Any]) -> list[str]:
    """The figures that matter, in words."""
    if "accuracy_top1" in measured:
        return [f"top-1 {measured['accuracy_top1']:.4f}"]
    kinds = [letter for letter in LETTERS if f"mAP50({letter})" in measured]
    found = [
        f"{LETTERS[k]} mAP50 {measured[f'mAP50({k})']:.4f}, mAP50-95 {measured[f'mAP50-95({k})']:.4f}" for k in kinds
    ]
    if "readings" in measured:
        found += [f"median reading error {measured['readings']['median error, % of the scale']} % of the scale"]
    return found
