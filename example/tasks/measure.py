"""Quality of the weights on the test split: validation of ultralytics, and readings of gauges for pose."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from example.dials import KEYPOINTS
from example.offline import load_yolo
from example.tasks.reading import reading
from example.tasks.training_configs import TrainingConfig

CONFIDENCE = 0.25  # default of `yolo predict`
MAX_CENTER_DISTANCE = 0.5  # radii of the scale between the labeled and the detected center of the same gauge


def measure(config: TrainingConfig, data: Path, device: str) -> dict[str, Any]:
    """Return the metrics of the finished weights.

    Args:
        config: the task.
        data: the result of `dataset.build`.
        device: as in ultralytics.

    Returns:
        Names and values of ultralytics (B: boxes, M: masks, P: keypoints), "by class" for detect and "readings" for
        pose.
    """
    run_folder = {"project": str(config.folder), "name": "test", "exist_ok": True, "plots": False}
    imgsz, model = config.settings["imgsz"], load_yolo(str(config.weights))
    result = model.val(data=str(data), split="test", imgsz=imgsz, batch=16, device=device, workers=0, **run_folder)
    metrics = _by_class(result) if config.task == "detect" else _overall(result)
    metrics = {"split": "test", "images": config.counts["test"]} | metrics
    return metrics | ({"readings": _readings(model, data.parent / "test", imgsz)} if config.keypoints else {})


def _overall(result: Any) -> dict[str, Any]:
    """Return the metrics under the names of ultralytics, without the fitness."""
    metrics = {name.removeprefix("metrics/"): round(float(value), 4) for name, value in result.results_dict.items()}
    metrics.pop("fitness")
    return metrics


def _by_class(result: Any) -> dict[str, Any]:
    """Return the metrics of the boxes, over all classes and for each class."""
    box = result.box
    names = ("precision", "recall", "mAP50", "mAP50-95")
    classes = {
        name: dict(zip(names, (round(float(value), 4) for value in box.class_result(i)), strict=True))
        for i, name in result.names.items()
    }
    overall = {"mAP50": box.map50, "mAP50-95": box.map, "precision": box.mp, "recall": box.mr}
    return {name: round(float(value), 4) for name, value in overall.items()} | {"by class": classes}


def _readings(model: Any, split: Path, imgsz: int) -> dict[str, Any]:
    """Return the errors of the detected keypoints, and of the readings from them, relative to the labels."""
    images = sorted((split / "images").iterdir())
    results = model.predict(images, imgsz=imgsz, conf=CONFIDENCE, device="cpu", stream=True, verbose=False)
    labeled, pairs = 0, [np.empty((2, 0, 4, 2))]
    for path, result in zip(images, results, strict=True):
        truth = _labeled_keypoints(split / "labels" / f"{path.stem}.txt", result.orig_shape)
        labeled += len(truth)
        pairs.append(_pair(truth, result.keypoints.xy.numpy().astype(np.float64).reshape(-1, 4, 2)))
    truth, detected = np.concatenate(pairs, axis=1)  # (K, 4, 2) each
    distances = np.linalg.norm(detected - truth, axis=2) / _radius(truth)[:, None]  # (K, 4)
    medians = (np.median(distances, axis=0) * 100).round(1)  # (4,)
    errors = np.abs(reading(detected) - reading(truth)) * 100
    return {
        "gauges with all keypoints in the image": labeled,
        "detected": len(errors),
        "median keypoint error, % of the scale's radius": dict(zip(KEYPOINTS, medians.tolist(), strict=True)),
        "median error, % of the scale": round(float(np.median(errors)), 2),
        "error of the best 90 %, % of the scale": round(float(np.quantile(errors, 0.9)), 2),
    }


def _labeled_keypoints(path: Path, shape_hw: tuple[int, int]) -> NDArray[np.float64]:
    """Return (N, 4, 2) pixels of the gauges that have all keypoints in the image."""
    rows = [line.split()[5:] for line in path.read_text().splitlines()]
    keypoints = np.array(rows, np.float64).reshape(-1, 4, 3)
    return np.asarray(keypoints[(keypoints[..., 2] > 0).all(axis=1), :, :2] * shape_hw[::-1])


def _pair(truth: NDArray[np.float64], detected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, K, 4, 2): the K labeled gauges that were detected, and the nearest detection of each."""
    if not len(truth) or not len(detected):
        return np.empty((2, 0, 4, 2))
    distances = np.linalg.norm(truth[:, None, 0] - detected[None, :, 0], axis=2)  # (labeled, detected)
    hit = distances.min(axis=1) < MAX_CENTER_DISTANCE * _radius(truth)
    return np.stack([truth[hit], detected[distances.argmin(axis=1)[hit]]])


def _radius(keypoints_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N,) pixels from the center to the start of the scale."""
    return np.asarray(np.linalg.norm(keypoints_xy[:, 2] - keypoints_xy[:, 0], axis=1))
