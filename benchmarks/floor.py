"""The floor of a start: what onnxruntime needs to load the model and run it once, beside the start of the function.

Both start under the real runtime client, in pairs and random order, until they request an event.
"""

import contextlib
import random
import statistics
from typing import Any, NamedTuple

from benchmarks import contenders, report, stats
from benchmarks.contenders import Contender, Resources

SEED = 6  # of the order within each pair


class Floor(NamedTuple):
    """Starts of a model, in the order of the pairs.

    Attributes:
        model: name of the model.
        resources: CPUs and memory.
        ready_ms: start of the process to the request for an event, this project.
        floor_ms: the same of the floor.
    """

    model: str
    resources: Resources
    ready_ms: list[float]
    floor_ms: list[float]


def measure(model: str, entered: tuple[Contender, Contender], resources: Resources, runs: int) -> Floor:
    """Measure the starts of this project and of the floor.

    Args:
        model: name of the model.
        entered: this project, the floor; both without a probe.
        resources: CPUs and memory.
        runs: number of pairs.

    Raises:
        NotMeasured: one does not start.
    """
    order = random.Random(SEED)
    times: tuple[list[float], list[float]] = ([], [])
    with contextlib.ExitStack() as stack:
        functions = [stack.enter_context(contenders.unpacked(each, resources)) for each in entered]
        for number in range(runs + 1):  # the first pair fills the page cache
            for position in order.sample((0, 1), 2):
                ready_ms = contenders.init(entered[position], functions[position])
                functions[position].stop()
                if number:
                    times[position].append(ready_ms)
    return Floor(model, resources, *times)


def rows(measured: list[Floor]) -> list[list[str]]:
    """Return the table."""
    table = [["start to ready", "CPUs", "this project ms", "floor ms", "this project / floor (p10..p90)"]]
    for each in measured:
        ours, floor = statistics.median(each.ready_ms), statistics.median(each.floor_ms)
        ratio = report.ratio(stats.ratios(each.ready_ms, each.floor_ms))
        table.append([each.model, str(each.resources.cpus), report.ms(ours), report.ms(floor), ratio])
    return table


def fields(measured: list[Floor]) -> list[dict[str, Any]]:
    """Return the results for the JSON document."""
    return [
        {
            "model": each.model,
            **each.resources._asdict(),
            "ready_ms": each.ready_ms,
            "floor_ms": each.floor_ms,
            "ratio": stats.ratios(each.ready_ms, each.floor_ms)._asdict(),
        }
        for each in measured
    ]
