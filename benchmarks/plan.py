"""Plan of a benchmark: models, settings, and the contenders of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import ablation, cpus, models, prepare
from benchmarks.cold_start import Setting
from benchmarks.contenders import Contender, Resources
from benchmarks.models import BenchmarkModel
from benchmarks.options import QUICK_RUNS
from scripts.aws.limits import MB_PER_CPU

MEMORY_SIZES = (512, 1024, 1769, 3538)  # MB
WARM_RUNS, QUICK_WARM_RUNS = 20, 5  # responses of a warm process after the pairs
MODELS = {"example": models.example, "yolov8n": models.yolov8n, "yolov8n-static": models.yolov8n_static}


class Lineup(NamedTuple):
    """A model and its contenders, this project first."""

    model: BenchmarkModel
    contenders: list[Contender]

    def named(self, *names: str) -> list[Contender]:
        """Return the contenders with these names, in the order of the lineup."""
        return [contender for contender in self.contenders if contender.name in names]


class PlannedRun(NamedTuple):
    """A setting and its contenders."""

    setting: Setting
    contenders: list[Contender]


def lineup(name: str, dist: Path | None) -> Lineup:
    """Return a model with all its contenders.

    Args:
        name: a key of MODELS.
        dist: folder with the zips of the example; None: below build/benchmarks.
    """
    model = MODELS[name]()
    built = prepare.this_project(model, dist if name == "example" else None)
    if model.static:
        return Lineup(model, [built, prepare.ultralytics(model, built, prepare.ONNX)])
    baselines = [prepare.ultralytics(model, built, baseline) for baseline in (prepare.TORCH, prepare.ONNX)]
    return Lineup(model, [built, prepare.without_probe(built), prepare.plain(model, built), *baselines])


def starts(entered: Lineup, runs: int, warm_runs: int, first: bool) -> Iterator[PlannedRun]:
    """Yield the cold starts of one model.

    The dropped page cache and the memory sizes are measured with one model only: they depend on the packages, which all
    models share.

    Args:
        entered: the model and its contenders.
        runs: number of pairs.
        warm_runs: number of warm responses.
        first: also yield the settings that are measured with one model only.
    """
    name = entered.model.name
    for resources in whole_cpus():
        setting = Setting(name, resources, dropped=False, runs=runs, warm_runs=warm_runs)
        yield PlannedRun(setting, entered.contenders)
    if not first:
        return
    count = min(2, cpus.count())
    setting = Setting(name, Resources(count, count * MB_PER_CPU), dropped=True, runs=runs, warm_runs=0)
    yield PlannedRun(setting, entered.named(prepare.THIS_PROJECT, prepare.PLAIN, prepare.TORCH))
    yield from memory_sizes(entered, max(QUICK_RUNS, runs // 2))  # fewer pairs: the small sizes are slow


def whole_cpus() -> list[Resources]:
    """Return one and two CPUs, if this machine has them, with the memory for which Lambda gives them."""
    return [Resources(count, count * MB_PER_CPU) for count in (1, 2) if count <= cpus.count()]


def memory_sizes(entered: Lineup, runs: int) -> Iterator[PlannedRun]:
    """Yield each memory size, with its CPU time if that can be limited here, else with its number of threads only."""
    contenders = entered.named(prepare.THIS_PROJECT, prepare.PLAIN)
    for memory in MEMORY_SIZES:
        share = memory / MB_PER_CPU
        if share <= cpus.count():
            resources = Resources(cpus.count(), memory, share if cpus.has_quota() else None)
            setting = Setting(entered.model.name, resources, dropped=False, runs=runs, warm_runs=runs)
            yield PlannedRun(setting, contenders)


def ablations(entered: Lineup, runs: int) -> Iterator[PlannedRun]:
    """Yield this project against each of its ablations, with the page cache warm and dropped."""
    built = entered.contenders[0]
    variants = [ablation.contender(each, entered.model, built) for each in ablation.ABLATIONS]
    count = min(2, cpus.count())
    for dropped in (False, True):
        resources = Resources(count, count * MB_PER_CPU)
        yield PlannedRun(Setting(entered.model.name, resources, dropped, runs=runs, warm_runs=0), [built, *variants])


def warm(entered: Lineup, warm_runs: int) -> PlannedRun:
    """Return the warm responses of one model on one CPU: this project, plain, and Ultralytics on the ONNX file."""
    contenders = entered.named(prepare.THIS_PROJECT, prepare.PLAIN, prepare.ONNX)
    setting = Setting(entered.model.name, Resources(1, MB_PER_CPU), dropped=False, runs=0, warm_runs=warm_runs)
    return PlannedRun(setting, contenders)
