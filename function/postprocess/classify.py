"""Which class a whole picture is: its center as the network's input, and the best classes of the answer."""

import numpy as np
from numpy.typing import NDArray

from function.arrays import Floats

TOP = 5  # ultralytics 8.4.190 `Probs.top5`, engine/results.py


def top(probabilities: Floats, count: int = TOP) -> NDArray[np.intp]:
    """Ids of the best classes, best first; all of them where there are fewer.

    Args:
        probabilities: (C,) float32.
        count: how many.
    """
    return np.argsort(-probabilities, kind="stable")[:count]
