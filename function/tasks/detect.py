"""The plain detection head: (1, 4 + classes, anchors), boxes as centre and size, one score per class."""

from typing import NamedTuple

import numpy as np

from function.boxes import Floats, Ints, xyxy_from_cxcywh
from function.errors import UnusableModel

LAYOUT = "(1, 4+C, A): 4 box rows and C class rows over A anchors"


class Candidates(NamedTuple):
    """What passed the confidence threshold, before NMS."""

    boxes_xyxy: Floats  # (N, 4), input pixels
    scores: Floats  # (N,), 0..1
    class_ids: Ints  # (N,)


def check(shapes: list[tuple[int, ...]], class_count: int) -> None:
    """Refuse outputs that `decode` would misread.

    Args:
        shapes: the shape of every output of a real run.
        class_count: C, from the model's names.

    Raises:
        UnusableModel: any other layout, for instance an end-to-end (1, 300, 6) output.
    """
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][:2] == (1, 4 + class_count):
        return
    found = ", ".join(str(shape) for shape in shapes)
    raise UnusableModel(
        f"the model's outputs are {found} with {class_count} class names; this decoder reads {LAYOUT}, "
        f"here (1, {4 + class_count}, A). `python -m export best.pt` writes that layout"
    )


def decode(output: Floats, conf: float, class_ids: Ints | None) -> Candidates:
    """Candidates whose best class is above the threshold.

    Args:
        output: (1, 4+C, A) float32.
        conf: scores must be above this, 0..1.
        class_ids: only these classes; None for all. A box belongs to its best class, wanted or not.

    Returns:
        N candidates in the order of the anchors; N may be 0.

    Source: ultralytics 8.4.190 `non_max_suppression`, utils/nms.py (best class only).
    """
    rows = output[0]  # (4+C, A)
    passed = np.flatnonzero(rows[4:].max(axis=0) > conf)  # (N,)
    scores = rows[4:, passed]  # (C, N)
    best = scores.argmax(axis=0)  # (N,)
    if class_ids is not None:
        wanted = np.isin(best, class_ids)
        passed, scores, best = passed[wanted], scores[:, wanted], best[wanted]
    boxes_xyxy = xyxy_from_cxcywh(np.ascontiguousarray(rows[:4, passed].T))
    return Candidates(boxes_xyxy, scores[best, np.arange(best.size)], best.astype(np.int64))
