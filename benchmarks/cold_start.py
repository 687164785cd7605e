"""One setting measured: everybody in it started again and again, in pairs, in shuffled order; then asked while warm."""

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import agreement, contenders, page_cache, trace, zips
from benchmarks.agreement import Agreement, Box
from benchmarks.contenders import Contender, Place, Start
from scripts.local_lambda.emulator import LocalLambda

WARM_FIRST = 3  # answers that are not counted: caches and clocks settle
SEED = 5  # of the order within each pair, so that two runs of the benchmark do the same


class Setting(NamedTuple):
    """What is measured: where, how often, and whether files come from the disk."""

    model: str
    place: Place
    dropped: bool  # the page cache, before each start
    runs: int
    warm_runs: int  # answers of a warm process; 0 for none


class Warm(NamedTuple):
    """A warm answer: milliseconds, whole and by step."""

    invoke_ms: float
    steps: dict[str, float]


class Runs(NamedTuple):
    """What was measured of one contender, pair by pair."""

    contender: Contender
    starts: list[Start]
    warm: list[Warm]
    agreement: Agreement
    unpacked_bytes: int  # files of its zips and packages
    resident_share: float  # of those, in memory just before the last start; 0..1


class Measurement(NamedTuple):
    """A setting and what was measured in it, in the order of the contenders."""

    setting: Setting
    runs: list[Runs]

    def of(self, name: str) -> Runs:
        """Those of one contender."""
        return next(one for one in self.runs if one.contender.name == name)


def measure(setting: Setting, entered: Sequence[Contender], event: Any, say: Callable[[str], None]) -> Measurement:
    """Start and ask everybody; the first contender is whom the others' boxes are compared with.

    Args:
        setting: where and how often.
        entered: who; by name.
        event: that all answer.
        say: told about progress.

    Raises:
        NotMeasured: somebody does not start, fails, or finds other boxes.
    """
    order = random.Random(SEED)
    with contextlib.ExitStack() as stack:
        running = {one.name: stack.enter_context(contenders.ready(one, setting.place)) for one in entered}
        boxes = {one.name: contenders.start(one, running[one.name], event).boxes for one in entered}
        found = {one.name: agreement.demand(one.name, boxes[entered[0].name], boxes[one.name]) for one in entered}
        starts: dict[str, list[Start]] = {one.name: [] for one in entered}
        if setting.dropped:
            page_cache.settle()
        resident: dict[str, float] = {}
        for number in range(setting.runs):
            for one in order.sample(entered, len(entered)):
                if setting.dropped:
                    files = _drop(one, running[one.name])
                    if number == setting.runs - 1:
                        resident[one.name] = page_cache.resident_share(files)
                starts[one.name].append(contenders.start(one, running[one.name], event))
                if not setting.warm_runs:
                    running[one.name].stop()
            say(f"pair {number + 1} of {setting.runs}")
        warm = _warm(setting, [one for one in entered if one.probe], running, event, boxes)
    return Measurement(setting, [
        Runs(one, starts[one.name], warm.get(one.name, []), found[one.name], _size(one), resident.get(one.name, 1.0))
        for one in entered
    ])  # fmt: skip


def _drop(contender: Contender, function: LocalLambda) -> list[Path]:
    """Put its files out of memory; which folders they are in."""
    function.stop()  # what it has mapped would stay
    folders = contenders.folders(contender, function)
    page_cache.drop(folders)
    return folders


def _warm(
    setting: Setting,
    entered: Sequence[Contender],
    running: Mapping[str, LocalLambda],
    event: Any,
    boxes: Mapping[str, list[Box]],
) -> dict[str, list[Warm]]:
    """Answers of processes that have answered before, in turn."""
    order = random.Random(SEED)
    answers: dict[str, list[Warm]] = {one.name: [] for one in entered}
    for number in range(setting.warm_runs + WARM_FIRST if setting.warm_runs else 0):
        for one in order.sample(entered, len(entered)):
            answer = contenders.invoke(one, running[one.name], event)
            agreement.demand(one.name, boxes[one.name], agreement.boxes(answer.response))
            if number >= WARM_FIRST:
                timing = agreement.timing(answer.response)
                steps = trace.warm_steps(trace.read(answer.logs), timing, answer.invoke_ms)
                answers[one.name].append(Warm(answer.invoke_ms, steps))
    return answers


def _size(contender: Contender) -> int:
    beside = sum(path.stat().st_size for path in page_cache.files(Path(folder) for folder in contender.packages))
    return zips.unpacked_bytes(contender.dist) + beside
