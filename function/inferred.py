"""What a model of tensors answered. A start that serves pictures loads this, and nothing else of tensors."""

from typing import Any, NamedTuple


class Timing(NamedTuple):
    """Milliseconds by step."""

    read: float
    inference: float
    answer: float


class Inference(NamedTuple):
    """One answer, as the Open Inference Protocol has it."""

    body: dict[str, Any]  # JSON-ready
    timing: Timing
