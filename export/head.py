"""The last module of a network, which decides what it answers and what it wants to see."""

from pathlib import Path
from typing import Any

from export.errors import Refused

LETTERBOX, STRETCH, CROP = "letterbox", "stretch", "crop"  # YOLO, RT-DETR, classifiers


def classes(path: Path, last: Any) -> int:
    """How many classes it tells apart.

    Raises:
        Refused: it is no head that is served here.
    """
    from ultralytics.nn.modules.head import Classify, Detect, RTDETRDecoder

    if isinstance(last, Classify):
        return int(last.linear.out_features)
    if isinstance(last, Detect | RTDETRDecoder):
        return int(last.nc)
    raise Refused(f"{path} ends in a {type(last).__name__}; wanted the head of a YOLO or an RT-DETR")


def fit(last: Any) -> str:
    """How a picture is made the input."""
    from ultralytics.nn.modules.head import Classify, Detect

    if isinstance(last, Detect):
        return LETTERBOX
    return CROP if isinstance(last, Classify) else STRETCH


def has_one_to_one(last: Any) -> bool:
    """Whether it has an end-to-end head."""
    return getattr(last, "one2one_cv2", None) is not None


def check(path: Path, last: Any, end2end: bool) -> None:
    """Is the head that is wanted there?

    Args:
        path: of the weights, for messages.
        last: the last module.
        end2end: whether the end-to-end head is wanted.

    Raises:
        Refused: it is not; the message says what can be done.
    """
    if end2end and not has_one_to_one(last):
        found = f"{path} ends in a {type(last).__name__} without an end-to-end head"
        raise Refused(f"{found}, which YOLOv10 and YOLO26 have; without --end2end it is exported as it is")
    if not end2end and getattr(last, "cv2", last) is None:
        found = f"{path} was fused when it was saved: only its end-to-end head is left"
        raise Refused(f"{found}; --end2end exports that one")
