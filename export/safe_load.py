"""Loading of a .pt without running its code: which classes a checkpoint may name, and what they become.

Torch's `weights_only` unpickler builds only what is on a list. This list has the layers of torch and Ultralytics, plain
values of Python and NumPy, and the names of older versions. A class that only training uses becomes an `Unused`.
"""

import argparse
import datetime
import decimal
import enum
import fractions
import importlib
import importlib.util
import logging
import os
import pathlib
import pickle
import re
import types
import uuid
from pathlib import Path
from typing import Any

from export import other_repositories, ultralytics_setup
from export.errors import UsageError

RENAMED = {  # ultralytics 8.0.136 and before
    "ultralytics.yolo.utils": "ultralytics.utils",
    "ultralytics.yolo.data": "ultralytics.data",
    "ultralytics.yolo.v8": "ultralytics.models.yolo",
    "ultralytics.yolo.engine": "ultralytics.engine",
}
TRANSFORMS = ("CenterCrop", "ToTensor")  # of ultralytics' data.augment, in classifiers of 8.0
TORCHVISION_MODULES = tuple(  # not v2, whose classes have the same names
    f"torchvision.transforms{submodule}" for submodule in ("", ".transforms", ".functional")
)
TORCHVISION_TRANSFORMS = ("Compose", "Normalize", "Resize", "CenterCrop", "ToTensor", "InterpolationMode")
ALIASES = {
    "ultralytics.nn.modules.block.Silence": "torch.nn.modules.linear.Identity",  # YOLOv9e
    "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
}
NETWORK = ("ultralytics.nn", "torch.nn")
TEXT_ENCODERS = ("ultralytics.nn.text_model", "clip.", "mobileclip.", "open_clip.")  # of YOLO-World and YOLOE
TRAINING = ("ultralytics.", "torchvision.transforms.", "torch.optim.", "torch.cuda.amp.", "torch.amp.")
# Modules whose functions act on the machine: a file that names them is no checkpoint, so that no one should trust it.
HARMFUL = {
    "builtins", "code", "codecs", "commands", "ctypes", "importlib", "marshal", "multiprocessing", "nt", "operator",
    "os", "pickle", "platform", "posix", "pty", "runpy", "shutil", "signal", "socket", "subprocess", "sys",
    "webbrowser",
}  # fmt: skip
HARMLESS_BUILTINS = (bool, bytes, dict, float, frozenset, int, list, object, range, slice, str, tuple)


class Unused:
    """Value of a class that is not part of a network; it keeps nothing."""

    pickled_as = ""

    def __new__(cls, *_: Any, **__: Any) -> "Unused":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Ignore the arguments."""

    def __setstate__(self, _: Any) -> None:
        """Ignore the fields."""

    def __repr__(self) -> str:
        return f"{self.pickled_as}()"


def load(path: Path, link: Path) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Args:
        path: as the user names it, for messages.
        link: the same file under a plain name: Ultralytics takes a file with the name of one of its own releases
            (yolov5n.pt) for that release.

    Raises:
        UsageError: it names classes that are not allowed, is from another repository, or holds no model.
    """
    ultralytics_setup.patch_torchvision()  # the pickle of a trained classifier names torchvision's transforms
    import torch
    from ultralytics.nn.tasks import torch_safe_load
    from ultralytics.utils import LOGGER

    names = _names_in(link)
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)  # its warnings before a failure are in the message
    try:
        content = _load_restricted(path, link, names) if _is_restricted() else torch_safe_load(str(link))[0]
    except UsageError:
        raise
    except Exception as error:  # a broken pickle can raise anything; the cause goes into the message
        raise UsageError(_reason(path, error, names)) from error
    finally:
        LOGGER.setLevel(level)
    if not isinstance(_model(content), torch.nn.Module):
        raise UsageError(_describe_no_model(path, content))
    return content


def _load_restricted(path: Path, link: Path, names: list[str]) -> dict[str, Any]:
    import torch

    foreign = _allow(names)
    if foreign:
        raise UsageError(_describe_foreign(path, names, foreign))
    content = torch.load(str(link), map_location="cpu", weights_only=True)
    if isinstance(content, dict):
        return content
    model = getattr(content, "model", None)  # a whole ultralytics.YOLO
    return {"model": model} if model is not None else {}


