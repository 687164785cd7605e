"""Weights fit to be published: what a checkpoint says about the machine that trained it is taken out."""

from pathlib import Path
from typing import Any

from example.offline import checkpoint


def keep(weights: Path, target: Path, root: Path) -> None:
    """Copies a finished checkpoint with paths made relative to the repo and without its record of git.

    Args:
        weights: a checkpoint as ultralytics leaves it after training, optimizer stripped.
        target: the file to write.
        root: the repo's folder.
    """
    import torch

    held = checkpoint(weights)
    start = f"{root.resolve()}/"
    model = held["model"]
    model.yaml = _relative(model.yaml, start)
    if hasattr(model, "args"):  # a classifier has none
        model.args = _relative(model.args, start)
    held["train_args"] = _relative(held["train_args"], start)
    held.pop("git", None)
    part = target.with_suffix(".part")
    torch.save(held, part)
    part.replace(target)


def _relative(value: Any, start: str) -> Any:
    """The same nest of dicts and lists, every path that begins with start without it."""
    if isinstance(value, dict):
        return {key: _relative(item, start) for key, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, start) for item in value]
    return value.removeprefix(start) if isinstance(value, str) else value
