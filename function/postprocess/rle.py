"""COCO run-length encoding (RLE) of masks: alternating counts of pixels outside and inside, column by column."""

import numpy as np

from function.arrays import Bools, Ints
from function.postprocess.bilinear import Steps

BITS = 5  # of a number per character
CONTINUED = 1 << BITS
SIGN = 1 << (BITS - 1)
MAX_CHARACTERS = 13  # of a 64-bit number
FIRST_CHARACTER = 48  # "0"


def counts(left: int, top: int, pixels: Bools, size_wh: tuple[int, int]) -> list[int]:
    """Return the run lengths of a mask in an image.

    Args:
        left: the first column of the window that contains the mask, image pixels.
        top: the first row of the window, image pixels.
        pixels: (h, w) bool: the window.
        size_wh: the image, pixels.

    Returns:
        Counts whose sum is the number of pixels of the image; the first counts pixels outside and can be 0.

    Source: the COCO API, common/maskApi.c `rleEncode`.
    """
    width, height = size_wh
    columns = np.zeros((pixels.shape[1], pixels.shape[0] + 1), dtype=bool)  # a row of False below each column
    columns[:, :-1] = pixels.T
    flat = columns.ravel()
    steps = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    steps = np.concatenate(([0], steps)) if flat.size and flat[0] else steps
    column, row = np.divmod(steps, columns.shape[1])
    positions = (left + column) * height + top + row
    starts, ends = positions[::2], positions[1::2]
    apart = starts[1:] != ends[:-1]  # a run can continue from the end of a column to the start of the next
    starts, ends = (
        starts[np.concatenate(([True], apart))[: starts.size]],
        ends[np.concatenate((apart, [True]))[: ends.size]],
    )
    borders = np.concatenate(([0], np.column_stack((starts, ends)).ravel(), [width * height]))
    runs: list[int] = np.diff(borders).tolist()
    return runs[:-1] if runs[-1] == 0 and len(runs) > 1 else runs


def counts_of_steps(left: int, top: int, steps: Steps, window_wh: tuple[int, int], size_wh: tuple[int, int]) -> Ints:
    """Return the run lengths of `counts` for a mask that is given by its steps.

    Args:
        left: the first column of the window that contains the mask, image pixels.
        top: the first row of the window, image pixels.
        steps: of the window, column by column.
        window_wh: the window, pixels.
        size_wh: the image, pixels.
    """
    width, height = size_wh
    column, row = np.divmod(steps.positions, window_wh[1])
    positions, inside = (left + column) * height + top + row, steps.inside
    columns = np.arange(window_wh[0]) if window_wh[1] < height else np.array([window_wh[0] - 1])
    below = (left + columns) * height + top + window_wh[1]  # no pixel follows: of each column, or of the last one
    order = np.argsort(np.concatenate((positions, below)), kind="stable")
    positions = np.concatenate((positions, below))[order]
    inside = np.concatenate((inside, np.zeros(below.size, dtype=bool)))[order]
    changed = inside != np.concatenate(([False], inside[:-1]))
    borders = positions[changed]
    return np.diff(np.concatenate(([0], borders[borders < width * height], [width * height])))


def text(runs: list[int]) -> str:
    """Return counts as COCO's compressed text: from the fourth on as the difference from the count two before.

    Source: the COCO API, common/maskApi.c `rleToString`.
    """
    numbers = np.array(runs, dtype=np.int64)
    numbers[3:] -= np.array(runs[1:-2], dtype=np.int64)
    characters = np.zeros((numbers.size, MAX_CHARACTERS), dtype=np.uint8)  # 5 bits each, the lowest first; 0: none
    left = np.arange(numbers.size)
    for place in range(MAX_CHARACTERS):
        low = numbers & (CONTINUED - 1)
        numbers = numbers >> BITS
        more = numbers != np.where(low & SIGN, -1, 0)
        characters[left, place] = FIRST_CHARACTER + (low | np.where(more, CONTINUED, 0))
        left, numbers = left[more], numbers[more]
        if not left.size:
            break
    flat = characters.ravel()
    return flat[flat > 0].tobytes().decode("ascii")
