"""Readings in a response: the field `reading` of a detection, and the field `message` of an image."""

from collections.abc import Sequence
from typing import Any

from function.errors import FunctionError
from function.results import Reading

MILLISECOND_DECIMALS = 1
SEPARATOR = "; "  # between the texts in `message`: a text may have commas


def add(detections: list[dict[str, Any]], readings: Sequence[Reading | FunctionError | None]) -> dict[str, str]:
    """Add `reading` to each detection that has one, and return the field `message`.

    Args:
        detections: JSON objects of K detections.
        readings: of the K detections; None for one of a class that is not read.
    """
    for detection, reading in zip(detections, readings, strict=True):
        if isinstance(reading, FunctionError):
            detection["reading"] = {"error": str(reading), "type": type(reading).__name__}
        elif reading is not None:
            latency_ms = round(reading.latency_ms, MILLISECOND_DECIMALS)
            detection["reading"] = {"text": reading.text, "model": reading.model, "latency_ms": latency_ms}
    return {"message": SEPARATOR.join(reading.text for reading in readings if isinstance(reading, Reading))}


def remove_times(body: dict[str, Any]) -> None:
    """Remove the times of the readings from the JSON object of an image."""
    for detection in body.get("detections", ()):
        detection.get("reading", {}).pop("latency_ms", None)
