"""Merging of the detections of overlapping tiles: groups of detections of one object, and the boxes around them."""

from typing import NamedTuple

import numpy as np

from function.arrays import Bools, Floats, Indices, Ints
from function.postprocess.boxes import MAX_CANDIDATES
from function.tiling.overlaps import RotatedBoxes, UprightBoxes

THRESHOLD = 0.5  # sahi 0.12.8 `get_sliced_prediction`, predict.py: postprocess_match_threshold
CHUNK = 128  # detections that are compared with the groups at a time


class Group(NamedTuple):
    """Detections of one object."""

    best: int  # row of the detection with the highest score
    others: list[int]  # rows of those that overlap it, best first


def best_first(boxes_xyxy: Floats, scores: Floats) -> Indices:
    """Return the rows of the best MAX_CANDIDATES detections, best first; of equal scores in the order of their corners.

    Source: sahi 0.12.8 `_score_tiebreak_order`, postprocess/_numpy_backend.py.
    """
    x1, y1, x2, y2 = boxes_xyxy.T
    return np.lexsort((y2, x2, y1, x1, -scores))[:MAX_CANDIDATES]


def groups(rows: Indices, class_ids: Ints, boxes: UprightBoxes | RotatedBoxes, is_iou: bool) -> list[Group]:
    """Return the groups of detections that are the same object.

    Each detection, best first, joins the best group whose best detection it overlaps, or begins a group.

    Args:
        rows: of N detections, best first.
        class_ids: of all detections; only those of the same class overlap.
        boxes: of all detections.
        is_iou: compare the shared area with the area of both (IoU), and not with the smaller area (IOS).

    Returns:
        The groups, best first; an empty list for N = 0.

    Source: sahi 0.12.8 `greedy_nmm_from_matrix`, postprocess/_numpy_backend.py.
    """
    ordered = class_ids[rows]
    found: list[Group] = []
    for class_id in np.unique(ordered):  # few comparisons: those of one class only
        found += _groups(rows[ordered == class_id], boxes, is_iou)
    rank = {row: position for position, row in enumerate(rows.tolist())}
    return sorted(found, key=lambda group: rank[group.best])


def _groups(rows: Indices, boxes: UprightBoxes | RotatedBoxes, is_iou: bool) -> list[Group]:
    """Return the groups of detections of one class; arguments as for `groups`."""
    found: list[Group] = []
    for start in range(0, rows.size, CHUNK):
        chunk = rows[start : start + CHUNK]
        earlier = np.array([group.best for group in found], dtype=np.intp)
        matches = _matches(earlier, chunk, boxes, is_iou)
        is_met, first_met = matches.any(axis=0).tolist(), matches.argmax(axis=0).tolist() if earlier.size else []
        within = _matches(chunk, chunk, boxes, is_iou)
        owners: list[tuple[int, Group]] = []  # groups that begin in this chunk, and where
        for position, row in enumerate(chunk.tolist()):
            if is_met[position]:
                found[first_met[position]].others.append(row)
                continue
            owner = next((group for first, group in owners if within[first, position]), None)
            if owner:
                owner.others.append(row)
            else:
                owners.append((position, Group(row, [])))
        found += [group for _, group in owners]
    return found


def _matches(first: Indices, second: Indices, boxes: UprightBoxes | RotatedBoxes, is_iou: bool) -> Bools:
    """Return whether each of the detections `first` overlaps each of `second`: (F, S)."""
    shared = boxes.shared(first, second)
    if is_iou:
        whole = boxes.areas[first, None] + boxes.areas[second] - shared
    else:
        whole = np.minimum(boxes.areas[first, None], boxes.areas[second])
    matches: Bools = (shared > 0) & (shared >= THRESHOLD * whole)
    return matches


def merged(group: Group, boxes_xyxy: Floats) -> tuple[list[float], list[int]]:
    """Return the box around the detections of a group, and their rows, best first.

    The box grows with each detection; one that does not overlap the box so far is left out.

    Args:
        group: from `groups`, compared by IOS.
        boxes_xyxy: (N, 4) of all detections, pixels.

    Source: sahi 0.12.8 `_apply_merge`, postprocess/combine.py, and `merge_object_prediction_pair`, utils.py.
    """
    x1, y1, x2, y2 = boxes_xyxy[group.best].tolist()
    rows = [group.best]
    for row in group.others:
        left, top, right, bottom = boxes_xyxy[row].tolist()
        shared = max(0.0, min(x2, right) - max(x1, left)) * max(0.0, min(y2, bottom) - max(y1, top))
        smaller = min((x2 - x1) * (y2 - y1), (right - left) * (bottom - top))
        if smaller > 0 and shared / smaller >= THRESHOLD:
            x1, y1, x2, y2 = min(x1, left), min(y1, top), max(x2, right), max(y2, bottom)
            rows.append(row)
    return [x1, y1, x2, y2], rows
