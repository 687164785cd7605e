"""Reading of a gauge: the position of the needle on its scale, from the four keypoints of the pose model."""

import numpy as np
from numpy.typing import NDArray


def reading(keypoints_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the position of the needle on the scale.

    Args:
        keypoints_xy: (N, 4, 2) pixels, y downwards: center, needle tip, scale start, scale end, as in
            `dials.KEYPOINTS`.

    Returns:
        (N,) 0 at the start of the scale and 1 at its end; slightly below 0 or above 1 for a needle in the gap.
        Perspective is not corrected: the reading of a dial that is seen from the side is slightly off.
    """
    arms = keypoints_xy[:, 1:] - keypoints_xy[:, :1]  # (N, 3, 2)
    angles = np.arctan2(arms[..., 1], arms[..., 0])  # (N, 3), clockwise, because y points downwards
    full_circle = 2 * np.pi
    sweep = (angles[:, 2] - angles[:, 1]) % full_circle
    needle = (angles[:, 0] - angles[:, 1]) % full_circle
    needle = np.where(needle > (sweep + full_circle) / 2, needle - full_circle, needle)  # the nearer end of the gap
    return np.asarray(needle / sweep, np.float64)
