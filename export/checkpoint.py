"""Reading best.pt, and saying in one line why a file is not one.

Knows how ultralytics saves a model; not how it is converted.
"""

import hashlib
import logging
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from export import ultralytics_setup
from export.errors import UsageError

TASKS = ("detect", "segment", "pose", "obb", "classify")  # what function/tasks reads
MIN_STRIDE = 32  # px; `predict` pads a picture for a .pt to this at least: ultralytics 8.4.190 nn/backends/pytorch.py
CHANNELS = 3  # the function makes RGB of every picture


class Checkpoint(NamedTuple):
    """A model as ultralytics has read it, and what its file says."""

    path: Path  # as the user named it
    copy: Path  # the same bytes under a plain name: what is given to ultralytics
    sha256: str  # of the file
    date: str  # when ultralytics saved it, ISO 8601; "" if it does not say
    yolo: Any  # ultralytics.YOLO
    imgsz: tuple[int, ...]  # pixels, as trained: (side,) or (height, width)
    stride: int  # pixels
    strides: tuple[int, ...]  # pixels, of each map that the head reads
    fit: str  # how a picture is made the input: head.LETTERBOX, STRETCH or CROP
    two_heads: bool  # an end-to-end head beside the one that NMS follows: v10, 26


def read(path: Path, folder: Path, end2end: bool) -> Checkpoint:
    """Reads and checks the weights.

    Args:
        path: the .pt file.
        folder: scratch. Ultralytics writes beside the file that it is given, and takes a file with the name of one
            of its own releases (yolov5n.pt) for that release; so it is given a link from here.
        end2end: whether the end-to-end head is wanted.

    Raises:
        UsageError: not a checkpoint of ultralytics, a damaged one, or a model that is not served here.
    """
    copy = _plain_name(path, folder)
    yolo = _load(path, copy)
    net = yolo.model
    _served(path, net)
    _check_head(path, net.model[-1], end2end)
    trained = net.args.get("imgsz", 640)
    return Checkpoint(
        path=path,
        copy=copy,
        sha256=hashlib.sha256(copy.read_bytes()).hexdigest(),
        date=str((yolo.ckpt or {}).get("date") or ""),
        yolo=yolo,
        imgsz=tuple(int(side) for side in trained) if isinstance(trained, list | tuple) else (int(trained),),
        stride=max(int(max(net.stride)), MIN_STRIDE),
        strides=tuple(int(one) for one in net.stride),
        fit=fit(net.model[-1]),
        two_heads=has_one_to_one(net.model[-1]) and net.model[-1].cv2 is not None,
    )


def _plain_name(path: Path, folder: Path) -> Path:
    copy = folder / "weights.pt"
    try:
        copy.symlink_to(path.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(path, copy)
    return copy


def _load(path: Path, copy: Path) -> Any:
    ultralytics_setup.install()  # the pickle of a trained classifier names torchvision's transforms
    from ultralytics import YOLO
    from ultralytics.utils import LOGGER

    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)  # what it warns of before it fails is in the message
    try:
        return YOLO(str(copy), verbose=False)
    except Exception as error:  # a broken pickle can raise anything; the cause goes into the message
        raise UsageError(_reason(path, error)) from error
    finally:
        LOGGER.setLevel(level)


def _reason(path: Path, error: BaseException) -> str:
    chain = _chain(error)
    text = " ".join(str(one) for one in chain)
    cause = f"{type(chain[-1]).__name__}: {_first_line(chain[-1])}"
    foreign = sorted(set(re.findall(r"GLOBAL ([\w.]+)", text)))
    if foreign:
        trust = f"if you trust it: {ultralytics_setup.SAFE_LOAD}=false python -m export {path}"
        return f"{path} names {', '.join(foreign)}, which no YOLO of ultralytics 8 needs; not unpickled ({trust})"
    if re.search(r"outside the supported|no attribute 'model'", text):  # loaded, and nothing in it is a model
        cause = "it holds no model"
    return f"{path} is a torch file, but not a checkpoint of ultralytics 8 or later ({cause})"


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, the first cause last."""
    chain = [error]
    while chain[-1].__cause__:
        chain.append(chain[-1].__cause__)
    return chain


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _served(path: Path, net: Any) -> None:
    from ultralytics.nn.tasks import BaseModel, WorldModel, YOLOEModel

    if not isinstance(net, BaseModel):
        raise UsageError(f"{path} holds a {type(net).__name__}; wanted a YOLO model of ultralytics")
    if isinstance(net, WorldModel | YOLOEModel):
        raise UsageError(
            f"{path} is a {type(net).__name__}, which finds what a text says; wanted one with fixed classes"
        )
    if net.task not in TASKS:
        raise UsageError(f"{path} is a model for the task {net.task!r}; served are {', '.join(TASKS)}")
    count = _classes(path, net.model[-1])
    if sorted(net.names) != list(range(count)):
        found = f"{path} has {count} classes and names for the ids {', '.join(map(str, net.names))[:200]}"
        raise UsageError(f"{found}; wanted a name for each from 0 to {count - 1}")
    channels = net.yaml.get("channels", CHANNELS)
    if channels != CHANNELS:
        raise UsageError(f"{path} takes pictures of {channels} channels; the function makes {CHANNELS} (RGB)")
    if not all(bool(weights.isfinite().all()) for weights in net.state_dict().values()):
        raise UsageError(f"{path} holds weights that are not numbers (NaN or infinite): its training went wrong")


LETTERBOX, STRETCH, CROP = "letterbox", "stretch", "crop"  # YOLO, RT-DETR, classifiers


def _classes(path: Path, last: Any) -> int:
    """How many classes it tells apart.

    Raises:
        UsageError: it is no head that is served here.
    """
    from ultralytics.nn.modules.head import Classify, Detect, RTDETRDecoder

    if isinstance(last, Classify):
        return int(last.linear.out_features)
    if isinstance(last, Detect | RTDETRDecoder):
        return int(last.nc)
    raise UsageError(f"{path} ends in a {type(last).__name__}; wanted the head of a YOLO or an RT-DETR")


def fit(last: Any) -> str:
    """How a picture is made the input."""
    from ultralytics.nn.modules.head import Classify, Detect

    if isinstance(last, Detect):
        return LETTERBOX
    return CROP if isinstance(last, Classify) else STRETCH


def has_one_to_one(last: Any) -> bool:
    """Whether it has an end-to-end head."""
    return getattr(last, "one2one_cv2", None) is not None


def _check_head(path: Path, last: Any, end2end: bool) -> None:
    """Is the head that is wanted there?

    Args:
        path: of the weights, for messages.
        last: the last module.
        end2end: whether the end-to-end head is wanted.

    Raises:
        UsageError: it is not; the message says what can be done.
    """
    if end2end and not has_one_to_one(last):
        found = f"{path} ends in a {type(last).__name__} without an end-to-end head"
        raise UsageError(f"{found}, which YOLOv10 and YOLO26 have; without --end2end it is exported as it is")
    if not end2end and getattr(last, "cv2", last) is None:
        found = f"{path} was fused when it was saved: only its end-to-end head is left"
        raise UsageError(f"{found}; --end2end exports that one")