def _is_restricted() -> bool:
    return os.environ.get(ultralytics_setup.SAFE_LOAD, "true").strip().lower() in {"1", "true", "yes", "on"}


def _model(content: dict[str, Any]) -> Any:
    ema = content.get("ema")
    return content.get("model") if ema is None else ema


def _names_in(link: Path) -> list[str]:
    """Return the classes and functions that the pickle names and torch does not know; [] for an old file format."""
    import torch

    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(link)))
    except Exception:  # noqa: BLE001  (a broken pickle can raise anything; loading reports it)
        return []


def _allow(names: list[str]) -> list[str]:
    """Allow what the names stand for in this process, and return those that are not allowed."""
    import torch

    plain = _plain_values()
    entries: list[Any] = [*_numpy_types()] if any(name.startswith("numpy.") for name in names) else []
    foreign = []
    for name in names:
        replacement = plain[name] if name in plain else _replacement(name)
        if replacement is None:
            foreign.append(name)
        else:
            entries.append((replacement, name))
    entries += [(one, f"{one.__module__}.{one.__name__}") for one in _own_transforms()]  # as in a normalized file
    if not foreign:
        torch.serialization.add_safe_globals(entries)
    return foreign


def _own_transforms() -> list[Any]:
    from ultralytics.data import augment

    return [getattr(augment, name) for name in TRANSFORMS]


def _plain_values() -> dict[str, Any]:
    """Return the values of Python and NumPy that a checkpoint may have in its fields, by the name in the pickle."""
    import numpy as np

    classes = (
        argparse.Namespace, datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone,
        decimal.Decimal, fractions.Fraction, uuid.UUID, types.SimpleNamespace, np.ndarray,
    )  # fmt: skip
    plain: dict[str, Any] = {f"{one.__module__}.{one.__qualname__}": one for one in (*classes, *HARMLESS_BUILTINS)}
    plain |= {"types.SimpleNamespace": types.SimpleNamespace, "collections.defaultdict": _new_dict}
    plain["collections.deque"] = _new_list
    for module in ("pathlib", "pathlib._local"):
        for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"):
            plain[f"{module}.{name}"] = pathlib.PureWindowsPath if "Windows" in name else pathlib.PurePosixPath
    rebuild, scalar = np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        plain |= {f"{module}._reconstruct": rebuild, f"{module}.scalar": scalar}
    plain |= {f"numpy.{name}": getattr(np, name) for name in ("dtype", *_scalar_names())}
    return plain


def _scalar_names() -> list[str]:
    import numpy as np

    return [one.__name__ for one in set(np.sctypeDict.values()) if hasattr(np, one.__name__)]


