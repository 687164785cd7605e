"""Command of scripts/bench.sh: run a benchmark, print its results and write them to files."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    NotMeasured,
    ablation,
    chart,
    cold_start,
    compare,
    cpus,
    engines,
    floor,
    memory,
    nms,
    plan,
    prepare,
    report,
    scale,
    task_costs,
)
from benchmarks.cold_start import Measurement
from benchmarks.floor import Floor
from benchmarks.models import IMAGE, ROOT
from benchmarks.options import INVOCATIONS, parse
from benchmarks.stats import ratios
from scripts.local_lambda.errors import LocalLambdaError
from scripts.local_lambda.events import from_image
from scripts.manifest import InvalidManifest

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
SIZES, QUICK_INVOCATIONS = 200, 200  # of the growth of memory
NMS_RUNS = 5
TASK_RUNS, QUICK_TASK_RUNS = 20, 3
WARM_ONLY_RUNS = 50


def main(arguments: Sequence[str]) -> int:
    """Run a benchmark, and write all results as JSON.

    Args:
        arguments: the command line without the program name.

    Returns:
        The exit code: 0 success, 1 an engine has an error in place of times, 2 the benchmark cannot run here,
        130 interrupted; a usage error exits with 2.
    """
    if arguments and arguments[0] == "fast-decode":
        from benchmarks import fast_decode  # loads onnxruntime, which no other benchmark needs in this process

        return fast_decode.main(arguments[1:])
    options = _parse(arguments)
    try:
        document = COMMANDS[options.command](options)
    except (NotMeasured, LocalLambdaError, InvalidManifest) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("benchmarks: interrupted\n")
        return INTERRUPTED
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    _log(f"all results: {_relative(options.json)}")
    return FAILED if document.get("errors") else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    own = {
        "compare": compare.parse,
        "engines": engines.parse,
        "scale": scale.options.parse,
    }  # commands with options of their own
    if arguments and arguments[0] in own:
        return argparse.Namespace(command=arguments[0], **vars(own[arguments[0]](list(arguments[1:]))))
    return parse(arguments)


def _start(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    warm_runs = plan.QUICK_WARM_RUNS if options.quick else plan.WARM_RUNS
    measurements: list[Measurement] = []
    floors: list[Floor] = []
    if not cpus.has_quota():
        _log(cpus.NO_QUOTA)
    for number, name in enumerate(options.models):
        entered = plan.lineup(name, options.dist)
        for planned in plan.starts(entered, options.runs, warm_runs, first=number == 0):
            measurements.append(_measure(planned, entered))
            _print(f"\n{report.text(measurements[-1])}\n")
        floors += _floors(entered, options.runs)
    _print(f"\n{report.table(floor.rows(floors))}\n")
    _draw(_charted(measurements), options.chart)
    return report.document("start", machine, report.settings(measurements) | {"floor": floor.fields(floors)})


def _floors(entered: plan.Lineup, runs: int) -> list[Floor]:
    """Measure the start of this project beside its floor, with each number of CPUs."""
    _log(f"{entered.model.name}: {prepare.THIS_PROJECT}, {prepare.FLOOR}")
    built = entered.contenders[0]
    both = (prepare.without_probe(built), prepare.floor(entered.model, built))
    return [floor.measure(entered.model.name, both, resources, runs) for resources in plan.whole_cpus()]


def _steps(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    measurements = []
    for name in options.models:
        entered = plan.lineup(name, options.dist)
        for planned in plan.ablations(entered, options.runs):
            measurements.append(_measure(planned, entered))
            _print(f"\n{report.title(measurements[-1])}\n\n{report.table(ablation.rows(measurements[-1]))}")
            if options.history:
                ablation.append(options.history, measurements[-1], machine)
    return report.document("steps", machine, report.settings(measurements))


def _warm(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    measurements = []
    for name in options.models:
        entered = plan.lineup(name, options.dist)
        runs = plan.QUICK_WARM_RUNS if options.quick else WARM_ONLY_RUNS
        measurements.append(_measure(plan.warm(entered, runs), entered))
        _print(f"\n{report.text(measurements[-1])}\n")
    return report.document("warm", machine, report.settings(measurements))


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    lineups = [plan.lineup(name, options.dist) for name in options.models]
    peaks = [peak for entered in lineups for peak in memory.peaks(entered.model, entered.contenders[0])]
    count = QUICK_INVOCATIONS if options.quick else INVOCATIONS
    growths = [memory.growth(entered.model, entered.contenders[0], count, SIZES, _log) for entered in lineups]
    _print(f"\n{memory.text(peaks, growths)}\n")
    return report.document("memory", machine, memory.fields(peaks, growths))


def _nms(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    built = plan.lineup(options.models[0], options.dist).contenders[0]
    costs = nms.measure(built, 2 if options.quick else NMS_RUNS)
    _print(f"\n{nms.text(costs)}\n")
    return report.document("nms", machine, nms.fields(costs))


def _tasks(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    built = plan.lineup("yolov8n", None).contenders[0]
    costs = task_costs.measure(built, QUICK_TASK_RUNS if options.quick else TASK_RUNS)
    _print(f"\n{task_costs.text(costs)}\n")
    return report.document("tasks", machine, task_costs.fields(costs))


def _compare(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    measurement = compare.measure(options, _log)
    _print(f"\n{compare.text(measurement)}\n")
    return report.document("compare", machine, compare.fields(measurement))


def _engines(options: argparse.Namespace) -> dict[str, Any]:
    machine = _begin()
    rows: list[engines.Row] = []
    for name in options.models:
        measured = engines.measure(name, options, _log)
        _print(f"\n{engines.text(measured)}\n")
        rows += measured
    return report.document("engines", machine, engines.fields(rows))


def _scale(options: argparse.Namespace) -> dict[str, Any]:
    machine, checks = report.current_machine(), list[scale.Check]()
    if options.measure:
        _log(f"{scale.measure.IMAGES} images through {options.measure}, {scale.measure.ENVIRONMENTS} environments")
        measured, checks = scale.measured(options.measure, options.batch, options.check)
        vars(options).update(
            {name: value for name, value in measured._asdict().items() if getattr(options, name) is None}
        )
        _print("".join(f"{each.text()}\n" for each in checks))
    rows = [
        scale.report.row(way, scale.options.plan(options, images)) for images in options.images for way in options.ways
    ]
    scale.report.show(rows)
    checked = {"checks": [each.fields() for each in checks]}
    return report.document("scale", machine, scale.report.fields(rows) | checked)


COMMANDS = {
    "start": _start,
    "steps": _steps,
    "warm": _warm,
    "memory": _memory,
    "nms": _nms,
    "tasks": _tasks,
    "compare": _compare,
    "engines": _engines,
    "scale": _scale,
}


def _begin() -> report.Machine:
    machine = report.current_machine()
    _print(f"{report.describe(machine)}\n")
    return machine


def _measure(planned: plan.PlannedRun, entered: plan.Lineup) -> Measurement:
    _log(f"{planned.setting.model}: {', '.join(contender.name for contender in planned.contenders)}")
    event = from_image(IMAGE, f"conf={entered.model.conf}").event
    return cold_start.measure(planned.setting, planned.contenders, event, _log)


def _charted(measurements: Sequence[Measurement]) -> Measurement:
    """Return the measurement for the chart: of the first model, most CPUs, CPU time not limited, page cache warm."""
    unlimited = [each for each in measurements if not (each.setting.dropped or each.setting.resources.share)]
    first_model = [each for each in unlimited if each.setting.model == measurements[0].setting.model]
    return max(first_model, key=lambda each: each.setting.resources)


def _draw(measurement: Measurement, path: Path) -> None:
    """Draw the start nearest to the median of each contender, so that the steps of a bar add up."""
    probed = [runs for runs in measurement.runs if runs.contender.probe]
    bars = []
    for runs in probed:
        ordered = sorted(runs.starts, key=lambda start: start.first_response_ms)
        middle = ordered[(len(ordered) - 1) // 2]
        ratio = ratios(runs.first_responses_ms, probed[0].first_responses_ms).median
        bars.append(chart.Bar(runs.contender.name, middle.steps, f"{middle.first_response_ms:,.0f} ms, {ratio:.1f}x"))
    chart.draw(f"Cold start to the first detections: {report.title(measurement)}", bars, path)
    _log(f"chart: {_relative(path)}")


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _log(line: str) -> None:
    sys.stderr.write(f"benchmarks: {line}\n")
    sys.stderr.flush()
