"""Simulation of runs that are too large for a test: time, cost, throttles and queue ages of 10,000 to 10^8 images.

Nothing is called. `rules` has what AWS allows, `simulation` steps through time, `ways` are the ways to process a bucket
(as `work`), `cost` the prices, `measure` the times of the zips on this machine.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.scale import measure, options, report
from benchmarks.scale.check import Check, check

__all__ = ["Check", "measure", "measured", "options", "report"]


def measured(dist: Path, batch: int, checks: Sequence[int]) -> tuple[measure.Times, list[Check]]:
    """Measure the times of the zips in a folder, and compare predictions from them with runs of `checks` images.

    Raises:
        NotMeasured: the server did not start, or an image has no result.
    """
    with measure.serving(dist) as url:
        first = measure.mean(measure.run(url, measure.IMAGES, batch).calls)
        return first, [check(url, images, batch) for images in checks]
