"""How good the weights are, on the split that chose nothing: ultralytics' own validation, and readings of gauges.

Knows figures; knows nothing of training and of where they are written down.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from example.dials import MARKS
from example.offline import yolo
from example.tasks.reading import reading
from example.tasks.training_configs import BUILD, Recipe

CONFIDENCE = 0.25  # ultralytics' own for predict
MOST_OFF = 0.5  # radii of the scale between two centers of the same gauge


def measure(recipe: Recipe, data: Path, device: str) -> dict[str, Any]:
    """Figures of the finished weights.

    Args:
        recipe: whose weights.
        data: what `dataset.build` returned.
        device: as ultralytics takes it.

    Returns:
        Ultralytics' names and values (B: boxes, M: masks, P: keypoints), and "readings" for pose.
    """
    where = {"project": str(BUILD / recipe.task), "name": "test", "exist_ok": True, "plots": False}
    imgsz, model = recipe.settings["imgsz"], yolo(str(recipe.weights))
    result = model.val(data=str(data), split="test", imgsz=imgsz, batch=16, device=device, workers=0, **where)
    figures: dict[str, Any] = {
        name.removeprefix("metrics/"): round(float(value), 4) for name, value in result.results_dict.items()
    }
    figures.pop("fitness")
    figures = {"split": "test", "pictures": recipe.counts["test"]} | figures
    return figures | ({"readings": _readings(model, data.parent / "test", imgsz)} if recipe.keypoints else {})


def _readings(model: Any, split: Path, imgsz: int) -> dict[str, Any]:
    """How far the found marks, and the readings made from them, are from the labeled ones."""
    images = sorted((split / "images").iterdir())
    results = model.predict(images, imgsz=imgsz, conf=CONFIDENCE, device="cpu", stream=True, verbose=False)
    labeled, pairs = 0, [np.empty((2, 0, 4, 2))]
    for path, result in zip(images, results, strict=True):
        truth = _labeled_marks(split / "labels" / f"{path.stem}.txt", result.orig_shape)
        labeled += len(truth)
        pairs.append(_pair(truth, result.keypoints.xy.numpy().astype(np.float64).reshape(-1, 4, 2)))
    truth, found = np.concatenate(pairs, axis=1)  # (K, 4, 2) each
    misses = np.median(np.linalg.norm(found - truth, axis=2) / _radius(truth)[:, None], axis=0) * 100  # (4,)
    errors = np.abs(reading(found) - reading(truth)) * 100
    return {
        "gauges with all marks in the picture": labeled,
        "found": len(errors),
        "median miss, % of the scale's radius": dict(zip(MARKS, misses.round(1).tolist(), strict=True)),
        "median error, % of the scale": round(float(np.median(errors)), 2),
        "error of the best 90 %, % of the scale": round(float(np.quantile(errors, 0.9)), 2),
    }


def _labeled_marks(path: Path, shape_hw: tuple[int, int]) -> NDArray[np.float64]:
    """(N, 4, 2) pixels of the gauges that have all their marks in the picture."""
    rows = [line.split()[5:] for line in path.read_text().splitlines()]
    marks = np.array(rows, np.float64).reshape(-1, 4, 3)
    return np.asarray(marks[(marks[..., 2] > 0).all(axis=1), :, :2] * shape_hw[::-1])


def _pair(truth: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, K, 4, 2) the K labeled gauges that were found, and the nearest found one for each."""
    if not len(truth) or not len(found):
        return np.empty((2, 0, 4, 2))
    apart = np.linalg.norm(truth[:, None, 0] - found[None, :, 0], axis=2)  # (labeled, found)
    hit = apart.min(axis=1) < MOST_OFF * _radius(truth)
    return np.stack([truth[hit], found[apart.argmin(axis=1)[hit]]])


def _radius(marks_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) pixels from the center to the start of the scale."""
    return np.asarray(np.linalg.norm(marks_xy[:, 2] - marks_xy[:, 0], axis=1))
