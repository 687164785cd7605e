"""The fields of a checkpoint in the form of today's Ultralytics: names, arguments, date, and no parts of a training."""

import argparse
import datetime
import types
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from export import yolov12
from export.errors import UsageError
from export.safe_load import Unused

TRAINING_ONLY = ("criterion", "loss_fn", "optimizer", "clip_model")  # attributes that predict does not use


def normalize(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint that Ultralytics loads: the network, its arguments and its date.

    Args:
        path: of the weights, for messages.
        content: of the file; its network is changed in place.

    Raises:
        UsageError: the network has parts that this version of Ultralytics does not know.
    """
    net: Any = content.get("model") if content.get("ema") is None else content["ema"]
    for name in TRAINING_ONLY:
        net.__dict__.pop(name, None)
    _require_known_parts(path, net)
    yolov12.convert(net)
    _complete_transforms(net)
    if not hasattr(net, "kpt_shape") and hasattr(net.model[-1], "kpt_shape"):
        net.kpt_shape = net.model[-1].kpt_shape  # predict reads it from the network
    arguments = _plain(content.get("train_args") or {})
    net.args = arguments if isinstance(arguments, dict) else {}
    net.names = _names(getattr(net, "names", None), net)
    kept = {name: content[name] for name in ("modelopt",) if content.get(name)}
    return {"model": net, "train_args": net.args, "date": date(content), **kept}


def date(content: dict[str, Any]) -> str:
    """Return when Ultralytics saved the file, as it states it; "" if it does not."""
    value = content.get("date")
    return value.isoformat() if isinstance(value, datetime.date) else str(value or "")


def _require_known_parts(path: Path, net: Any) -> None:
    for name, module in _layers("", net):
        for field, value in vars(module).items():
            unknown = next((item for item in _flat(value) if isinstance(item, Unused)), None)
            if unknown is not None and not (module is net and field == "transforms"):
                raise UsageError(
                    f"{path} was saved by another version of ultralytics: its network has a {unknown.pickled_as} "
                    f"({name or field}), which the version here does not know"
                )


def _layers(name: str, module: Any) -> Iterator[tuple[str, Any]]:
    """Yield every layer with its name; parts of an unknown class are not layers."""
    yield name, module
    for child_name, child in vars(module)["_modules"].items():
        if "_modules" in getattr(child, "__dict__", {}):
            yield from _layers(f"{name}.{child_name}".lstrip("."), child)


def _flat(value: Any) -> list[Any]:
    """Return a value, or those in a list, tuple or dict, on every level."""
    if isinstance(value, dict):
        value = list(value.values())
    return [item for part in value for item in _flat(part)] if isinstance(value, list | tuple) else [value]


def _complete_transforms(net: Any) -> None:
    """Set what an older torchvision did not save in a Resize: for Pillow images it has no effect."""
    for step in getattr(getattr(net, "transforms", None), "transforms", None) or []:
        if type(step).__name__ == "Resize":
            vars(step).setdefault("max_size", None)
            vars(step).setdefault("antialias", True)


def _names(names: Any, net: Any) -> dict[Any, Any]:
    """Return the class names by id; the numbers of the classes if there are none, as Ultralytics does."""
    if names is None or (hasattr(names, "__len__") and len(names) == 0):
        count = getattr(net.model[-1], "nc", None) if hasattr(net, "model") else None
        count = net.yaml.get("nc", 0) if count is None else count
        return {class_id: str(class_id) for class_id in range(int(count))}
    if not isinstance(names, dict):
        names = dict(enumerate(_plain(names)))
    return {_class_id(key): str(value) for key, value in names.items()}


def _class_id(key: Any) -> Any:
    try:
        return int(key)
    except (TypeError, ValueError):
        return key


def _plain(value: Any) -> Any:
    """Return a value of arguments as one that JSON can hold, or its text."""
    if isinstance(value, argparse.Namespace | types.SimpleNamespace):
        value = vars(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # of NumPy or torch
        return value.tolist()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else _text(value)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, PurePath) else repr(value)
