"""Measurements with known times."""

from pathlib import Path

from benchmarks.agreement import Agreement
from benchmarks.cold_start import Measurement, Runs, Setting, Warm
from benchmarks.contenders import Contender, Resources, Start

RESOURCES = Resources(1, 1769)


def measurement(first: list[float], other: list[float]) -> Measurement:
    """Return the measurement of two contenders with these times to the first response, ms, all of it in one step."""

    def runs(name: str, times: list[float]) -> Runs:
        contender = Contender(name, name, Path("dist"), Path("probe"))
        starts = [Start(time - 10, 10, {"numpy": time}, 1 << 20, []) for time in times]
        warm = [Warm(12.0, {"network": 10.0, "rest": 2.0})] * len(times)
        return Runs(contender, starts, warm, Agreement(1, 1, 1, 1.0, 0.0), 2_000_000, 1.0)

    setting = Setting("model", RESOURCES, dropped=False, runs=len(first), warm_runs=1)
    return Measurement(setting, [runs("this project", first), runs("other", other)])
