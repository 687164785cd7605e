"""Ablation of the start: this project without one optimization at a time, and the record of the results.

`history.md` holds the results of all runs of `scripts/bench.sh steps`.
"""

import shutil
import statistics
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks import NotMeasured, prepare, report, stats, zips
from benchmarks.cold_start import Measurement
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, ROOT, BenchmarkModel
from benchmarks.report import Machine
from layer import bytecode
from scripts import manifest

LAYER_PREFIX = "/opt/python"
FUNCTION_PREFIX = "/var/task/function"
HEADING = """\
# Ablation of the start

Each row is this project without one optimization of the start, measured in pairs with this project in the same run.
`scripts/bench.sh steps` adds a section. Differences and ratios are those of the pairs: median (10th..90th percentile).
"""

ZipMaker = Callable[[BenchmarkModel, Contender, Path], None]  # model, this project, path of the zip to write


class Ablation(NamedTuple):
    """This project without one optimization.

    Attributes:
        name: the change, for tables.
        layer: writes its layer.zip; None: that of this project.
        function: writes its function.zip; None: that of this project.
        handler: `module.function`; None: that of this project.
        environ: environment variables of the function.
    """

    name: str
    layer: ZipMaker | None = None
    function: ZipMaker | None = None
    handler: str | None = None
    environ: Mapping[str, str] = {}


def _without_bytecode(zip_name: str) -> ZipMaker:
    def make(_: BenchmarkModel, built: Contender, out: Path) -> None:
        zips.copy(built.dist / zip_name, out, lambda name: zips.BYTECODE not in name)

    return make


def _untrimmed_packages(_: BenchmarkModel, built: Contender, out: Path) -> None:
    """Write the untrimmed wheels with the same kind of bytecode as this project."""
    target = prepare.target_of(built.dist)
    folder = BUILD / f"untrimmed-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepare.untrimmed(target), folder)
    python = prepare.python_executable(target.python)
    bytecode.compile_tree(python, folder, LAYER_PREFIX, bytecode.NO_DOCSTRINGS)
    zips.write(out, zips.files_below(folder, "python/"))


def _with_docstrings(_: BenchmarkModel, built: Contender, out: Path) -> None:
    """Write the packages of this project with bytecode that contains docstrings."""
    target = prepare.target_of(built.dist)
    folder = BUILD / f"docstrings-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(built.dist / "layer.zip") as archive:
        archive.extractall(folder)
    bytecode.compile_tree(prepare.python_executable(target.python), folder / "python", LAYER_PREFIX)
    zips.write(out, zips.files_below(folder, ""))


def _edited(name: str, old: str, new: str) -> ZipMaker:
    """Return a maker of function.zip with one changed source and its bytecode.

    Args:
        name: path of the source in the project.
        old: text that the source contains exactly once.
        new: its replacement.
    """

    def make(_: BenchmarkModel, built: Contender, out: Path) -> None:
        text = (ROOT / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise NotMeasured(f"{name} must contain {old!r} once, got {text.count(old)} times")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / Path(name).relative_to("function")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(old, new), encoding="utf-8")
            python = prepare.python_executable(prepare.target_of(built.dist).python)
            bytecode.compile_tree(python, Path(scratch), FUNCTION_PREFIX)
            zips.copy(built.dist / "function.zip", out, replaced=zips.files_below(Path(scratch), "function/"))

    return make


def _unoptimized(model: BenchmarkModel, built: Contender, out: Path) -> None:
    zips.copy(built.dist / "function.zip", out, replaced={zips.MODEL: model.unoptimized})


def _with_baseline(name: str) -> ZipMaker:
    def make(_: BenchmarkModel, built: Contender, out: Path) -> None:
        file = f"{name}.py"
        zips.copy(built.dist / "function.zip", out, replaced={file: prepare.BASELINES / file})

    return make


