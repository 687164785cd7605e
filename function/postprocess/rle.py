"""COCO run-length encoding (RLE) of masks: alternating counts of pixels outside and inside, column by column."""

import numpy as np

from function.arrays import Bools

BITS = 5  # of a number per character
CONTINUED = 1 << BITS
SIGN = 1 << (BITS - 1)
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


def text(runs: list[int]) -> str:
    """Return counts as COCO's compressed text: from the fourth on as the difference from the count two before.

    Source: the COCO API, common/maskApi.c `rleToString`.
    """
    return "".join(_encode(run - runs[index - 2] if index > 2 else run) for index, run in enumerate(runs))


def _encode(number: int) -> str:
    """Return a number as characters of 5 bits each, the lowest bits first."""
    characters = []
    while True:
        low = number & (CONTINUED - 1)
        number >>= BITS
        done = number == (-1 if low & SIGN else 0)
        characters.append(chr(FIRST_CHARACTER + (low if done else low | CONTINUED)))
        if done:
            return "".join(characters)
