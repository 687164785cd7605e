"""Comparison with other engines: `scripts/bench.sh engines`.

The model of a built zip, on onnxruntime as the function sets it up, beside OpenVINO, ncnn, and Ultralytics on the ONNX
file. Each pair is one run of each, in random order, in one process; each engine has a process of its own. The boxes are
compared first: without agreement there are no times.
"""

import argparse
import json
import os
import statistics
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import NotMeasured, cpus, models, prepare, report, stats, zips
from benchmarks.models import BUILD, IMAGE, ROOT, BenchmarkModel
from benchmarks.stats import Interval
from scripts import manifest
from scripts.command_line import Parser

RUNS = 40  # pairs
CONFIDENCE = 0.9
JSON = Path("build", "benchmarks-engines.json")
ENGINES = ("openvino", "ncnn", "ultralytics")
THREADS = (1, 2)
SIZES_HW = {320: (192, 320), 640: (384, 640)}  # side of the network input -> input of IMAGE, px
MODELS: dict[str, Callable[[], BenchmarkModel]] = {
    "example": models.example,
    **{name: lambda name=name: models.seeded(name) for name in ("yolov8n", "yolo11n", "yolo26n")},  # type: ignore[misc]
}


class Row(NamedTuple):
    """Comparison with an engine.

    Attributes:
        model: a key of MODELS.
        size_hw: network input, px.
        engine: one of ENGINES, with its version if it ran.
        part: "network", or "predict" from the bytes of an image to the boxes.
        threads: of each engine.
        ours_ms: this project, each pair.
        theirs_ms: the engine, each pair.
        error: why there are no times; "" if there are.
    """

    model: str
    size_hw: tuple[int, int]
    engine: str
    part: str
    threads: int
    ours_ms: list[float]
    theirs_ms: list[float]
    error: str = ""

    @property
    def ratio(self) -> Interval:
        """This project / engine, with the interval of the median."""
        return stats.median_interval(stats.pair_ratios(self.ours_ms, self.theirs_ms), CONFIDENCE)


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(
        prog="scripts/bench.sh engines",
        description="Compare the model of the zip with OpenVINO, ncnn and Ultralytics on the ONNX file, in pairs.",
    )
    command.add_version()
    command.add_argument(
        "--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="NAME",
        help=f"models to measure: {', '.join(MODELS)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="NAME",
        help=f"engines to compare: {', '.join(ENGINES)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--threads", nargs="+", type=int, metavar="N",
        help="threads of each engine (default: 1 and 2, if there are 2 CPUs)",
    )  # fmt: skip
    command.add_argument("--runs", type=int, default=RUNS, metavar="N", help="pairs (default: %(default)s)")
    command.add_argument(
        "--json", type=Path, default=ROOT / JSON, metavar="FILE", help=f"file for all results (default: {JSON})"
    )
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options; exit with 2 if they are not valid."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if options.runs < stats.MIN_PAIRS:
        command.error(f"--runs must be at least {stats.MIN_PAIRS}, got {options.runs}")
    options.threads = options.threads or [count for count in THREADS if count <= cpus.count()]
    if not all(1 <= count <= cpus.count() for count in options.threads):
        threads = " ".join(map(str, options.threads))
        command.error(f"--threads must be between 1 and {cpus.count()}, the number of CPUs, got {threads}")
    return options


def measure(name: str, options: argparse.Namespace, log: Callable[[str], None]) -> list[Row]:
    """Compare one model with each engine.

    Args:
        name: a key of MODELS.
        options: of the command line.
        log: receives lines about the progress.

    Raises:
        NotMeasured: an environment, the model or its zips cannot be made on this machine.
    """
    python = models.environment_python("engines")
    model = MODELS[name]()
    files = (model_of_zip(model.name, prepare.this_project(model, None).dist), prepare.exported(model))
    rows: list[Row] = []
    for engine in options.engines:
        for threads in options.threads:
            log(f"{name}: {engine}, threads: {threads}")
            template = Row(name, SIZES_HW[model.imgsz], engine, "network", threads, [], [])
            rows += _rows(python, template, model, files, options.runs)
    return rows


def model_of_zip(name: str, dist: Path) -> Path:
    """Return the model file of function.zip, unpacked below build/."""
    out = BUILD / "models" / f"{name}-zipped.onnx"
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(dist / manifest.FUNCTION_ZIP) as archive:
        out.write_bytes(archive.read(zips.MODEL))
    return out


def _rows(
    python: Path, template: Row, model: BenchmarkModel, zipped_and_exported: tuple[Path, Path], runs: int
) -> Iterator[Row]:
    """Yield one row for each part, or one with the error."""
    zipped, exported = map(str, zipped_and_exported)
    job = {
        "engine": template.engine, "zipped": zipped, "exported": exported, "ncnn": "", "image": str(IMAGE),
        "imgsz": model.imgsz, "conf": model.conf, "threads": template.threads, "runs": runs,
    }  # fmt: skip
    try:
        if template.engine == "ncnn":
            job["ncnn"] = str(models.ncnn(model, template.size_hw))
        result = run(python, job)
    except NotMeasured as error:
        yield template._replace(error=str(error))
        return
    for part, measured in result["parts"].items():
        ours, theirs = map(list, zip(*measured["pairs_ms"], strict=True))
        engine = f"{template.engine} {result['version']}"
        yield template._replace(engine=engine, part=part, ours_ms=ours, theirs_ms=theirs)


def run(python: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Run a job of workers/run_engine.py in a process with as many CPUs as threads, and return its results.

    Raises:
        NotMeasured: the boxes differ, or the process failed.
    """
    command = [str(python), "-P", "-m", "benchmarks.workers.run_engine", json.dumps(job)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with cpus.pinned(job["threads"]):
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        how = f"the signal {-done.returncode}" if done.returncode < 0 else f"the exit code {done.returncode}"
        raise NotMeasured(f"the process of {job['engine']} ended with {how}; its output is above")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "error" in result:
        raise NotMeasured(result["error"])
    return result


def text(rows: list[Row]) -> str:
    """Return the table."""
    heading = ["model, input", "threads", "engine", "part", "this project ms", "engine ms", "this project / engine"]
    return report.table([heading, *map(_columns, rows)])


def _columns(row: Row) -> list[str]:
    height, width = row.size_hw
    columns = [f"{row.model}, {height} x {width}", f"{row.threads}", row.engine, row.part]
    if row.error:
        return [*columns, "", "", f"error: {row.error}"]
    ratio = row.ratio
    times = [f"{statistics.median(times):.2f}" for times in (row.ours_ms, row.theirs_ms)]
    return [*columns, *times, f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"]


def fields(rows: list[Row]) -> dict[str, Any]:
    """Return the results for the JSON document."""
    results = [{**row._asdict(), "ratio": None if row.error else row.ratio._asdict()} for row in rows]
    return {"confidence": CONFIDENCE, "errors": sum(bool(row.error) for row in rows), "rows": results}
