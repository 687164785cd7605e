"""What a run goes through: the models, the settings, and who enters each."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import ablation, cpus, models, prepare
from benchmarks.cold_start import Setting
from benchmarks.contenders import Contender, Place
from benchmarks.models import Measured

MB_PER_CPU = 1769  # MB; AWS Lambda developer guide, "Configure Lambda function memory"
MEMORY_SIZES = (512, 1024, 1769, 3538)  # MB
RUNS, QUICK_RUNS = 10, 3  # pairs
WARM_RUNS, QUICK_WARM_RUNS = 20, 5  # answers of a warm process after the pairs
MODELS = {"example": models.example, "yolov8n": models.yolov8n, "yolov8n-static": models.yolov8n_static}
USUAL = ("example", "yolov8n")  # where nobody says; warm answers are measured with all


class Field(NamedTuple):
    """A model and everybody who can answer with it, ours first."""

    measured: Measured
    entered: list[Contender]

    def named(self, *names: str) -> list[Contender]:
        """Those of these names, in the field's order."""
        return [one for one in self.entered if one.name in names]


class Step(NamedTuple):
    """A setting and who enters it."""

    setting: Setting
    entered: list[Contender]


def field(name: str, dist: Path | None) -> Field:
    """Everybody with a model.

    Args:
        name: of MODELS.
        dist: the example's zips; None: those below build/benchmarks.
    """
    measured = MODELS[name]()
    ours = prepare.ours(measured, dist if name == "example" else None)
    if measured.static:
        return Field(measured, [ours, prepare.ultralytics(measured, ours, prepare.ONNX)])
    rivals = [prepare.ultralytics(measured, ours, rival) for rival in (prepare.TORCH, prepare.ONNX)]
    return Field(measured, [ours, prepare.bare(ours), prepare.plain(measured, ours), *rivals])


def starts(one: Field, runs: int, warm_runs: int, first: bool) -> Iterator[Step]:
    """The settings of one model; `first` has those that are told for one model only.

    The page cache is dropped, and memory sizes are gone through, with one model: it is the packages that differ there.
    """
    name = one.measured.name
    for count in (1, 2):
        if count <= cpus.count():
            place = Place(count, count * MB_PER_CPU)
            yield Step(Setting(name, place, dropped=False, runs=runs, warm_runs=warm_runs), one.entered)
    if not first:
        return
    count = min(2, cpus.count())
    rivals = one.named(prepare.OURS, prepare.PLAIN, prepare.TORCH)
    yield Step(Setting(name, Place(count, count * MB_PER_CPU), dropped=True, runs=runs, warm_runs=0), rivals)
    yield from memory_sizes(one, max(QUICK_RUNS, runs // 2))  # the small ones are slow, and no claim rests on them


def memory_sizes(one: Field, runs: int) -> Iterator[Step]:
    """Each size with the CPU time that it buys, where that can be given out; else with its threads alone."""
    entered = one.named(prepare.OURS, prepare.PLAIN)
    for memory in MEMORY_SIZES:
        bought = memory / MB_PER_CPU
        if bought <= cpus.count():
            place = Place(cpus.count(), memory, bought if cpus.has_quota() else None)
            yield Step(Setting(one.measured.name, place, dropped=False, runs=runs, warm_runs=runs), entered)


def steps_without(one: Field, runs: int) -> Iterator[Step]:
    """Ours, and ours with one step taken back at a time; with the files in memory, and from the disk."""
    ours = one.entered[0]
    taken_back = [ablation.contender(variant, one.measured, ours) for variant in ablation.VARIANTS]
    most = min(2, cpus.count())
    for dropped in (False, True):
        setting = Setting(one.measured.name, Place(most, most * MB_PER_CPU), dropped, runs=runs, warm_runs=0)
        yield Step(setting, [ours, *taken_back])


def warm(one: Field, warm_runs: int) -> Step:
    """Ours, and of the others the plain one and ultralytics on the ONNX, on one CPU; warm answers only."""
    entered = one.named(prepare.OURS, prepare.PLAIN, prepare.ONNX)
    setting = Setting(one.measured.name, Place(1, MB_PER_CPU), dropped=False, runs=0, warm_runs=warm_runs)
    return Step(setting, entered)
