"""Command of scripts/build_zip.sh: from a model to layer.zip, function.zip and build.json, step by step.

scripts/build_zip.sh starts it in the environment `build`.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from export import crash_log
from export.model_info import ModelInfo
from layer import build
from layer.__main__ import FAILURES
from scripts import environments, home, manifest, pythons
from scripts.aws import commands
from scripts.bundle import archives, container, model, optimize, reader, sam_config, sbom, sizes, target, trial
from scripts.bundle.document import DEPLOY_PAGE, Record
from scripts.bundle.optimize import Optimized
from scripts.bundle.options import Options, parse
from scripts.environments import EnvironmentFailed

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
NO_BYTECODE = """\
Python {version} is not on this machine, so the zips have no bytecode: each cold start compiles every module again, and
importing numpy, onnxruntime and pillow takes about four times as long (measured: 442 to 730 ms against 131 to 150 ms).
`uv python install {version}` or `pyenv install {version}` installs it. --container does not need it."""


class SmokeRun(NamedTuple):
    """Exit code of the smoke run, the reason of a failure, and whether the zips were started at all."""

    code: int
    reason: str = ""
    was_run: bool = False


def main(arguments: list[str]) -> int:
    """Build the zips, print their sizes and the commands that deploy them, and make the smoke run.

    Returns:
        The exit code: 0 success, 1 failed, 2 usage or environment error, 130 interrupted.
    """
    options, record = parse(arguments), Record()
    with contextlib.redirect_stdout(sys.stderr) if options.is_json else contextlib.nullcontext():
        code, reason = _run(options, record)
        sys.stdout.flush()
    if reason:
        sys.stderr.write(f"build_zip: {reason}\n")  # last: what a step printed is directly above
    if options.is_json:
        _print(json.dumps(record.document(options.out, code, reason)))
    return code


def _run(options: Options, record: Record) -> tuple[int, str]:
    """Carry out the steps. Return the exit code, and the reason of a failure; "" if there is none, or it is printed."""
    info = None  # None: the zips are not built
    try:
        options = _with_python(options)
        folder = home.make(home.build())
        with tempfile.TemporaryDirectory(dir=folder, prefix="zip-") as scratch:
            info, next_steps = build_zips(options, Path(scratch), record)
        smoke = _smoke_run(options, info, record)
    except model.ModelRejected as error:
        return error.code, str(error)
    except (EnvironmentFailed, container.ContainerFailed, home.NotWritable) as error:
        return USAGE, str(error)
    except (*FAILURES, archives.VersionLineMissing, sizes.TooLarge) as error:
        return FAILED, str(error)
    except KeyboardInterrupt:
        before = f"before the new zips were complete; {options.out} may have those of an earlier build. Run it again"
        after = "after the zips were built; the smoke run is not finished"
        return INTERRUPTED, f"interrupted {after if info else before}"
    except Exception as error:  # noqa: BLE001  (any other is an error of this program or of a library)
        return FAILED, crash_log.write(error, "build_zip")
    if options.smoke_inputs is not None and trial.has_images(options.out):
        _note(options, f"\nImages with the boxes from the zips: {options.out / 'try'}")
    if not (smoke.code and smoke.was_run):
        _note(options, f"\n{next_steps}\n      Every step by hand: {options.out / DEPLOY_PAGE}")
    return smoke.code, smoke.reason


def _with_python(options: Options) -> Options:
    """Return the options with a Python that this machine has, and say so if it is not the default one."""
    if options.python or options.in_container:
        return options
    chosen = target.choose()
    if chosen.note:
        _note(options, chosen.note)
    return options._replace(python=chosen.version)


def build_zips(options: Options, scratch: Path, record: Record) -> tuple[ModelInfo, str]:
    """Write the zips, build.json and the page with the deploy commands, and print the sizes.

    Returns:
        The model's description, and the next commands for the user.

    Raises:
        ModelRejected: the model cannot be served, or the inputs of the smoke run do not fit it.
        EnvironmentFailed, ContainerFailed: a tool of the build is missing.
        TooLarge: the zips are above a limit of Lambda.
    """
    if options.in_container:
        container.require()  # before the export, which takes longer
    output = "--verbose" if options.is_verbose else "--quiet" if options.is_quiet else ""
    model.require_file(options.model)
    if options.read_model:
        reader.require_detector_file(options.model)
    second = _load_reader(options.read_model, options, scratch, output, record) if options.read_model else None
    loaded = _load_model(options, scratch, output, record)
    if second:
        reader.require_detector(loaded)
    shipped = optimize.optimize(loaded, scratch)
    for name, packed in (("model", shipped), (f"model of {reader.OPTION}", second)):
        if packed and packed.note:
            _note(options, f"onnxruntime's fusions are left out of the {name}: {packed.note}.")
    info, read_info = shipped.info, second.info if second else None
    if info.nms_conf is not None:
        _note(options, f"The model was exported with nms=True and conf={info.nms_conf}: a lower conf has no effect.")
    _check_smoke_inputs(options, info)
    packages, function = _packages_and_function(options, scratch)
    options.out.mkdir(parents=True, exist_ok=True)
    read_path = read_info.path if read_info else None
    zips = archives.write(options.out, packages, function, info.path, options.model_in_layer, read_path)
    description = archives.describe(zips, options.target, shipped, options.model_in_layer, second)
    version = environments.project_version()
    materials = sbom.write(options.out / manifest.SBOM, zips, options.target, info, version, read_info)
    manifest.write(options.out, {**description, "sbom": {"sha256": materials}, "version": version})
    record.is_built = True
    both = f"{_summary(info)} and {_summary(read_info)}, which reads," if read_info else _summary(info)
    _print(f"\n{options.out}: {both} for {options.target}\n")
    _print(sizes.table(zips))
    _check_sizes(zips)
    layer_zip, function_zip = (
        commands.Upload(path, description[name]["zip_bytes"], description[name]["sha256"])
        for path, name in zip(zips, ("layer", "function"), strict=True)
    )
    read_classes = info.names if second else None
    text = commands.page(layer_zip, function_zip, options.target, options.model_in_layer, info.is_generic, read_classes)
    (options.out / DEPLOY_PAGE).write_text(text, encoding="utf-8")
    if options.out == (ROOT / "dist").resolve() and (note := sam_config.write(ROOT, options.target)):
        _print(f"\nNote: {note}")
    return info, commands.next_steps(layer_zip, function_zip, info.is_generic, read_classes)


def _load_model(options: Options, scratch: Path, output: str, record: Record) -> ModelInfo:
    """Export or check the model; `record` gets the report of the export, also of one that failed."""
    report = scratch / "export.json" if options.is_json else None
    try:
        return model.load(options.model, scratch, options.export, output, report)
    finally:
        record.export = _report(report)


def _load_reader(weights: Path, options: Options, scratch: Path, output: str, record: Record) -> Optimized:
    """Export or check the model that reads, as `_load_model` does, and optimize it."""
    report = scratch / "read-export.json" if options.is_json else None
    try:
        return reader.load(weights, scratch, output, report)
    finally:
        record.read_export = _report(report)


def _report(path: Path | None) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None


def _check_sizes(zips: tuple[Path, Path]) -> None:
    error, note = sizes.check(zips)
    if note:
        _print(f"\nNote: {note}.")
    if error:
        raise sizes.TooLarge(f"Lambda would reject these zips: {error}")


def _summary(info: ModelInfo) -> str:
    if not info.is_generic:
        return f"{info.task} model at {' x '.join(map(str, info.imgsz))}"
    inputs = ", ".join(f"{tensor['name']} {tensor['datatype']} {tensor['shape']}" for tensor in info.inputs)
    return f"generic ONNX model (inputs: {inputs})"


def _check_smoke_inputs(options: Options, info: ModelInfo) -> None:
    """Raise ModelRejected unless the files of --try are requests for a generic ONNX model, images for another."""
    for path in options.smoke_inputs or ():
        if (path.suffix == ".json") != info.is_generic:
            expected = "requests as JSON" if info.is_generic else "images"
            raise model.ModelRejected(f"--try must be {expected} for {options.model}, got {path}")


def _packages_and_function(options: Options, scratch: Path) -> tuple[Path, Path]:
    """Return two folders: the layer's packages, and one with `function/` in it."""
    staged = scratch / "function"
    if options.in_container:
        archives.stage_function(staged, None)
        return container.build(options.target, staged, scratch / "container")
    python = pythons.find(options.target.python)
    if not python:
        _note(options, NO_BYTECODE.format(version=options.target.python))
    archives.stage_function(staged, python)
    with contextlib.redirect_stderr(io.StringIO() if options.is_quiet else sys.stderr):  # its progress
        return build.cached_packages(options.target, python, home.build() / "layer"), staged


