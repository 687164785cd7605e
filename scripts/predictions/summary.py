"""Table of the results of many images: detections and images of each class."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scripts.predictions.run import ImageResult


class Summary:
    """Counts that grow with each result."""

    def __init__(self) -> None:
        """Start with no image."""
        self.images = self.errors = self.without = self.too_large = 0
        self.inference_ms = 0.0
        self._detections: Counter[str] = Counter()
        self._failed_readings: Counter[str] = Counter()  # by type of the error
        self._images: Counter[str] = Counter()

    def add(self, result: ImageResult) -> None:
        """Count one image."""
        self.images += 1
        self.too_large += result.is_too_large
        if result.body is None:
            self.errors += 1
            return
        self.inference_ms += result.body["timing_ms"]["inference"]
        found = _names(result.body)
        self.without += not found and "depth" not in result.body  # depth has nothing to find
        self._detections.update(found)
        self._images.update(set(found))
        self._failed_readings.update(_failed_readings(result.body))

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the rows of the table: class, detections, images; the most frequent class first."""
        return [(name, f"{count:,}", f"{self._images[name]:,}") for name, count in self._detections.most_common()]

    def sentence(self, seconds: float) -> str:
        """Return the totals in one line."""
        rate = f"{self.images / seconds:.1f} per second, " if seconds > 0 else ""
        inference = f"inference {self.inference_ms / 1000:.1f} s"
        parts = [f"{_count(self.images, 'image')} in {seconds:.1f} s ({rate}{inference})"]
        parts += [f"{self.without:,} without detections"] if self.without else []
        parts += [_count(self.errors, "error")] if self.errors else []
        failed = self._failed_readings
        types = ", ".join(f"{name} {count:,}" for name, count in failed.most_common())
        parts += [f"{_count(failed.total(), 'failed reading')} ({types})"] if failed else []
        return "; ".join(parts)


def _names(body: dict[str, Any]) -> list[str]:
    if "top" in body:
        return [body["class"]]
    rows = body["semantic"]["classes"] if "semantic" in body else body.get("detections", ())
    return [row["class_name"] for row in rows]


def _failed_readings(body: dict[str, Any]) -> list[str]:
    """Return the type of the error of each detection whose reading failed."""
    readings = [row.get("reading", {}) for row in body.get("detections", ())]
    return [reading["type"] for reading in readings if "error" in reading]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
