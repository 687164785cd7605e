"""Responses of the function for each task, as values of `scripts.predictions`."""

from pathlib import Path
from typing import Any

from scripts.predictions.run import ImageResult
from scripts.predictions.sources import ImageFile

BOX = {"x_min": 12.5, "y_min": 40.0, "x_max": 62.5, "y_max": 90.0}
CLASS = {"class_name": "gauge", "class_id": 0, "confidence": 0.9134}
TASK_FIELDS: dict[str, dict[str, Any]] = {
    "detect": {},
    "segment": {"segments": [[[12.5, 40.0], [62.5, 40.0], [62.5, 90.0], [12.5, 90.0]]]},
    "pose": {"keypoints": [{"x": 20.0, "y": 50.0, "confidence": 0.9}, {"x": 30.0, "y": 60.0, "confidence": 0.2}]},
    "obb": {
        "rotated_box": {"x_center": 37.5, "y_center": 65.0, "width": 50.0, "height": 50.0, "rotation": 0.0},
        "corners": [{"x": 62.5, "y": 90.0}, {"x": 62.5, "y": 40.0}, {"x": 12.5, "y": 40.0}, {"x": 12.5, "y": 90.0}],
    },
}
TOP = [
    {"class": "clock", "class_id": 1, "confidence": 0.7512},
    {"class": "gauge", "class_id": 0, "confidence": 0.2488},
]


def detection(task: str = "detect", **changes: Any) -> dict[str, Any]:
    return {**CLASS, "box_2d": BOX, **TASK_FIELDS[task], **changes}


def body(task: str, *detections: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a response for an image of 100 x 200 pixels."""
    found: dict[str, Any] = {"detections": list(detections), "detection_count": len(detections)}
    return {
        "image_dimensions": {"width": 100, "height": 200},
        **({**TOP[0], "top": TOP} if task == "classify" else found),
        "model": {"task": task, "sha256": "", "imgsz": [64, 64]},
        "timing_ms": {"read": 1.0, "preprocess": 1.0, "inference": 10.0, "postprocess": 1.0},
    }


def result(content: dict[str, Any] | None, name: str = "a.jpg", error: str = "") -> ImageResult:
    return ImageResult(ImageFile(Path(name), name, name.rpartition(".")[0]), content, error, False)
