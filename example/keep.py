"""Weights fit to be published: what a checkpoint says about the machine that trained it is taken out."""

from pathlib import Path
from typing import Any

from example.offline import checkpoint


def keep(weights: Path, target: Path) -> None:
    """Copies a finished checkpoint with paths made relative to the repo and without its record of git.

    Args:
        weights: a checkpoint as ultralytics leaves it after training, optimizer stripped.
        target: the file to write.
    """
    import torch

    held = checkpoint(weights)
    root = f"{target.resolve().parent.parent}/"
    model = held["model"]
    model.yaml, model.args = _relative(model.yaml, root), _relative(model.args, root)
    held["train_args"] = _relative(held["train_args"], root)
    held.pop("git", None)
    part = target.with_suffix(".part")
    torch.save(held, part)
    part.replace(target)


def _relative(value: Any, root: str) -> Any:
    """The same nest of dicts and lists, every path below root without it."""
    if isinstance(value, dict):
        return {key: _relative(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, root) for item in value]
    return value.removeprefix(root) if isinstance(value, str) else value
