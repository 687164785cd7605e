"""A pose model that finds the same four points of a dial in every crop."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support import fixed_output_model

SIDE = 64  # px of the input
ANCHORS = 84  # of strides 8, 16 and 32
FOUR_FIFTHS = ((32, 32), (56, 32), (15, 49), (49, 49))  # center, needle tip, scale start (225 degrees) and end (315)


def save(
    path: Path,
    points: Sequence[tuple[float, float]] = FOUR_FIFTHS,
    confidences: Sequence[float] | None = None,
    score: float = 0.9,
    **metadata: str,
) -> Path:
    """Write the model.

    Args:
        path: of the file.
        points: px of the input.
        confidences: of the points; None: 0.99 each.
        score: of the dial.
        metadata: entries to change.
    """
    output = np.zeros((1, 5 + 3 * len(points), ANCHORS), np.float32)
    output[0, :4, 0] = 32, 32, 60, 60
    output[0, 4, 0] = score
    for number, ((x, y), confidence) in enumerate(zip(points, confidences or [0.99] * len(points), strict=True)):
        output[0, 5 + 3 * number : 8 + 3 * number, 0] = x, y, confidence
    entries = {
        "task": "pose",
        "names": "{0: 'gauge'}",
        "imgsz": f"[{SIDE}, {SIDE}]",
        "stride": "32",
        "kpt_shape": f"[{len(points)}, 3]",
    }
    return fixed_output_model.save(path, [output], entries | metadata, SIDE)
