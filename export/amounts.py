"""The numbers of the command line, and between what they may be.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import argparse

from export.errors import Refused

MAX_SIDE = 8192  # pixels; a longer side is a typing error, and would need tens of gigabytes
MAX_BATCH = 64  # pictures; a larger one is a typing error, and does not fit into a function's memory
OPSETS = range(11, 21)  # below 11 Resize is another operator; above 20 torch 2.13.0's tracing exporter has no rules


def opset(text: str) -> int:
    """An opset that torch writes."""
    if not text.isdecimal() or int(text) not in OPSETS:
        raise argparse.ArgumentTypeError(f"opset {text!r}; wanted a number from {OPSETS[0]} to {OPSETS[-1]}")
    return int(text)


def batch(text: str) -> int:
    """Pictures in one run."""
    if not text.isdecimal() or not 0 < int(text) <= MAX_BATCH:
        raise argparse.ArgumentTypeError(f"batch {text!r}; wanted a number from 1 to {MAX_BATCH}")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted a number from 0 to 1")
    return found


def imgsz(texts: list[str]) -> tuple[int, ...]:
    """One side, or height and width, in pixels."""
    if len(texts) > 2:
        raise Refused(f"--imgsz {' '.join(texts)}: wanted one side, or height and width")
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
            raise Refused(f"--imgsz {text}: wanted pixels from 1 to {MAX_SIDE}")
    return tuple(int(text) for text in texts)
