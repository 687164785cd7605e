"""Names of the keypoints in a pose model: they show whether its points are those of a dial."""

import re

from function import metadata
from function.errors import UnusableModel, one_line
from function.model import Model
from function.readings import scale

KEY = "kpt_names"
WORDS = (  # of each point of `scale.POINTS`: its name has one of them
    {"center", "centre", "hub", "middle", "pivot"},
    {"hand", "needle", "pointer", "tip"},
    {"begin", "min", "minimum", "start", "zero"},
    {"end", "max", "maximum"},
)
MAX_SHOWN = 200  # characters of the names in a message


def require(loaded: Model, name: str) -> None:
    """Check that the names of the keypoints, if the file has any, are the points of a dial in their order.

    Args:
        loaded: a pose model.
        name: of the model, for messages.

    Raises:
        UnusableModel: other points, another order, or an entry that is not lists of names.
    """
    for names in _read(loaded, name):
        if len(names) != len(WORDS) or not all(words & _words(text) for words, text in zip(WORDS, names, strict=True)):
            wanted, got = ", ".join(scale.POINTS), one_line(", ".join(names))[:MAX_SHOWN]
            raise UnusableModel(f"{name} must be a pose model with the points {wanted} in this order, got {got}")


def _read(loaded: Model, name: str) -> list[list[str]]:
    """Return the names for each class; [] if there are none.

    For a data set without names, Ultralytics writes the numbers of the keypoints, which say nothing.

    Source: ultralytics 8.4.190 `PoseTrainer.set_model_attributes`, models/yolo/pose/train.py.
    """
    entries: dict[str, str] = loaded.session.get_modelmeta().custom_metadata_map
    value = metadata.literal(name, entries, KEY) if KEY in entries else None
    lists = list(value.values()) if isinstance(value, dict) else [value] if value else []
    if not all(isinstance(names, list | tuple) for names in lists):
        raise UnusableModel(f"{name}: {KEY} must be lists of names, got {one_line(entries[KEY])[:MAX_SHOWN]}")
    texts = [[str(text) for text in names] for names in lists]
    return [names for names in texts if names != [str(number) for number in range(len(names))]]


def _words(name: str) -> set[str]:
    """Return the words of a name, such as `Scale_Start` or `scale-start`, in lower case."""
    return set(re.split(r"[\W_]+", name.lower()))
