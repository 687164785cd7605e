"""Predictions and errors as JSON-ready objects: the fields of the contract, rounded as it says."""

from typing import Any

import numpy as np

from function.errors import FunctionError
from function.predictor import Prediction

PIXEL_DECIMALS = 2
FRACTION_DECIMALS = 4
MILLISECOND_DECIMALS = 1

Body = dict[str, Any]
Result = Prediction | FunctionError


def body(prediction: Prediction) -> Body:
    """The answer to one picture."""
    width, height = prediction.size_wh
    facts = prediction.facts
    found = _detections(prediction)
    return {
        "image_name": prediction.image_name,
        "image_dimensions": {"width": width, "height": height},
        "detections": found,
        "detection_count": len(found),
        "model": {"task": facts.task, "sha256": facts.sha256, "imgsz": list(facts.imgsz_hw)},
        "timing_ms": {step: round(took, MILLISECOND_DECIMALS) for step, took in prediction.timing._asdict().items()},
    }


def error_body(error: FunctionError, request_id: str) -> Body:
    """The answer when there is none."""
    return {"error": str(error), "type": type(error).__name__, "request_id": request_id}


def _detections(prediction: Prediction) -> list[Body]:
    corners = prediction.boxes_xyxy.astype(np.float64)  # (K, 4)
    sides = np.array(prediction.size_wh * 2, dtype=np.float64)
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    relative = np.concatenate((centres, corners[:, 2:] - corners[:, :2]), axis=1) / sides  # (K, 4) cxcywh, 0..1
    rows = zip(
        prediction.class_ids.tolist(),
        prediction.scores.astype(np.float64).round(FRACTION_DECIMALS).tolist(),
        corners.round(PIXEL_DECIMALS).tolist(),
        relative.round(FRACTION_DECIMALS).tolist(),
        strict=True,
    )
    return [
        {
            "class_name": prediction.facts.names[class_id],
            "class_id": class_id,
            "confidence": score,
            "box_2d": dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
            "normalized_box": dict(zip(("x_center", "y_center", "width", "height"), share, strict=True)),
        }
        for class_id, score, box, share in rows
    ]
