"""The transforms of a classifier's checkpoint, as steps that the function repeats, or a refusal.

`yolo predict` uses the transforms that are saved in a .pt. The exporter of Ultralytics leaves them out of the ONNX.
"""

import enum
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from export.errors import UsageError
from export.safe_load import Unused
from function.metadata import CENTER_CROP, MAX_MEAN, MIN_STD, NORMALIZE, RESIZE, SQUARE_CROP, Transform

KEY = "transforms"  # in the metadata of the ONNX file
NO_CHANGE = Transform(NORMALIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def metadata_entry(path: Path, net: Any, shape_hw: tuple[int, int]) -> str:
    """Return the transforms for the metadata, as a Python literal; "" for the default of Ultralytics.

    Args:
        path: of the weights, for messages.
        net: the classifier.
        shape_hw: the input to export, pixels.

    Raises:
        UsageError: the function cannot do one of the transforms exactly.
    """
    steps = _steps(path, net, shape_hw)
    if steps in ([], _default(shape_hw)):
        return ""
    return str([_fields(step) for step in steps])


def require_known(path: Path, net: Any) -> None:
    """Check that every transform of a checkpoint is of a class that the safe loading knows.

    Args:
        path: of the weights, for messages.
        net: the network, as loaded and before any use: torch cannot walk through layers of an unknown class.

    Raises:
        UsageError: one is not; the message names it.
    """
    composed = vars(net).get("transforms", vars(net).get("_modules", {}).get("transforms"))
    unknown = next((item for item in _parts(composed) if isinstance(item, Unused)), None)
    if unknown is not None:
        expected = "Resize, CenterCrop, ToTensor and Normalize of torchvision.transforms"
        raise UsageError(f"{path}: transforms must be {expected}, got {unknown.pickled_as}")


def _parts(value: Any) -> Iterator[Any]:
    """Yield a transform and those in its fields, lists, tuples and dicts, on every level."""
    open_parts, seen = [value], set()
    while open_parts:
        part = open_parts.pop()
        if id(part) in seen:  # a damaged file can have a list that holds itself
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, list | tuple):
            open_parts.extend(part)
        elif isinstance(part, dict):
            open_parts.extend(part.values())
        elif not isinstance(part, type | enum.Enum):
            open_parts.extend(getattr(part, "__dict__", {}).values())


def _fields(step: Transform) -> dict[str, Any]:
    """Return the fields that a step uses."""
    if step.name == NORMALIZE:
        return {"name": step.name, "mean": step.mean, "std": step.std}
    interpolation = {"interpolation": step.interpolation} if step.name == RESIZE else {}
    return {"name": step.name, "size": step.size, **interpolation}


def _steps(path: Path, net: Any, shape_hw: tuple[int, int]) -> list[Transform]:
    """Return the steps of the checkpoint, [] if predict does not use them at this input size.

    Source: ultralytics 8.4.190 `ClassificationPredictor.setup_source`, models/yolo/classify/predict.py.
    """
    composed = getattr(net, "transforms", None)
    if composed is None:
        return []
    modules = getattr(composed, "transforms", None)
    if not isinstance(modules, list) or not modules:
        raise UsageError(f"{path} must have a Compose of transforms, got {_describe(composed)}")
    size = getattr(modules[0], "size", shape_hw)
    if ((size, size) if isinstance(size, int) else tuple(size)) != shape_hw:
        return []
    names = [type(module).__name__ for module in modules]
    if names.count("ToTensor") != 1:
        raise _unsupported(path, "one ToTensor", composed)
    position = names.index("ToTensor")
    spatial = [_spatial(path, module) for module in modules[:position]]
    if getattr(modules[position], "half", False):
        raise _unsupported(path, "a ToTensor in single precision", composed)
    if not spatial or len(modules) - position > 2:
        raise _unsupported(path, "sizes before ToTensor and at most one Normalize after it", composed)
    if any(len(one.size) == 1 and two.name != CENTER_CROP for one, two in itertools.pairwise(spatial)):
        raise _unsupported(path, "a CenterCrop after a Resize of the shorter side", composed)
    if spatial[-1].size != shape_hw:
        height, width = shape_hw
        raise _unsupported(path, f"images of {height} x {width} as their result, the size of the input", composed)
    normalization = [_normalization(path, module) for module in modules[position + 1 :]]
    return [*spatial, *(step for step in normalization if step != NO_CHANGE)]


def _default(shape_hw: tuple[int, int]) -> list[Transform]:
    size = shape_hw[:1] if shape_hw[0] == shape_hw[1] else shape_hw
    return [Transform(RESIZE, size), Transform(CENTER_CROP, shape_hw)]


def _spatial(path: Path, module: Any) -> Transform:
    from torchvision import transforms
    from ultralytics.data import augment

    if type(module) is transforms.Resize and getattr(module, "max_size", None) is None:
        return Transform(RESIZE, _pair(module.size, once=True), _interpolation(path, module))
    if type(module) is transforms.CenterCrop:
        return Transform(CENTER_CROP, _pair(module.size))
    if type(module) is augment.CenterCrop:
        return Transform(SQUARE_CROP, (int(module.h), int(module.w)))
    raise UsageError(f"{path}: transforms must be Resize and CenterCrop, got {_describe(module)}")


def _interpolation(path: Path, module: Any) -> str:
    name = str(getattr(module.interpolation, "value", module.interpolation))
    name = "nearest" if name == "nearest-exact" else name  # Pillow has one of them
    try:
        from PIL import Image

        Image.Resampling[name.upper()]
    except KeyError:
        raise UsageError(f"{path}: unknown interpolation {name!r} in {_describe(module)}") from None
    return name


def _pair(size: Any, once: bool = False) -> tuple[int, ...]:
    """Return (height, width); with `once` (side,) for a single number, which Resize gives to the shorter side."""
    sides = (size,) if isinstance(size, int) else tuple(size)
    return tuple(int(side) for side in (sides if once or len(sides) == 2 else sides * 2))


def _normalization(path: Path, module: Any) -> Transform:
    import torch
    from torchvision import transforms

    if type(module) is not transforms.Normalize:
        raise UsageError(f"{path}: only Normalize can follow ToTensor in the transforms, got {_describe(module)}")
    mean, std = (torch.as_tensor(values, dtype=torch.float32).flatten() for values in (module.mean, module.std))
    is_usable = bool((torch.cat((mean, std)).abs() <= MAX_MEAN).all()) and bool((std.abs() >= MIN_STD).all())
    if len(mean) != 3 or len(std) != 3 or not is_usable:
        raise UsageError(f"{path}: Normalize must have 3 means and 3 nonzero deviations, got {_describe(module)}")
    return Transform(NORMALIZE, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _unsupported(path: Path, expected: str, composed: Any) -> UsageError:
    return UsageError(f"{path}: transforms must have {expected}, got {_describe(composed)}")


def _describe(value: Any) -> str:
    try:
        text = " ".join(str(value).split())
    except Exception:  # noqa: BLE001  (fields that another version of the class has not saved)
        text = type(value).__name__
    return text[:300]