def _numpy_types() -> list[Any]:
    """Return the types of NumPy's dtypes, which are made at run time and named in no pickle."""
    import numpy as np

    return [type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDGSUMm"]


def _new_dict(*_: Any) -> dict[Any, Any]:
    """Return an empty dict in place of a defaultdict, which torch's unpickler does not fill."""
    return {}


def _new_list(*_: Any) -> list[Any]:
    """Return an empty list in place of a deque."""
    return []


def _replacement(name: str) -> Any:
    """Return what stands for a name in this process; None if the name is not allowed.

    Source: ultralytics 8.4.190 `_SafeLoad`, `torch_safe_load`, nn/tasks.py.
    """
    if name == "builtins.getattr":
        return _method
    name = ALIASES.get(name, name)
    module, _, attribute = name.rpartition(".")
    for old, new in RENAMED.items():
        if module == old or module.startswith(f"{old}."):
            module = new + module[len(old) :]
    if module == "ultralytics.data.augment" and attribute in TRANSFORMS:
        return _attribute(module, attribute)
    if module in TORCHVISION_MODULES and attribute in TORCHVISION_TRANSFORMS:
        return _attribute("torchvision.transforms", attribute)
    if (module, attribute) == ("ultralytics.utils", "IterableSimpleNamespace"):
        return types.SimpleNamespace
    if module.startswith(NETWORK) and _is_module(module, attribute):
        return _attribute(module, attribute)
    if f"{module}.".startswith((*TRAINING, *NETWORK, *TEXT_ENCODERS)):
        return type(attribute, (Unused,), {"pickled_as": name})
    return None


def _is_module(module: str, attribute: str) -> bool:
    """Return whether the name is a layer or a network of the installed torch or Ultralytics."""
    import torch

    if module.startswith(TEXT_ENCODERS) or importlib.util.find_spec(module) is None:
        return False
    found = _attribute(module, attribute)
    return isinstance(found, type) and issubclass(found, torch.nn.Module)


def _attribute(module: str, attribute: str) -> Any:
    return getattr(importlib.import_module(module), attribute, None)


def _method(owner: Any, name: str) -> Any:
    """Return a method of a layer, or a member of an enumeration, in place of the built-in getattr.

    Pickles of segmentation models name `Detect.forward`, and those of classifiers `InterpolationMode.BILINEAR`.
    """
    import torch

    if isinstance(owner, type) and issubclass(owner, enum.Enum) and name in owner.__members__:
        return owner[name]
    if name in ("forward", "forward_fuse"):
        if isinstance(owner, type) and issubclass(owner, torch.nn.Module):
            return getattr(owner, name)
        if isinstance(owner, torch.nn.Module):
            return getattr(type(owner), name).__get__(owner)
    raise pickle.UnpicklingError(f"{name!r} of a {type(owner).__name__} must not be read")


def _describe_foreign(path: Path, names: list[str], foreign: list[str]) -> str:
    repository = other_repositories.by_names(names)
    if repository:
        return other_repositories.describe(path, repository)
    foreign = [re.sub(r"^commands\.", "subprocess.", name) for name in foreign]  # its name in pickles of Python 2
    listed = ", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else "")
    reason = f"{path} names {listed}, which is not among the classes that weights may name; it was not loaded"
    modules = {name.partition(".")[0] for name in foreign}
    if modules & HARMFUL:
        return f"{reason}: code of such a file could act on this machine"
    missing = sorted(module for module in modules if not _is_installed(module))
    if missing:
        return f"{reason} (the module {missing[0]} is not installed here either)"
    return f"{reason} (if you trust it: {ultralytics_setup.SAFE_LOAD}=false python -m export {path})"


def _is_installed(module: str) -> bool:
    try:
        return module != "__main__" and importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _reason(path: Path, error: BaseException, names: list[str]) -> str:
    chain = [error]
    while chain[-1].__cause__:
        chain.append(chain[-1].__cause__)
    root, text = chain[-1], " ".join(map(str, chain))
    _, _, after = text.partition("GLOBAL ")
    if isinstance(root, pickle.UnpicklingError) and after:  # an old file format, whose names cannot be listed
        return _describe_foreign(path, names, [after.split()[0]])
    repository = other_repositories.by_names(names)
    if repository:
        return other_repositories.describe(path, repository)
    if isinstance(root, AttributeError) and "no attribute 'model'" in str(root):
        return f"{path} is a torch file, but not a checkpoint: it holds no model"
    cause = f"{type(root).__name__}: {detail(root)}"
    if _is_restricted() and isinstance(root, pickle.UnpicklingError):
        cause += f"; if you trust it: {ultralytics_setup.SAFE_LOAD}=false python -m export {path}"
    return f"{path} is a torch file that ultralytics does not load ({cause})"


def detail(error: BaseException) -> str:
    """Return the line of an error that names its reason."""
    _, marker, text = str(error).rpartition("WeightsUnpickler error:")
    lines = (text if marker else str(error)).splitlines()
    return next((line.strip() for line in lines if line.strip()), type(error).__name__)[:300]


def _describe_no_model(path: Path, content: dict[str, Any]) -> str:
    repository = other_repositories.by_content(content)
    if repository:
        return other_repositories.describe(path, repository)
    model = _model(content)
    if isinstance(model, Unused):
        return f"{path} holds a {model.pickled_as}, which ultralytics does not have (any more)"
    keys = f" (its keys: {', '.join(map(str, list(content)[:8])):.200})" if content else ""
    parameters = ": parameters without the network" if isinstance(model, dict) else ""
    return f"{path} is a torch file, but not a checkpoint: it holds no model{parameters}{keys}"