ABLATIONS = (
    Ablation("no bytecode of the packages", layer=_without_bytecode("layer.zip")),
    Ablation("no bytecode of the function", function=_without_bytecode("function.zip")),
    Ablation("boto3 client at module level", function=_with_baseline("plain"), handler="plain.lambda_handler",
             environ=prepare.CREDENTIALS),
    Ablation("model not optimized", function=_unoptimized),
    Ablation("no lazy imports", function=_edited("function/handler.py", "lazy_imports.install()", "")),
    Ablation("docstrings in the packages' bytecode", layer=_with_docstrings),
    Ablation("memory reuse planned", function=_edited("function/model.py", "mem_reuse = False", "mem_reuse = True")),
    Ablation("model read into memory", function=_edited("function/handler.py", "if path or settings.model_sha256:",
                                                        "if True:")),
    Ablation("checksum before the session", function=_edited("function/model.py", "session = _session(str(path), str",
                                                             "checksum()\n    session = _session(str(path), str")),
    Ablation("first run at full size", function=_edited("function/model.py", "if metadata.rectangular and",
                                                        "if False and")),
    Ablation("garbage collection during imports", function=_edited("function/handler.py", "gc.disable()", "")),
    Ablation("all plugins of Pillow loaded", layer=_untrimmed_packages, function=_with_baseline("pillow_plugins"),
             handler="pillow_plugins.lambda_handler"),
    Ablation("packages not trimmed", layer=_untrimmed_packages),
    Ablation("telemetry of onnxruntime on", environ={"ORT_DISABLE_TELEMETRY": "0"}),
    Ablation("OpenBLAS with 2 threads", environ={"OPENBLAS_NUM_THREADS": "2"}),
)  # fmt: skip


def contender(ablation: Ablation, model: BenchmarkModel, built: Contender) -> Contender:
    """Write the zips of an ablation and return it as a contender.

    Args:
        ablation: the change.
        model: the model in the zips.
        built: this project.
    """
    dist = BUILD / model.name / "ablations" / ablation.name.replace(" ", "-").replace("'", "")
    dist.mkdir(parents=True, exist_ok=True)
    for name, make in (("layer.zip", ablation.layer), ("function.zip", ablation.function)):
        (dist / name).unlink(missing_ok=True)
        if make:
            make(model, built, dist / name)
        else:
            (dist / name).symlink_to((built.dist / name).resolve())
    target = prepare.target_of(built.dist)
    manifest.write(dist, {"arch": target.arch, "python": target.python})
    return built._replace(
        name=ablation.name, description=f"this project, changed: {ablation.name}", dist=dist,
        handler=ablation.handler or built.handler, environ=ablation.environ,
    )  # fmt: skip


def rows(measurement: Measurement) -> list[list[str]]:
    """Return the table: this project, then the ablations in the order of decreasing cost."""
    first, *others = measurement.runs
    baseline = first.first_responses_ms
    table = [["changed", "first response ms", "added ms (p10..p90)", "ratio (p10..p90)", "unpacked MB"]]
    table.append(["(nothing)", report.ms(statistics.median(baseline)), "", "", report.file_mb(first.unpacked_bytes)])
    costs = [(stats.differences(runs.first_responses_ms, baseline), runs) for runs in others]
    for added, runs in sorted(costs, key=lambda cost: cost[0].median, reverse=True):
        table.append([
            runs.contender.name,
            report.ms(statistics.median(runs.first_responses_ms)),
            report.added_ms(added),
            report.ratio(stats.ratios(runs.first_responses_ms, baseline)),
            report.file_mb(runs.unpacked_bytes),
        ])  # fmt: skip
    return table


def section(measurement: Measurement, machine: Machine) -> str:
    """Return one measurement as a section of `history.md`."""
    table = report.markdown(rows(measurement))
    return f"\n## {machine.date}: {report.title(measurement)}\n\n{report.describe(machine)}\n\n{table}"


def append(path: Path, measurement: Measurement, machine: Machine) -> None:
    """Add a section to a file; a new file begins with HEADING."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADING
    path.write_text(text + section(measurement, machine), encoding="utf-8")
