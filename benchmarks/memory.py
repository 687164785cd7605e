"""Memory of the function: peak by model and image size, and growth over many images of many sizes."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks import in_process, inputs, report
from benchmarks.contenders import Contender
from benchmarks.models import IMAGE, BenchmarkModel

IMAGE_SIZES = ((640, 640), (1920, 1080), (4000, 3000), (8000, 6000))  # px, width x height
REPEATS = 3  # of each image: the second run of a size also has the memory that the first one left allocated
SEED = 3
SETTLED = 0.25  # share of the invocations after which the memory should not grow; each size comes at least once before
WINDOW = 50  # invocations over which the size is averaged, because it varies


class Peak(NamedTuple):
    """Peak resident size of a process for one image size, bytes.

    Attributes:
        model: name of the model.
        image: size of the image, "1920 x 1080".
        ready: resident size before the first image.
        peak: peak after all repeats.
    """

    model: str
    image: str
    ready: int
    peak: int


class Growth(NamedTuple):
    """Resident size of one process over many invocations, bytes.

    Attributes:
        model: name of the model.
        invocations: their number.
        sizes: number of different image sizes.
        ready: before the first image.
        after_first_round: after each size once.
        settled: after SETTLED of the invocations, or after the first round if that is later.
        end: after the last invocation.
        peak: peak of the process.
    """

    model: str
    invocations: int
    sizes: int
    ready: int
    after_first_round: int
    settled: int
    end: int
    peak: int


def peaks(model: BenchmarkModel, built: Contender) -> list[Peak]:
    """Measure the peak of each image size, each in a new process."""
    measured = []
    for width, height in IMAGE_SIZES:
        event = inputs.event(inputs.jpeg(IMAGE, (width, height)))
        with in_process.running(built.dist, 1, {}) as function:
            results = [function.invoke(event) for _ in range(REPEATS)]
            ready = function.initial["after"]["resident"]
        measured.append(Peak(model.name, f"{width} x {height}", ready, results[-1]["after"]["peak"]))
    return measured


def growth(
    model: BenchmarkModel, built: Contender, invocations: int, size_count: int, log: Callable[[str], None]
) -> Growth:
    """Measure one process that receives images of many sizes, in turn and repeatedly.

    Args:
        model: the model in the zips.
        built: the zips.
        invocations: their number, at least 1.
        size_count: number of different image sizes.
        log: receives lines about the progress.
    """
    events = [inputs.event(inputs.jpeg(IMAGE, size)) for size in inputs.sizes(min(size_count, invocations), SEED)]
    resident: list[int] = []
    with in_process.running(built.dist, 1, {}) as function:
        for number in range(invocations):
            result = function.invoke(events[number % len(events)])
            resident.append(result["after"]["resident"])
            if (number + 1) % (10 * WINDOW) == 0:
                log(f"{number + 1} of {invocations} responses")
    settled = max(len(events), int(SETTLED * invocations))
    return Growth(
        model=model.name,
        invocations=invocations,
        sizes=len(events),
        ready=function.initial["after"]["resident"],
        after_first_round=window_mean(resident, len(events)),
        settled=window_mean(resident, settled),
        end=window_mean(resident, invocations),
        peak=result["after"]["peak"],
    )


def window_mean(resident: Sequence[int], number: int) -> int:
    """Return the mean size in the window of invocations that ends after the first `number`; at least one."""
    return round(statistics.fmean(resident[max(0, number - WINDOW) : max(1, number)]))


def text(peaks: Sequence[Peak], growths: Sequence[Growth]) -> str:
    """Return the tables of peaks and of growth, MB."""
    rows = [["peak resident MB", "image", "ready", "peak", "for the image"]]
    rows += [[p.model, p.image, report.mb(p.ready), report.mb(p.peak), report.mb(p.peak - p.ready)] for p in peaks]
    more = [["growth, MB resident", "responses", "sizes", "ready", "each size once", "settled", "end",
             "growth since settled"]]  # fmt: skip
    more += [
        [g.model, f"{g.invocations:,}", f"{g.sizes}", report.mb(g.ready), report.mb(g.after_first_round),
         report.mb(g.settled), report.mb(g.end), f"{(g.end - g.settled) / report.MB:+.1f}"]
        for g in growths
    ]  # fmt: skip
    return f"{report.table(rows)}\n{report.table(more)}"


def fields(peaks: Sequence[Peak], growths: Sequence[Growth]) -> dict[str, Any]:
    """Return the results in bytes, for the JSON document."""
    return {"peaks": [peak._asdict() for peak in peaks], "growth": [growth._asdict() for growth in growths]}
