"""Publishable weights: a checkpoint without paths and git information of the machine that trained it."""

from pathlib import Path
from typing import Any

from example.offline import load_checkpoint


def save_stripped(weights: Path, target: Path, root: Path) -> None:
    """Copy a finished checkpoint with paths relative to the repository and without its git information.

    Args:
        weights: a checkpoint as ultralytics leaves it after training, without the optimizer.
        target: the file to write.
        root: the folder of the repository.
    """
    import torch

    checkpoint = load_checkpoint(weights)
    prefix = f"{root.resolve()}/"
    model = checkpoint["model"]
    model.yaml = _relative(model.yaml, prefix)
    if hasattr(model, "args"):  # a classifier has no args
        model.args = _relative(model.args, prefix)
    if hasattr(model, "pt_path"):  # of a resumed run
        model.pt_path = _relative(model.pt_path, prefix)
    checkpoint["train_args"] = _relative(checkpoint["train_args"], prefix)
    checkpoint.pop("git", None)
    part = target.with_suffix(".part")
    torch.save(checkpoint, part)
    part.replace(target)


def _relative(value: Any, prefix: str) -> Any:
    """Return the same nested dicts and lists; the prefix is removed from every string that begins with it."""
    if isinstance(value, dict):
        return {key: _relative(item, prefix) for key, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, prefix) for item in value]
    return value.removeprefix(prefix) if isinstance(value, str) else value
