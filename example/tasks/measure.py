"""How good the weights are, on the split that chose nothing: ultralytics' own validation, and readings of gauges.

Knows figures; knows nothing of training and of where they are written down.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from example.offline import yolo
from example.tasks.reading import reading
from example.tasks.recipes import BUILD, Recipe

CONFIDENCE = 0.25  # ultralytics' own for predict
MOST_OFF = 0.5  # rim radii between two centres of the same gauge


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
    """How far readings from the found marks are from readings of the labelled ones."""
    labelled, off = 0, [np.empty(0)]
    images = sorted((split / "images").iterdir())
    for path, result in zip(
        images,
        model.predict(images, imgsz=imgsz, conf=CONFIDENCE, device="cpu", stream=True, verbose=False),
        strict=True,
    ):
        truth = _labelled_marks(split / "labels" / f"{path.stem}.txt", result.orig_shape)
        found = result.keypoints.xy.numpy().astype(np.float64).reshape(-1, 4, 2)
        labelled += len(truth)
        off.append(_errors(truth, found))
    errors = np.concatenate(off)
    return {
        "gauges with all marks in the picture": labelled,
        "found": len(errors),
        "median error, % of the scale": round(float(np.median(errors)) * 100, 2),
        "error of the best 90 %, % of the scale": round(float(np.quantile(errors, 0.9)) * 100, 2),
    }


def _labelled_marks(path: Path, shape_hw: tuple[int, int]) -> NDArray[np.float64]:
    """(N, 4, 2) pixels of the gauges that have all their marks in the picture."""
    rows = [line.split()[5:] for line in path.read_text().splitlines()]
    marks = np.array(rows, np.float64).reshape(-1, 4, 3)
    return np.asarray(marks[(marks[..., 2] > 0).all(axis=1), :, :2] * shape_hw[::-1])


def _errors(truth: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) absolute differences of the readings of the K labelled gauges that were found."""
    if not len(truth) or not len(found):
        return np.empty(0)
    radius = np.linalg.norm(truth[:, 2] - truth[:, 0], axis=1)  # (N,)
    apart = np.linalg.norm(truth[:, None, 0] - found[None, :, 0], axis=2)  # (N, K)
    nearest = apart.argmin(axis=1)
    hit = apart.min(axis=1) < MOST_OFF * radius
    return np.asarray(np.abs(reading(found[nearest[hit]]) - reading(truth[hit])))
