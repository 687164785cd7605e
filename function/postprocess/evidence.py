"""Evidence for an output layout in the values of a run: ids, order, ranges. Decides between layouts of equal shape.

Loaded only for a model whose metadata and shapes do not decide.
"""

import numpy as np

from function.arrays import Floats

SUM_TOLERANCE = 1e-3  # of probabilities; float16 has 3 decimal digits


def confirms(layout: str, task: str, output: Floats, class_count: int) -> bool:
    """Return whether the values have the meaning that they have in a layout; False for NaN, and if no score is above 0.

    Args:
        layout: a name in `layouts.LAYOUTS`.
        task: of the model.
        output: (1, ...) float32.
        class_count: C.
    """
    values = output[0]
    if layout == "probabilities":
        return are_probabilities(values)
    if layout == "logits":
        return bool(np.isfinite(values).all())
    if not np.isfinite(values).all():
        return False
    if layout == "end-to-end queries":
        return are_final(values, class_count)
    if layout == "end-to-end":
        return are_final(values, class_count) and are_in_pixels(values, has_corners=task != "obb")
    if layout == "objectness":
        return all(map(are_scores, (values[:, 4:5], values[:, 5 : 5 + class_count]))) and are_centers(values)
    rows = values.T if layout == "anchors" else values
    return are_scores(rows[:, 4 : 4 + class_count])


def are_final(rows: Floats, class_count: int) -> bool:
    """Return whether the rows are final detections: scores in order, a whole class id in each row.

    Args:
        rows: (K, 6+E): box, score, class id, extras; rows after the last detection have the score 0.
        class_count: C.
    """
    scores, ids = rows[:, 4], rows[:, 5]
    found = ids[scores > 0]
    return bool(
        are_scores(scores)
        and (np.diff(scores) <= 0).all()
        and (ids == np.rint(ids)).all()
        and 0 <= found.min() <= found.max() < class_count
    )


def are_in_pixels(rows: Floats, has_corners: bool) -> bool:
    """Return whether boxes are in input pixels, not relative to the input size.

    Args:
        rows: (K, 4+...): corners, or center and size.
        has_corners: True for corners, which have to be in order.
    """
    near, far = rows[:, :2], rows[:, 2:4]
    return bool((far >= (near if has_corners else 0)).all() and rows[:, :4].max() > 1)


def are_centers(rows: Floats) -> bool:
    """Return whether boxes (N, 4+...) are center and size: as corners some would not be in order."""
    near, sizes = rows[:, :2], rows[:, 2:4]
    return bool((sizes >= 0).all() and (sizes < near).any())


def are_scores(values: Floats) -> bool:
    """Return whether values are from 0 to 1, and not all 0."""
    return bool(values.any() and ((values >= 0) & (values <= 1)).all())


def are_probabilities(values: Floats) -> bool:
    """Return whether (C,) values are the probabilities of one distribution."""
    return bool(((values >= 0) & (values <= 1)).all()) and abs(float(values.sum()) - 1) <= SUM_TOLERANCE
