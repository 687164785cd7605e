"""Measurement of one setting: cold starts of all contenders in pairs and random order, then warm responses."""

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import agreement, contenders, page_cache, trace, zips
from benchmarks.agreement import Agreement, Box
from benchmarks.contenders import Contender, Resources, Start
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.invocation import Invocation

WARM_UP = 3  # responses that are not counted: caches and clock rates settle
SEED = 5  # of the order within each pair: the same in each run of the benchmark


class Setting(NamedTuple):
    """Conditions of a measurement.

    Attributes:
        model: name of the model.
        resources: CPUs and memory.
        dropped: drop the page cache before each start.
        runs: number of pairs.
        warm_runs: number of responses of a warm process; 0: none.
    """

    model: str
    resources: Resources
    dropped: bool
    runs: int
    warm_runs: int


class Warm(NamedTuple):
    """A warm response: milliseconds in total and by step."""

    invoke_ms: float
    steps: dict[str, float]


class Runs(NamedTuple):
    """Measurements of one contender, in the order of the pairs.

    Attributes:
        contender: the contender.
        starts: its cold starts.
        warm: its warm responses.
        agreement: comparison of its boxes with those of the first contender.
        unpacked_bytes: size of the files of its zips and packages.
        resident_share: share of these files in the page cache before the last start, 0..1.
    """

    contender: Contender
    starts: list[Start]
    warm: list[Warm]
    agreement: Agreement
    unpacked_bytes: int
    resident_share: float

    @property
    def first_responses_ms(self) -> list[float]:
        """Time to the first response of each start."""
        return [start.first_response_ms for start in self.starts]


class Measurement(NamedTuple):
    """A setting and the runs of each contender, in the order of the contenders."""

    setting: Setting
    runs: list[Runs]

    def of(self, name: str) -> Runs:
        """Return the runs of one contender."""
        return next(runs for runs in self.runs if runs.contender.name == name)


def measure(setting: Setting, entered: Sequence[Contender], event: Any, log: Callable[[str], None]) -> Measurement:
    """Measure cold starts and warm responses of all contenders.

    Args:
        setting: the conditions.
        entered: the contenders; the boxes of all others are compared with those of the first one.
        event: the event of each invocation.
        log: receives lines about the progress.

    Raises:
        NotMeasured: a contender does not start, fails, or returns other boxes.
    """
    with contextlib.ExitStack() as stack:
        functions = {
            contender.name: stack.enter_context(contenders.unpacked(contender, setting.resources))
            for contender in entered
        }
        boxes = {
            contender.name: contenders.start(contender, functions[contender.name], event).boxes for contender in entered
        }
        reference = boxes[entered[0].name]
        agreements = {name: agreement.require(name, reference, candidate) for name, candidate in boxes.items()}
        starts, resident = _cold(setting, entered, functions, event, log)
        probed = [contender for contender in entered if contender.probe] or entered
        warm = _warm(setting, probed, functions, event, boxes)
    runs = [
        Runs(
            contender,
            starts[contender.name],
            warm.get(contender.name, []),
            agreements[contender.name],
            _size(contender),
            resident.get(contender.name, 1.0),
        )
        for contender in entered
    ]
    return Measurement(setting, runs)


def _cold(
    setting: Setting,
    entered: Sequence[Contender],
    functions: Mapping[str, LocalLambda],
    event: Any,
    log: Callable[[str], None],
) -> tuple[dict[str, list[Start]], dict[str, float]]:
    """Return the starts of each contender, and the share of its files in the page cache before the last one."""
    order = random.Random(SEED)
    starts: dict[str, list[Start]] = {contender.name: [] for contender in entered}
    resident: dict[str, float] = {}
    if setting.dropped:
        page_cache.flush()
    for number in range(setting.runs):
        for contender in order.sample(entered, len(entered)):
            function = functions[contender.name]
            if setting.dropped:
                files = _drop(contender, function)
                if number == setting.runs - 1:
                    resident[contender.name] = page_cache.resident_share(files)
            starts[contender.name].append(contenders.start(contender, function, event))
            if not setting.warm_runs:
                function.stop()
        log(f"pair {number + 1} of {setting.runs}")
    return starts, resident


def _drop(contender: Contender, function: LocalLambda) -> list[Path]:
    """Drop the files of the contender from the page cache; return their folders."""
    function.stop()  # the kernel keeps what a process has mapped
    folders = contenders.folders(contender, function)
    page_cache.drop(folders)
    return folders


def _warm(
    setting: Setting,
    entered: Sequence[Contender],
    functions: Mapping[str, LocalLambda],
    event: Any,
    boxes: Mapping[str, list[Box]],
) -> dict[str, list[Warm]]:
    """Measure the responses of the running processes, in pairs and random order.

    Contenders without a probe are left out beside others that have one.
    """
    order = random.Random(SEED)
    responses: dict[str, list[Warm]] = {contender.name: [] for contender in entered}
    for number in range(setting.warm_runs + WARM_UP if setting.warm_runs else 0):
        for contender in order.sample(entered, len(entered)):
            name = contender.name
            invocation = contenders.invoke(contender, functions[name], event)
            agreement.require(name, boxes[name], agreement.boxes(invocation.response))
            if number >= WARM_UP:
                responses[name].append(Warm(invocation.invoke_ms, _steps(contender, invocation)))
    return responses


def _steps(contender: Contender, invocation: Invocation) -> dict[str, float]:
    """Return the milliseconds of each step of a response; none without a probe."""
    if not contender.probe:
        return {}
    timing = agreement.timing(invocation.response)
    return trace.warm_steps(trace.read(invocation.logs), timing, invocation.invoke_ms)


def _size(contender: Contender) -> int:
    packages = sum(path.stat().st_size for path in page_cache.files(contender.package_folders))
    return zips.unpacked_bytes(contender.dist) + packages
