"""Command of scripts/build_zip.sh: from a model to layer.zip, function.zip and build.json, step by step.

scripts/build_zip.sh starts it in the environment `dev`.
"""

import sys
import tempfile
from pathlib import Path

from export import crash_log
from export.model_info import ModelInfo
from layer import build
from layer.__main__ import FAILURES
from scripts import environments, manifest
from scripts.aws import commands
from scripts.bundle import archives, container, model, optimize, sbom, sizes, trial
from scripts.bundle.options import Options, parse
from scripts.environments import EnvironmentFailed

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
NO_BYTECODE = """\
Python {version} is not on this machine, so the zips have no bytecode: each cold start compiles every module again, and
importing numpy, onnxruntime and pillow takes about four times as long (measured: 442 to 730 ms against 131 to 150 ms).
`uv python install {version}` or `pyenv install {version}` installs it. --container does not need it."""


def main(arguments: list[str]) -> int:
    """Build the zips, print their sizes and the commands that deploy them, and make the smoke run.

    Returns:
        The exit code: 0 success, 1 failed, 2 usage or environment error, 130 interrupted.
    """
    options = parse(arguments)
    info = None  # None: the zips are not built
    try:
        (ROOT / "build").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="zip-") as scratch:
            info, deploy_commands = build_zips(options, Path(scratch))
        code = _smoke_run(options, info)
    except model.ModelRejected as error:
        return _fail(error, error.code)
    except (EnvironmentFailed, container.ContainerFailed) as error:
        return _fail(error, USAGE)
    except (*FAILURES, archives.VersionLineMissing, sizes.TooLarge) as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        state = "after the zips were built" if info else "before the new zips were complete; run it again"
        return _fail(f"interrupted {state}", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  (any other is an error of this program or of a library)
        return _fail(crash_log.write(error, "build_zip"), FAILED)
    _print("\n" + deploy_commands + "\n")
    if options.smoke_inputs is not None and trial.has_images(options.out):
        _print(f"Images with the boxes from the zips: {options.out / 'try'}")
    return code


def build_zips(options: Options, scratch: Path) -> tuple[ModelInfo, str]:
    """Write the zips and build.json and print the sizes; return the model's description and the deploy commands.

    Raises:
        ModelRejected: the model cannot be served, or the inputs of the smoke run do not fit it.
        EnvironmentFailed, ContainerFailed: a tool of the build is missing.
        TooLarge: the zips are above a limit of Lambda.
    """
    if options.in_container:
        container.require()  # before the export, which takes longer
    shipped = optimize.optimize(model.load(options.model, scratch), scratch)
    if shipped.note:
        _print(f"The model is not optimized: {shipped.note}.")
    info = shipped.info
    _print_nms_conf(info)
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
    return info, commands.text(layer_zip, function_zip, options.target, options.model_in_layer, info.is_generic)


def _print_nms_conf(info: ModelInfo) -> None:
    if info.nms_conf is not None:
        _print(f"The model was exported with nms=True and conf={info.nms_conf}: a lower conf has no effect.")


def _check_sizes(zips: tuple[Path, Path]) -> None:
    error, warning = sizes.check(sizes.total(sizes.total(sizes.by_package(path).values()) for path in zips))
    if warning:
        _print(f"\nWarning: {warning}.")
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
    python = environments.find(options.target.python)
    if not python:
        _print(NO_BYTECODE.format(version=options.target.python))
    archives.stage_function(staged, python)
    return build.cached_packages(options.target, python, ROOT / "build" / "layer"), staged


def _smoke_run(options: Options, info: ModelInfo) -> int:
    """Run the zips on this machine if that was requested; return the exit code."""
    if options.smoke_inputs is None:
        return 0
    trial.remove_old_files(options.out, keep=options.smoke_inputs)
    reason = trial.why_not_runnable(options.target)
    if reason:
        _print(f"\nNo smoke run: {reason}.")
        return 0 if options.is_example else FAILED
    paths = [path.absolute() for path in options.smoke_inputs]
    if info.is_generic:
        return trial.run_requests(options.out, paths or [trial.write_request(options.out, info.inputs)])
    images = paths or trial.samples()
    if not images:
        return _fail(f"no smoke run: {trial.SAMPLES} has no images", USAGE)
    return trial.run(options.out, images)


def _fail(reason: object, code: int) -> int:
    sys.stderr.write(f"build_zip: {reason}\n")
    return code


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
