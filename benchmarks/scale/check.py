"""Prediction of the simulation against a run of the zips on this machine."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.scale import measure
from benchmarks.scale.simulation import simulate
from benchmarks.scale.ways import Plan, work

PART = 500  # images of the run between two measurements
NO_S3 = 1_000_000  # prefixes: the images are in the calls


class Check(NamedTuple):
    """Seconds of a run of images: as predicted and as measured."""

    images: int
    predicted_s: float
    measured_s: float

    @property
    def error(self) -> float:
        """Share by which the prediction is too long; negative: too short."""
        return self.predicted_s / self.measured_s - 1

    def text(self) -> str:
        """Return one line."""
        return (
            f"{self.images:,} images through {measure.ENVIRONMENTS} environments: predicted {self.predicted_s:.1f} s, "
            f"measured {self.measured_s:.1f} s ({self.error:+.1%})"
        )

    def fields(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {**self._asdict(), "error": self.error}


def check(url: str, images: int, batch: int) -> Check:
    """Predict a run through a server whose environments are warm, and run it.

    The prediction uses the times of other images, a few before and after every 500 of the run: other programs on the
    machine come and go.

    Args:
        url: of `measure.serving`.
        images: to run.
        batch: images of a call.

    Raises:
        NotMeasured: an image has no result.
    """
    calls, seconds = list(measure.run(url, measure.IMAGES, batch).calls), 0.0
    for first in range(0, images, PART):
        seconds += measure.run(url, min(PART, images - first), batch).seconds
        calls += measure.run(url, measure.IMAGES, batch).calls
    times = measure.mean(calls)
    plan = Plan(
        images, times.image_s, 0.0, batch, account=measure.ENVIRONMENTS, client_s=times.client_s, prefixes=NO_S3
    )
    predicted = simulate(work("direct", plan), plan.init_s, plan.account)
    return Check(images, predicted.seconds, seconds)
