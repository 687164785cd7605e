"""What a gauge shows: where its needle stands on its scale, from the four marks that the pose model finds.

Knows angles in a picture; knows no numbers on the scale and no model.
"""

import numpy as np
from numpy.typing import NDArray


def reading(marks_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The needle's place on the scale.

    Args:
        marks_xy: (N, 4, 2) pixels, y downwards: center, needle tip, scale start, scale end, as in `dials.MARKS`.

    Returns:
        (N,) 0 at the start of the scale and 1 at its end; a needle in the gap is a little below 0 or above 1.
        A dial that is seen at a slant reads a little off: the angles are taken as they are in the picture.
    """
    arms = marks_xy[:, 1:] - marks_xy[:, :1]  # (N, 3, 2)
    angles = np.arctan2(arms[..., 1], arms[..., 0])  # (N, 3), clockwise, because y points downwards
    turn = 2 * np.pi
    sweep = (angles[:, 2] - angles[:, 1]) % turn
    needle = (angles[:, 0] - angles[:, 1]) % turn
    needle = np.where(needle > (sweep + turn) / 2, needle - turn, needle)  # the nearer end of the gap
    return np.asarray(needle / sweep, np.float64)
