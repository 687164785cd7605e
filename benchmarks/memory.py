"""Memory: the largest resident size by model and picture, and what many answers to pictures of many sizes add."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks import in_process, inputs, report
from benchmarks.contenders import Contender
from benchmarks.models import PICTURE, Measured

PICTURE_SIZES = ((640, 640), (1920, 1080), (4000, 3000), (8000, 6000))  # px, width x height
REPEATS = 3  # of each picture: the second run of a size shows what the first left behind
SEED = 3
SETTLED = 0.25  # of the answers, and every size once: what comes after that is growth
WINDOW = 50  # invocations over which the size is averaged, since it breathes


class Peak(NamedTuple):
    """The largest resident size of a process that answered one kind of picture; bytes."""

    model: str
    picture: str  # "1920 x 1080"
    ready: int  # before the first picture
    peak: int


class Growth(NamedTuple):
    """Resident bytes of one process over many answers."""

    model: str
    invocations: int
    sizes: int
    ready: int
    after_first_round: int  # every size has come once
    settled: int  # after SETTLED of the invocations, or the first round where that is longer
    end: int
    peak: int


def peaks(measured: Measured, built: Contender) -> list[Peak]:
    """Each picture size in a process of its own."""
    found = []
    for width, height in PICTURE_SIZES:
        sent = inputs.event(inputs.jpeg(PICTURE, (width, height)))
        with in_process.served(built.dist, 1, {}) as function:
            told = [function.ask(sent) for _ in range(REPEATS)]
            ready = function.first["after"]["resident"]
        found.append(Peak(measured.name, f"{width} x {height}", ready, told[-1]["after"]["peak"]))
    return found


def growth(
    measured: Measured, built: Contender, invocations: int, size_count: int, say: Callable[[str], None]
) -> Growth:
    """One process, pictures of many sizes in turn, again and again."""
    sent = [inputs.event(inputs.jpeg(PICTURE, size)) for size in inputs.sizes(min(size_count, invocations), SEED)]
    resident: list[int] = []
    with in_process.served(built.dist, 1, {}) as function:
        for number in range(invocations):
            told = function.ask(sent[number % len(sent)])
            resident.append(told["after"]["resident"])
            if (number + 1) % (10 * WINDOW) == 0:
                say(f"{number + 1} of {invocations} answers")
    settled = max(len(sent), int(SETTLED * invocations))
    return Growth(
        measured.name, invocations, len(sent), function.first["after"]["resident"],
        around(resident, len(sent)), around(resident, settled), around(resident, invocations), told["after"]["peak"],
    )  # fmt: skip


def around(resident: Sequence[int], number: int) -> int:
    """The mean of the sizes in the window that ends after `number` answers; at least one of them."""
    return round(statistics.fmean(resident[max(0, number - WINDOW) : max(1, number)]))


def text(found_peaks: Sequence[Peak], grown: Sequence[Growth]) -> str:
    """Two tables, MB."""
    rows = [["peak resident MB", "picture", "ready", "peak", "picture's share"]]
    rows += [
        [p.model, p.picture, report.mb(p.ready), report.mb(p.peak), report.mb(p.peak - p.ready)] for p in found_peaks
    ]
    more = [["growth, MB resident", "answers", "sizes", "ready", "each size once", "settled", "at the end",
             "growth since settled"]]  # fmt: skip
    more += [
        [g.model, f"{g.invocations:,}", f"{g.sizes}", report.mb(g.ready), report.mb(g.after_first_round),
         report.mb(g.settled), report.mb(g.end), f"{(g.end - g.settled) / report.MB:+.1f}"]
        for g in grown
    ]  # fmt: skip
    return f"{report.table(rows)}\n{report.table(more)}"


def document(found_peaks: Sequence[Peak], grown: Sequence[Growth]) -> dict[str, Any]:
    """The same for machines, bytes."""
    return {"peaks": [one._asdict() for one in found_peaks], "growth": [one._asdict() for one in grown]}
