"""Classes of a model as a request or a setting names them, by id or name. Loaded only for those that name classes."""

from collections.abc import Mapping

import numpy as np

from function.arrays import Floats, Ints
from function.errors import InvalidOption
from function.option_values import OTHERS

MAX_ID_DIGITS = 10  # no model has a class id with more digits
MAX_NAMES = 20  # class names in an error message


def class_ids(classes: tuple[int | str, ...], names: dict[int, str]) -> Ints:
    """Return the ids of classes that a request or a setting names, each by id or name.

    Raises:
        InvalidOption: the model does not have one of them.
    """
    by_name = _by_name(names)
    return np.array([class_id for item in dict.fromkeys(classes) for class_id in _ids(item, names, by_name)], np.int64)


def thresholds(
    default: float, by_class: Mapping[str, float], requested: Mapping[str, float], names: dict[int, str]
) -> Floats:
    """Return the confidence threshold of each class: (C,) float32, 0..1.

    Args:
        default: of a class that nothing names.
        by_class: of the settings.
        requested: of a request, which has priority; `OTHERS` stands for every class that it does not name.
        names: of the model, by id.

    Raises:
        InvalidOption: the model does not have a class, or one class has two thresholds in one of the mappings.
    """
    others = requested.get(OTHERS)
    values = np.full(len(names), default if others is None else others, dtype=np.float32)
    for mapping in (by_class if others is None else {}, requested):
        for class_id, threshold in _by_id(mapping, names).items():
            values[class_id] = threshold
    return values


def _by_id(by_class: Mapping[str, float], names: dict[int, str]) -> dict[int, float]:
    by_name, values = _by_name(names), dict[int, float]()
    for key, threshold in by_class.items():
        for class_id in _ids(key, names, by_name) if key != OTHERS else ():
            if values.setdefault(class_id, threshold) != threshold:
                label = f"{class_id} {names[class_id]:.100}"
                raise InvalidOption(
                    f"conf must have one threshold for the class {label}, got {values[class_id]:g} and {threshold:g}"
                )
    return values


def _by_name(names: dict[int, str]) -> dict[str, list[int]]:
    by_name: dict[str, list[int]] = {}
    for class_id, name in names.items():
        by_name.setdefault(name, []).append(class_id)
    return by_name


def _ids(requested: int | str, names: dict[int, str], by_name: dict[str, list[int]]) -> list[int]:
    """Return the ids of a class; several classes can have the same name.

    Args:
        requested: an id, or a text: a name, and an id only if no class has that name.
        names: of the model, by id.
        by_name: ids of each name.

    Raises:
        InvalidOption: no such id or name.
    """
    if isinstance(requested, int):
        if requested in names:
            return [requested]
        raise _unknown_class(requested, names)
    for text in (requested, requested.strip()):
        if text in by_name:
            return by_name[text]
    if text.isascii() and text.isdigit() and len(text) < MAX_ID_DIGITS and int(text) in names:
        return [int(text)]
    raise _unknown_class(requested, names)


def _unknown_class(requested: int | str, names: dict[int, str]) -> InvalidOption:
    shown = [f"{class_id} {name:.100}" for class_id, name in list(names.items())[:MAX_NAMES]]
    if len(names) > MAX_NAMES:
        shown.append(f"and {len(names) - MAX_NAMES} more")
    return InvalidOption(f"unknown class {requested!r:.100}; available: {', '.join(shown)}")
