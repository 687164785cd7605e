"""Weights of other repositories: recognized by what they name, with the command that exports them there."""

from pathlib import Path
from typing import Any, NamedTuple


class Repository(NamedTuple):
    """A project whose checkpoints are not those of the package ultralytics."""

    name: str
    url: str
    command: str  # that writes ONNX, in its checkout


YOLOV5 = Repository("YOLOv5", "github.com/ultralytics/yolov5", "python export.py --weights {} --include onnx")
YOLOV6 = Repository("YOLOv6", "github.com/meituan/YOLOv6", "python deploy/ONNX/export_onnx.py --weights {}")
YOLOV7 = Repository("YOLOv7", "github.com/WongKinYiu/yolov7", "python export.py --weights {} --grid")
YOLOV9 = Repository("YOLOv9", "github.com/WongKinYiu/yolov9", "python export.py --weights {} --include onnx")
YOLOX = Repository("YOLOX", "github.com/Megvii-BaseDetection/YOLOX", "python tools/export_onnx.py -n yolox-s -c {}")
SUPER_GRADIENTS = Repository(
    "super-gradients",
    "github.com/Deci-AI/super-gradients",
    'models.get("yolo_nas_s", num_classes=N, checkpoint_path="{}").export("best.onnx")',
)

PACKAGES = {  # first part of the names in the pickle
    "yolov5": YOLOV5,
    "yolov6": YOLOV6,
    "yolox": YOLOX,
    "super_gradients": SUPER_GRADIENTS,
}
SHARED = ("models.yolo", "models.common", "models.experimental")  # modules of YOLOv5, v7 and v9
ONLY_V9 = {
    "ADown", "CBFuse", "CBLinear", "DDetect", "DualDDetect", "DualDetect", "RepNCSP", "RepNCSPELAN4", "SPPELAN",
    "Silence", "TripleDDetect", "TripleDetect",
}  # fmt: skip
ONLY_V7 = {
    "IAuxDetect", "IBin", "IDetect", "IKeypoint", "ImplicitA", "ImplicitM", "MP", "ReOrg", "RepConv", "SP", "SPPCSPC",
    "Shortcut", "DownC", "Chuncat",
}  # fmt: skip


def by_names(names: list[str]) -> Repository | None:
    """Return the repository whose classes the pickle names; None: none of those that are known here."""
    for name in names:
        repository = PACKAGES.get(name.partition(".")[0])
        if repository:
            return repository
    classes = {name.rpartition(".")[2] for name in names if name.rpartition(".")[0] in SHARED}
    if not classes:
        return None
    if classes & ONLY_V9:
        return YOLOV9
    return YOLOV7 if classes & ONLY_V7 else YOLOV5


def by_content(content: dict[str, Any]) -> Repository | None:
    """Return the repository of a checkpoint that holds parameters only; None: none of those that are known here."""
    if isinstance(content.get("net"), dict) or isinstance(content.get("ema_net"), dict):
        return SUPER_GRADIENTS
    parameters = content.get("model")
    if isinstance(parameters, dict) and any(str(key).startswith("head.cls_preds.") for key in parameters):
        return YOLOX
    return None


def describe(path: Path, repository: Repository) -> str:
    """Return the message for weights of another repository."""
    command = repository.command.format(path.name)
    return (
        f"{path} holds weights of {repository.name} ({repository.url}), not of ultralytics 8 or later; "
        f"export it there: {command}"
    )
