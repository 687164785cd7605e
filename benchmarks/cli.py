"""The command line: which figures are wanted, and where they go."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import NotMeasured, ablation, chart, cold_start, cpus, memory, nms, plan, report, task_costs
from benchmarks.cold_start import Measurement
from benchmarks.models import PICTURE, ROOT
from benchmarks.stats import ratios
from scripts.local_lambda.errors import LocalLambdaError
from scripts.local_lambda.events import from_picture

USAGE, INTERRUPTED = 2, 130  # exit codes
SHOWN = Path("benchmarks", "cold_start.png")
HISTORY = Path("benchmarks", "history.md")
INVOCATIONS, SIZES, QUICK_INVOCATIONS = 2000, 200, 200  # of the growth of memory
NMS_RUNS = 5
TASK_RUNS, QUICK_TASK_RUNS = 20, 3
WARM_ONLY_RUNS = 50


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for: 0, or 2 where it cannot be measured."""
    options = _options(arguments)
    try:
        document = COMMANDS[options.command](options)
    except (NotMeasured, LocalLambdaError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        sys.stderr.write("benchmarks: interrupted\n")
        return INTERRUPTED
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    _say(f"every figure: {_shown(options.json)}")
    return 0


def _start(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    warm_runs = plan.QUICK_WARM_RUNS if options.quick else plan.WARM_RUNS
    seen: list[Measurement] = []
    if not cpus.has_quota():
        _say(cpus.NO_QUOTA)
    for number, name in enumerate(options.models):
        field = plan.field(name, options.dist)
        for step in plan.starts(field, options.runs, warm_runs, first=number == 0):
            seen.append(_measure(step, field))
            sys.stdout.write(f"\n{report.text(seen[-1])}\n")
            sys.stdout.flush()
    _draw(_shown_setting(seen), options.picture)
    return report.document("start", here, seen)


def _steps(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    seen = []
    for name in options.models:
        field = plan.field(name, options.dist)
        for step in plan.steps_without(field, options.runs):
            seen.append(_measure(step, field))
            sys.stdout.write(f"\n{report.title(seen[-1])}\n\n{report.table(ablation.rows(seen[-1]))}")
            sys.stdout.flush()
            if options.history:
                ablation.append(options.history, seen[-1], here)
    return report.document("steps", here, seen)


def _warm(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    seen = []
    for name in options.models:
        field = plan.field(name, options.dist)
        seen.append(_measure(plan.warm(field, plan.QUICK_WARM_RUNS if options.quick else WARM_ONLY_RUNS), field))
        sys.stdout.write(f"\n{report.text(seen[-1])}\n")
    return report.document("warm", here, seen)


def _memory(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    fields = [plan.field(name, options.dist) for name in options.models]
    peaks = [peak for field in fields for peak in memory.peaks(field.measured, field.entered[0])]
    count = QUICK_INVOCATIONS if options.quick else INVOCATIONS
    grown = [memory.growth(field.measured, field.entered[0], count, SIZES, _say) for field in fields]
    sys.stdout.write(f"\n{memory.text(peaks, grown)}\n")
    return {"format": report.FORMAT, "kind": "memory", "machine": here._asdict(), **memory.document(peaks, grown)}


def _nms(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    found = nms.measure(plan.field(options.models[0], options.dist).entered[0], 2 if options.quick else NMS_RUNS)
    sys.stdout.write(f"\n{nms.text(found)}\n")
    return {"format": report.FORMAT, "kind": "nms", "machine": here._asdict(), "crowds": nms.document(found)}


def _tasks(options: argparse.Namespace) -> dict[str, Any]:
    here = _begin()
    runs = QUICK_TASK_RUNS if options.quick else TASK_RUNS
    found = task_costs.measure(plan.field("yolov8n", None).entered[0], runs)
    sys.stdout.write(f"\n{task_costs.text(found)}\n")
    return {"format": report.FORMAT, "kind": "tasks", "machine": here._asdict(), "costs": task_costs.document(found)}


COMMANDS = {"start": _start, "steps": _steps, "warm": _warm, "memory": _memory, "nms": _nms, "tasks": _tasks}


def _begin() -> report.Machine:
    here = report.look()
    sys.stdout.write(f"{report.describe(here)}\n")
    sys.stdout.flush()
    return here


def _measure(step: plan.Step, field: plan.Field) -> Measurement:
    _say(f"{step.setting.model}: {', '.join(one.name for one in step.entered)}")
    event = from_picture(PICTURE, f"conf={field.measured.conf}").event
    return cold_start.measure(step.setting, step.entered, event, _say)


def _shown_setting(seen: Sequence[Measurement]) -> Measurement:
    """Of the first model, that with the most CPUs at their full time, and with the files in memory."""
    plain = [one for one in seen if not (one.setting.dropped or one.setting.place.share)]
    return max((one for one in plain if one.setting.model == seen[0].setting.model), key=lambda one: one.setting.place)


def _draw(seen: Measurement, path: Path) -> None:
    """The start nearest to the median of each contender, so that the steps of a bar add up."""
    probed = [runs for runs in seen.runs if runs.contender.probe]
    first = [start.first_answer_ms for start in probed[0].starts]
    bars = []
    for runs in probed:
        ordered = sorted(runs.starts, key=lambda start: start.first_answer_ms)
        middle = ordered[(len(ordered) - 1) // 2]
        times = ratios([start.first_answer_ms for start in runs.starts], first).median
        bars.append(chart.Bar(runs.contender.name, middle.steps, f"{middle.first_answer_ms:,.0f} ms, {times:.1f}x"))
    chart.draw(f"From nothing to the first boxes: {report.title(seen)}", bars, path)
    _say(f"picture: {_shown(path)}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).splitlines()[0])
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="start", help="what to measure (%(default)s)")
    parser.add_argument("--dist", type=Path, help="folder with the example's zips (built where there is none)")
    parser.add_argument("--models", nargs="+", choices=plan.MODELS, help="which (example and yolov8n; warm: all)")
    parser.add_argument("--runs", type=int, metavar="N", help=f"pairs in each setting ({plan.RUNS})")
    parser.add_argument("--quick", action="store_true", help=f"{plan.QUICK_RUNS} pairs and little else: for a look")
    parser.add_argument("--json", type=Path, metavar="PATH", help="figures for machines (build/benchmarks*.json)")
    parser.add_argument("--picture", type=Path, metavar="PATH", help=f"of a cold start ({SHOWN}; --quick: build/)")
    parser.add_argument("--history", type=Path, metavar="PATH", help=f"`steps` adds to it ({HISTORY}; --quick: none)")
    options = parser.parse_args(arguments)
    if options.models is None:
        options.models = list(plan.MODELS if options.command == "warm" else plan.USUAL)
    if options.runs is None:
        options.runs = plan.QUICK_RUNS if options.quick else plan.RUNS
    if options.runs < 1:
        parser.error(f"--runs {options.runs}; wanted a whole number above 0")
    name = "benchmarks.json" if options.command == "start" else f"benchmarks-{options.command}.json"
    options.json = options.json or ROOT / "build" / name
    options.picture = options.picture or (ROOT / "build" / SHOWN.name if options.quick else ROOT / SHOWN)
    options.history = options.history or (None if options.quick else ROOT / HISTORY)
    return options


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _say(line: str) -> None:
    sys.stderr.write(f"benchmarks: {line}\n")
    sys.stderr.flush()
