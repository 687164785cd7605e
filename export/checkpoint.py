"""The checkpoint (best.pt): loaded by ultralytics, checked, or refused with a one-line reason.

Knows how ultralytics saves a model; not how it is converted.
"""

import hashlib
import logging
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from export import checkpoint_fields, open_vocabulary, safe_load, transforms
from export.errors import UsageError

TASKS = ("detect", "segment", "pose", "obb", "classify", "semantic", "depth")  # those that function/postprocess decodes
MIN_STRIDE = 32  # px; `predict` pads an image for a .pt to this at least: ultralytics 8.4.190 nn/backends/pytorch.py
CHANNELS = 3  # of RGB images; 1 is gray, others are bands
LETTERBOX, STRETCH, CROP = "letterbox", "stretch", "crop"  # YOLO, RT-DETR and depth, classifiers


class Checkpoint(NamedTuple):
    """A model as ultralytics has loaded it, and the metadata of its file."""

    path: Path  # as the user names it
    copy: Path  # the same network with its fields in today's form: the file that ultralytics reads
    sha256: str  # of the file
    date: str  # when ultralytics saved it, ISO 8601; "" if the file does not state it
    yolo: Any  # ultralytics.YOLO
    imgsz: tuple[int, ...]  # pixels, as trained: (side,) or (height, width)
    stride: int  # pixels
    strides: tuple[int, ...]  # pixels, of each feature map that the head reads
    fit: str  # how an image becomes the input: LETTERBOX, STRETCH or CROP
    channels: int  # of the images
    two_heads: bool  # an end-to-end head besides the one that NMS follows: v10, 26

    @property
    def is_rtdetr(self) -> bool:
        """True for RT-DETR."""
        return self.fit == STRETCH and not self.is_dense

    @property
    def is_dense(self) -> bool:
        """True if the output has a value for each pixel: semantic segmentation and depth."""
        return self.yolo.task in ("semantic", "depth")


def read(path: Path, folder: Path, end2end: bool) -> Checkpoint:
    """Load and check the weights.

    Args:
        path: the .pt file.
        folder: scratch. Ultralytics writes into the folder of the file that it loads; so it loads a copy in this
            folder, with the fields in today's form.
        end2end: True if the end-to-end head is to be exported.

    Raises:
        UsageError: not a checkpoint of ultralytics, a damaged one, or a model that is not supported.
    """
    original = _plain_name(path, folder)
    content = safe_load.load(path, original)
    copy = folder / "weights.pt"
    _save(path, content, copy)
    yolo = _load(path, copy)
    net = yolo.model
    _check_model(path, net)
    head = net.model[-1]
    _check_head(path, head, end2end)
    trained = net.args.get("imgsz") or 640
    return Checkpoint(
        path=path,
        copy=copy,
        sha256=hashlib.sha256(original.read_bytes()).hexdigest(),
        date=checkpoint_fields.date(content),
        yolo=yolo,
        imgsz=tuple(int(side) for side in trained) if isinstance(trained, list | tuple) else (int(trained),),
        stride=max(int(max(net.stride)), MIN_STRIDE),
        strides=tuple(int(stride) for stride in net.stride),
        fit=_fit(head),
        channels=_channels(net),
        two_heads=_has_end_to_end_head(head) and head.cv2 is not None,
    )


def _plain_name(path: Path, folder: Path) -> Path:
    """Return the same file under a plain name."""
    link = folder / "original.pt"
    try:
        link.symlink_to(path.resolve())
    except OSError:  # a file system without symbolic links
        shutil.copyfile(path, link)
    return link


def _save(path: Path, content: dict[str, Any], copy: Path) -> None:
    """Write the normalized checkpoint."""
    import torch
    from ultralytics.nn.tasks import BaseModel

    ema = content.get("ema")
    net = content.get("model") if ema is None else ema
    if not isinstance(net, BaseModel):
        raise UsageError(f"{path} must hold a YOLO model of ultralytics, got a {type(net).__name__}")
    transforms.require_known(path, net)
    torch.save(checkpoint_fields.normalize(path, content), copy)


def _load(path: Path, copy: Path) -> Any:
    from ultralytics import YOLO
    from ultralytics.utils import LOGGER

    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)  # its warnings before a failure are in the message
    try:
        return YOLO(str(copy), verbose=False)
    except Exception as error:  # of any kind: fields of older versions that ultralytics does not expect
        cause = f"{type(error).__name__}: {safe_load.detail(error)}".replace(str(copy), str(path))
        raise UsageError(f"{path} was loaded, but ultralytics cannot use its model ({cause})") from error
    finally:
        LOGGER.setLevel(level)


def _check_model(path: Path, net: Any) -> None:
    open_vocabulary.prepare(path, net)
    if net.task not in TASKS:
        raise UsageError(f"{path}: unknown task {net.task!r}; available: {', '.join(TASKS)}")
    count = _class_count(path, net.model[-1], net.names)
    if sorted(net.names) != list(range(count)):
        ids = ", ".join(map(str, net.names))[:200]
        raise UsageError(f"{path} must have a class name for each id from 0 to {count - 1}, got names for {ids}")
    if net.task == "classify" and _channels(net) != CHANNELS:  # ultralytics 8.4.190 does not predict with it either
        raise UsageError(f"{path} is a classifier and must take images of {CHANNELS} channels, got {_channels(net)}")
    if not all(bool(weights.isfinite().all()) for weights in net.state_dict().values()):
        raise UsageError(f"{path} has weights that are NaN or infinite: its training failed")


def _channels(net: Any) -> int:
    return int(net.yaml.get("channels", net.yaml.get("ch", CHANNELS)))


def _class_count(path: Path, head: Any, names: dict[int, str]) -> int:
    """Return the number of classes; for depth, which has none, the number of names.

    Raises:
        UsageError: the last module is not a supported head.
    """
    from ultralytics.nn.modules.head import Classify, Depth, Detect, RTDETRDecoder, SemanticSegment

    if isinstance(head, Classify):
        return int(head.linear.out_features)
    if isinstance(head, Detect | RTDETRDecoder):
        return int(head.nc)
    if isinstance(head, SemanticSegment):
        return int(head.nc)
    if isinstance(head, Depth):
        return len(names)
    raise UsageError(f"{path} must end in the head of a YOLO or an RT-DETR, got a {type(head).__name__}")


def _fit(head: Any) -> str:
    """Return how an image becomes the input: LETTERBOX, STRETCH or CROP."""
    from ultralytics.nn.modules.head import Classify, Detect, SemanticSegment

    if isinstance(head, Detect | SemanticSegment):
        return LETTERBOX
    return CROP if isinstance(head, Classify) else STRETCH


def _has_end_to_end_head(head: Any) -> bool:
    return getattr(head, "one2one_cv2", None) is not None


def _check_head(path: Path, head: Any, end2end: bool) -> None:
    """Check that the head to export is there.

    Args:
        path: of the weights, for messages.
        head: the last module.
        end2end: True if the end-to-end head is to be exported.

    Raises:
        UsageError: it is not; the message names the option that helps.
    """
    if end2end and not _has_end_to_end_head(head):
        reason = f"{path} ends in a {type(head).__name__} without an end-to-end head"
        raise UsageError(f"{reason}, which YOLOv10 and YOLO26 have; export it without --end2end")
    if not end2end and getattr(head, "cv2", head) is None:
        raise UsageError(f"{path} was fused when it was saved: it has only its end-to-end head; pass --end2end")