def _smoke_run(options: Options, info: ModelInfo, record: Record) -> SmokeRun:
    """Run the zips on this machine if that was requested."""
    if options.smoke_inputs is None:
        return SmokeRun(0)
    trial.remove_old_files(options.out, keep=options.smoke_inputs)
    reason = trial.why_not_runnable(options.target)
    if reason and options.is_example:
        _note(options, f"\nNo smoke run: {reason}.")
        return SmokeRun(0)
    if reason:
        return SmokeRun(FAILED, f"the zips are built, but no smoke run was possible: {reason}")
    images = requests = []
    paths = [path.absolute() for path in options.smoke_inputs]
    if info.is_generic:
        requests = paths or [trial.write_request(options.out, info.inputs)]
    else:
        images = paths or trial.samples(options.out, info)
        if not images:
            return SmokeRun(USAGE, f"the zips are built, but no smoke run was possible: {trial.SAMPLES} has no images")
    if options.is_json:
        code, record.trial = trial.run_as_json(options.out, images, requests, options.is_quiet, options.try_imgsz)
    elif requests:
        code = trial.run_requests(options.out, requests, options.is_quiet)
    else:
        code = trial.run(options.out, images, options.is_quiet, options.try_imgsz)
    reason = "the zips are built, but their run on this machine failed; the lines above have the reason"
    return SmokeRun(code, reason if code else "", was_run=True)


def _note(options: Options, text: str) -> None:
    if not options.is_quiet:
        _print(text)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
