"""Command of scripts/build_zip.sh: from a model to layer.zip, function.zip and build.json, step by step.

scripts/build_zip.sh starts it in the environment `build`.
"""

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from export import crash_log
from export.model_info import ModelInfo
from layer import build
from layer.__main__ import FAILURES
from scripts import environments, home, manifest, pythons
from scripts.aws import commands
from scripts.bundle import archives, container, model, optimize, sbom, sizes, target, trial
from scripts.bundle.options import Options, parse
from scripts.environments import EnvironmentFailed

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
DEPLOY_PAGE = "deploy-commands.md"
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
    options = parse(arguments)
    info = None  # None: the zips are not built
    try:
        options = _with_python(options)
        folder = home.make(home.build())
        with tempfile.TemporaryDirectory(dir=folder, prefix="zip-") as scratch:
            info, next_steps = build_zips(options, Path(scratch))
        smoke = _smoke_run(options, info)
    except model.ModelRejected as error:
        return _fail(error, error.code)
    except (EnvironmentFailed, container.ContainerFailed, home.NotWritable) as error:
        return _fail(error, USAGE)
    except (*FAILURES, archives.VersionLineMissing, sizes.TooLarge) as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        before = f"before the new zips were complete; {options.out} may have those of an earlier build. Run it again"
        after = "after the zips were built; the smoke run is not finished"
        return _fail(f"interrupted {after if info else before}", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  (any other is an error of this program or of a library)
        return _fail(crash_log.write(error, "build_zip"), FAILED)
    if options.smoke_inputs is not None and trial.has_images(options.out):
        _note(options, f"\nImages with the boxes from the zips: {options.out / 'try'}")
    if smoke.code and smoke.was_run:
        return _fail(smoke.reason, smoke.code)  # last: what the run printed is directly above
    _note(options, f"\n{next_steps}\n      Every step by hand: {options.out / DEPLOY_PAGE}")
    return _fail(smoke.reason, smoke.code) if smoke.code else 0


def _with_python(options: Options) -> Options:
    """Return the options with a Python that this machine has, and say so if it is not the default one."""
    if options.python or options.in_container:
        return options
    chosen = target.choose()
    if chosen.note:
        _note(options, chosen.note)
    return options._replace(python=chosen.version)


def build_zips(options: Options, scratch: Path) -> tuple[ModelInfo, str]:
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
    shipped = optimize.optimize(model.load(options.model, scratch, options.export, output), scratch)
    if shipped.note:
        _note(options, f"The model is not optimized: {shipped.note}.")
    info = shipped.info
    if info.nms_conf is not None:
        _note(options, f"The model was exported with nms=True and conf={info.nms_conf}: a lower conf has no effect.")
    _check_smoke_inputs(options, info)
    packages, function = _packages_and_function(options, scratch)
    options.out.mkdir(parents=True, exist_ok=True)
    zips = archives.write(options.out, packages, function, info.path, options.model_in_layer)
    description = archives.describe(zips, options.target, info, shipped.source_sha256, options.model_in_layer)
    version = environments.project_version()
    materials = sbom.write(options.out / manifest.SBOM, zips, options.target, info, version)
    manifest.write(options.out, {**description, "sbom": {"sha256": materials}, "version": version})
    _print(f"\n{options.out}: {_summary(info)} for {options.target}\n")
    _print(sizes.table(zips))
    _check_sizes(zips)
    layer_zip, function_zip = (
        commands.Upload(path, description[name]["zip_bytes"], description[name]["sha256"])
        for path, name in zip(zips, ("layer", "function"), strict=True)
    )
    text = commands.page(layer_zip, function_zip, options.target, options.model_in_layer, info.is_generic)
    (options.out / DEPLOY_PAGE).write_text(text, encoding="utf-8")
    return info, commands.next_steps(layer_zip, function_zip, info.is_generic)


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


def _smoke_run(options: Options, info: ModelInfo) -> SmokeRun:
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
    paths = [path.absolute() for path in options.smoke_inputs]
    if info.is_generic:
        requests = paths or [trial.write_request(options.out, info.inputs)]
        code = trial.run_requests(options.out, requests, options.is_quiet)
    else:
        images = paths or trial.samples()
        if not images:
            return SmokeRun(USAGE, f"the zips are built, but no smoke run was possible: {trial.SAMPLES} has no images")
        code = trial.run(options.out, images, options.is_quiet)
    reason = "the zips are built, but their run on this machine failed; the lines above have the reason"
    return SmokeRun(code, reason if code else "", was_run=True)


def _fail(reason: object, code: int) -> int:
    """Print the reason, unless it is empty, and return the exit code."""
    if str(reason):
        sys.stdout.flush()
        sys.stderr.write(f"build_zip: {reason}\n")
    return code


def _note(options: Options, text: str) -> None:
    if not options.is_quiet:
        _print(text)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
