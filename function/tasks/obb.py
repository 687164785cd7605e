"""Rotated boxes: the way back to the picture, and their corners."""

import numpy as np

from function.boxes import Floats
from function.letterbox import Letterbox, inverse


def undo(boxes_cxcywhr: Floats, box: Letterbox) -> Floats:
    """Rotated boxes of the network's input, as boxes of the picture.

    Args:
        boxes_cxcywhr: (K, 5) float32: centre, width and height in input pixels, rotation in radians, clockwise.
        box: the letterbox that painted the input.

    Returns:
        (K, 5) float32, not clipped; a new array. The rotation stays as the network gave it.

    Source: ultralytics 8.4.190 `scale_boxes` with xywh, utils/ops.py.
    """
    back = inverse(box)
    gain = (back.resized_w / box.image_w, back.resized_h / box.image_h)
    restored = boxes_cxcywhr.copy()
    restored[:, :2] -= np.array((back.left, back.top), dtype=np.float32)
    restored[:, :4] /= np.array(gain * 2, dtype=np.float32)
    return restored


def corners(boxes_cxcywhr: Floats) -> Floats:
    """The four corners.

    Args:
        boxes_cxcywhr: (K, 5) float32.

    Returns:
        (K, 4, 2) float32, x and y, one after the other around the box; the first is at (+width/2, +height/2) of the
        box that is not turned.

    Source: ultralytics 8.4.190 `xywhr2xyxyxyxy`, utils/ops.py.
    """
    cosine, sine = np.cos(boxes_cxcywhr[:, 4:]), np.sin(boxes_cxcywhr[:, 4:])  # (K, 1)
    along = boxes_cxcywhr[:, 2:3] / 2 * np.hstack((cosine, sine))
    across = boxes_cxcywhr[:, 3:4] / 2 * np.hstack((-sine, cosine))
    centre = boxes_cxcywhr[:, :2]
    return np.stack(
        (centre + along + across, centre + along - across, centre - along - across, centre - along + across), axis=1
    )


def enclosing(corner_points: Floats) -> Floats:
    """(K, 4, 2) corners to (K, 4) upright boxes, xyxy; not clipped to the picture."""
    return np.concatenate((corner_points.min(axis=1), corner_points.max(axis=1)), axis=1)
