"""COCO's run-length encoding of a mask: counts of pixels outside and inside in turn, column by column, as text."""

import numpy as np
from numpy.typing import NDArray

BITS = 5  # of a number in each letter
CONTINUED = 1 << BITS
SIGN = 1 << (BITS - 1)
FIRST_LETTER = 48  # "0"


def counts(left: int, top: int, pixels: NDArray[np.bool_], size_wh: tuple[int, int]) -> list[int]:
    """Run lengths of a mask in a picture.

    Args:
        left: the first column of the part of the mask that holds anything, pixels of the picture.
        top: its first row.
        pixels: (h, w) bool: that part.
        size_wh: of the picture, pixels.

    Returns:
        Counts that sum up to all pixels of the picture; the first is of pixels outside and may be 0.

    Source: the COCO API, common/maskApi.c `rleEncode`.
    """
    width, height = size_wh
    columns = np.zeros((pixels.shape[1], pixels.shape[0] + 1), dtype=bool)  # each ends outside
    columns[:, :-1] = pixels.T
    flat = columns.ravel()
    steps = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    steps = np.concatenate(([0], steps)) if flat.size and flat[0] else steps
    column, row = np.divmod(steps, columns.shape[1])
    positions = (left + column) * height + top + row
    starts, ends = positions[::2], positions[1::2]
    apart = starts[1:] != ends[:-1]  # a run goes on from the foot of a column to the head of the next
    starts, ends = (
        starts[np.concatenate(([True], apart))[: starts.size]],
        ends[np.concatenate((apart, [True]))[: ends.size]],
    )
    borders = np.concatenate(([0], np.column_stack((starts, ends)).ravel(), [width * height]))
    runs: list[int] = np.diff(borders).tolist()
    return runs[:-1] if runs[-1] == 0 and len(runs) > 1 else runs


def text(runs: list[int]) -> str:
    """Counts as COCO's compressed text: each after the second as its difference from the one two before.

    Source: the COCO API, common/maskApi.c `rleToString`.
    """
    return "".join(_letters(run - runs[index - 2] if index > 2 else run) for index, run in enumerate(runs))


def _letters(number: int) -> str:
    letters = []
    while True:
        low = number & (CONTINUED - 1)
        number >>= BITS
        done = number == (-1 if low & SIGN else 0)
        letters.append(chr(FIRST_LETTER + (low if done else low | CONTINUED)))
        if done:
            return "".join(letters)
