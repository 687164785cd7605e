"""Ours with one step taken back at a time: what each of them is worth."""

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
from benchmarks.models import BUILD, ROOT, Measured
from benchmarks.report import Machine, describe
from layer import bytecode
from layer.targets import Target
from scripts import environments

LAYER_PREFIX = "/opt/python"
FUNCTION_PREFIX = "/var/task/function"


class Variant(NamedTuple):
    """One step taken back.

    Attributes:
        name: what is otherwise, for the table.
        layer: makes its layer.zip of ours; None: ours.
        function: makes its function.zip of ours; None: ours.
        handler: `module.function`; None: ours.
        environ: variables.
    """

    name: str
    layer: Callable[[Measured, Contender, Path], None] | None = None
    function: Callable[[Measured, Contender, Path], None] | None = None
    handler: str | None = None
    environ: Mapping[str, str] = {}


def _no_bytecode(zip_name: str) -> Callable[[Measured, Contender, Path], None]:
    def make(_: Measured, built: Contender, out: Path) -> None:
        zips.changed(built.dist / zip_name, out, lambda name: zips.BYTECODE not in name)

    return make


def _whole_packages(_: Measured, built: Contender, out: Path) -> None:
    """The wheels untrimmed, with the bytecode that ours have."""
    target = prepare.target_of(built.dist)
    folder = BUILD / f"untrimmed-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepare.untrimmed(target), folder)
    bytecode.compile_tree(_python(target), folder, LAYER_PREFIX, bytecode.NO_DOCSTRINGS)
    zips.write(out, zips.below(folder, "python/"))


def _documented(_: Measured, built: Contender, out: Path) -> None:
    target = prepare.target_of(built.dist)
    folder = BUILD / f"documented-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(built.dist / "layer.zip") as archive:
        archive.extractall(folder)
    bytecode.compile_tree(_python(target), folder / "python", LAYER_PREFIX)
    zips.write(out, zips.below(folder, ""))


def _edited(name: str, old: str, new: str) -> Callable[[Measured, Contender, Path], None]:
    """A file of the function with a part of its text replaced, and its bytecode."""

    def make(_: Measured, built: Contender, out: Path) -> None:
        text = (ROOT / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise NotMeasured(f"{name} has {old!r} {text.count(old)} times; wanted once, to take it back")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / Path(name).relative_to("function")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(old, new), encoding="utf-8")
            bytecode.compile_tree(_python(prepare.target_of(built.dist)), Path(scratch), FUNCTION_PREFIX)
            zips.changed(built.dist / "function.zip", out, added=zips.below(Path(scratch), "function/"))

    return make


def _unoptimized(measured: Measured, built: Contender, out: Path) -> None:
    zips.changed(built.dist / "function.zip", out, added={zips.MODEL: measured.unoptimized})


def _with_peer(name: str) -> Callable[[Measured, Contender, Path], None]:
    def make(_: Measured, built: Contender, out: Path) -> None:
        zips.changed(built.dist / "function.zip", out, added={f"{name}.py": prepare.PEERS / f"{name}.py"})

    return make


VARIANTS = (
    Variant("without bytecode of the packages", layer=_no_bytecode("layer.zip")),
    Variant("without bytecode of the function", function=_no_bytecode("function.zip")),
    Variant("boto3 and a client at the top", function=_with_peer("plain"), handler="plain.lambda_handler",
            environ=prepare.CREDENTIALS),
    Variant("model not optimized at export", function=_unoptimized),
    Variant("unused modules loaded at once", function=_edited("function/handler.py", "lazy_imports.install()", "")),
    Variant("docstrings in the packages' bytecode", layer=_documented),
    Variant("memory reuse planned", function=_edited("function/model.py", "mem_reuse = False", "mem_reuse = True")),
    Variant("model read into memory", function=_edited("function/handler.py", "if path or settings.model_sha256:",
                                                       "if True:")),
    Variant("checksum before the session", function=_edited("function/model.py", "session = _session(str(path), str",
                                                            "checksum()\n    session = _session(str(path), str")),
    Variant("first run of the full size", function=_edited("function/model.py", "if facts.rectangular and",
                                                           "if False and")),
    Variant("garbage looked for while importing", function=_edited("function/handler.py", "gc.disable()", "")),
    Variant("every plugin of pillow", layer=_whole_packages, function=_with_peer("pillow_plugins"),
            handler="pillow_plugins.lambda_handler"),
    Variant("packages not trimmed", layer=_whole_packages),
    Variant("onnxruntime's telemetry on", environ={"ORT_DISABLE_TELEMETRY": "0"}),
    Variant("OpenBLAS with its threads", environ={"OPENBLAS_NUM_THREADS": "2"}),
)  # fmt: skip


def contender(variant: Variant, measured: Measured, built: Contender) -> Contender:
    """The variant's zips, and how it is started."""
    dist = BUILD / measured.name / "variants" / variant.name.replace(" ", "-").replace("'", "")
    dist.mkdir(parents=True, exist_ok=True)
    for name, make in (("layer.zip", variant.layer), ("function.zip", variant.function)):
        (dist / name).unlink(missing_ok=True)
        if make:
            make(measured, built, dist / name)
        else:
            (dist / name).symlink_to((built.dist / name).resolve())
    target = prepare.target_of(built.dist)
    zips.describe(dist, target.arch, target.python)
    return built._replace(
        name=variant.name, says=f"ours, but {variant.name}", dist=dist,
        handler=variant.handler or built.handler, environ=variant.environ,
    )  # fmt: skip


def _python(target: Target) -> Path:
    found = environments.find(target.python)
    if not found:
        raise NotMeasured(f"Python {target.python} is not on this machine")
    return found


HEADING = """\
# What each step of the start is worth

Each line is ours with one step taken back, measured beside ours in the same run; `python -m benchmarks steps` adds a
section. A difference is of pairs: its median, and between which values 80 % of the pairs lie.
"""


def rows(seen: Measurement) -> list[list[str]]:
    """Ours, then every variant by what it costs, most first."""
    ours = [start.first_answer_ms for start in seen.runs[0].starts]
    found = []
    for runs in seen.runs[1:]:
        answers = [start.first_answer_ms for start in runs.starts]
        found.append((stats.differences(answers, ours), stats.ratios(answers, ours), runs))
    found.sort(key=lambda one: one[0].median, reverse=True)
    head = [["ours, but", "first answer ms", "more ms (p10..p90)", "times ours (p10..p90)", "unpacked MB"]]
    head.append(["(nothing)", report.ms(statistics.median(ours)), "", "", report.file_mb(seen.runs[0].unpacked_bytes)])
    return head + [
        [runs.contender.name, report.ms(statistics.median(start.first_answer_ms for start in runs.starts)),
         report.plus_ms(more), report.times(ratio), report.file_mb(runs.unpacked_bytes)]
        for more, ratio, runs in found
    ]  # fmt: skip


def section(seen: Measurement, machine: Machine) -> str:
    """One measurement as markdown."""
    return f"\n## {machine.date}: {report.title(seen)}\n\n{describe(machine)}\n\n{report.markdown(rows(seen))}"


def append(path: Path, seen: Measurement, machine: Machine) -> None:
    """Add the section, and the heading to a file that is new."""
    before = path.read_text(encoding="utf-8") if path.exists() else HEADING
    path.write_text(before + section(seen, machine), encoding="utf-8")
