"""Classes of a model as a request or a setting names them, by id or name. Loaded only for those that name classes."""

import numpy as np

from function.arrays import Ints
from function.errors import InvalidOption

MAX_ID_DIGITS = 10  # no model has a class id with more digits
MAX_NAMES = 20  # class names in an error message


def class_ids(classes: tuple[int | str, ...], names: dict[int, str]) -> Ints:
    """Return the ids of classes that a request or a setting names, each by id or name.

    Raises:
        InvalidOption: the model does not have one of them.
    """
    by_name: dict[str, list[int]] = {}
    for class_id, name in names.items():
        by_name.setdefault(name, []).append(class_id)
    return np.array([class_id for item in dict.fromkeys(classes) for class_id in _ids(item, names, by_name)], np.int64)


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
