"""Postprocessing for classification: the classes with the highest probabilities."""

import numpy as np

from function.arrays import Floats, Indices

TOP = 5  # ultralytics 8.4.190 `Probs.top5`, engine/results.py


def top(probabilities: Floats, count: int = TOP) -> Indices:
    """Return the ids of the best classes, best first; all classes if there are fewer than `count`.

    Args:
        probabilities: (C,) float32.
        count: maximum number of ids.
    """
    return np.argsort(-probabilities, kind="stable")[:count]


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of (C,) float32 logits."""
    exponentials: Floats = np.exp(logits - logits.max())
    exponentials /= exponentials.sum()
    return exponentials
