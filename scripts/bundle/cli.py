"""From a model to layer.zip and function.zip: the order of the steps, and what the user is told.

Started by scripts/build_zip.sh, in the environment that it sets up.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from layer import build
from layer.__main__ import FAILURES
from layer.targets import DEFAULT_ARCH, DEFAULT_PYTHON, MACHINES, PYTHONS, Target
from scripts import environments
from scripts.aws import commands
from scripts.bundle import archives, container, model, optimize, sizes, trial
from scripts.environments import EnvironmentFailed

ROOT = Path(__file__).resolve().parent.parent.parent
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
NO_BYTECODE = """\
Python {version} is not on this machine, so the zips hold no bytecode: each cold start compiles every module anew, and
importing numpy, onnxruntime and pillow takes about four times as long (measured: 442 to 730 ms against 131 to 150 ms).
`uv python install {version}` or `pyenv install {version}` brings it; then run this again. --container needs none."""


class Options(NamedTuple):
    """What the command line asks for. `images` is None when no trial was asked for."""

    model: Path
    target: Target
    in_container: bool
    model_in_layer: bool
    out: Path
    images: list[Path] | None
    default_trial: bool


def main(arguments: list[str]) -> int:
    """Builds, reports and tries; 0 if all of it went well, 2 for what the user can mend, 1 for the rest."""
    options = parse(arguments)
    try:
        (ROOT / "build").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="zip-") as scratch:
            facts, deploy_commands = build_zips(options, Path(scratch))
        tried = _try(options, facts)
    except model.ModelRejected as error:
        return _fail(error, error.code)
    except (EnvironmentFailed, container.ContainerFailed) as error:
        return _fail(error, USAGE)
    except (*FAILURES, sizes.TooLarge) as error:
        return _fail(error, FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; what was in the output folder is as it was", INTERRUPTED)
    _say("\n" + deploy_commands + "\n")
    if options.images is not None and facts.task != model.TENSORS and (options.out / "try").is_dir():
        _say(f"The pictures with their boxes, as the zips answered them: {options.out / 'try'}")
    return tried


def parse(arguments: list[str]) -> Options:
    """The command line; ends the program with 2 and one line if it makes no sense."""
    parser = argparse.ArgumentParser(prog="build_zip.sh", allow_abbrev=False)
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL.pt|MODEL.onnx")
    parser.add_argument("--arch", choices=list(MACHINES), default=DEFAULT_ARCH)
    parser.add_argument("--python", choices=PYTHONS, default=DEFAULT_PYTHON)
    parser.add_argument("--container", action="store_true")
    parser.add_argument("--model-in-layer", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="FOLDER")
    parser.add_argument("--try", dest="images", nargs="*", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    for image in given.images or ():
        if image.suffix in {".pt", ".onnx"}:
            parser.error(f"--try {image}: a model, where pictures were wanted; it goes before --try")
        if not image.is_file():
            parser.error(f"--try {image}: {'a folder' if image.is_dir() else 'no such file'}; wanted pictures")
    if given.out.exists() and not given.out.is_dir():
        parser.error(f"--out {given.out} is a file; wanted a folder")
    default_trial = given.model is None and given.images is None
    return Options(
        (given.model or model.EXAMPLE).absolute(),
        Target(given.arch, given.python),
        given.container,
        given.model_in_layer,
        given.out.resolve(),
        [] if default_trial else given.images,
        default_trial,
    )


def build_zips(options: Options, scratch: Path) -> tuple[model.ModelFacts, str]:
    """Makes the zips and build.json and prints what they are; the model's facts and the commands that deploy them.

    Raises:
        ModelRejected: the model cannot be used, or not tried with what was named.
        TooLarge: Lambda would refuse them.
    """
    if options.in_container:
        container.require()  # before the export, which takes longer
    given = model.as_onnx(options.model, scratch)
    model.facts(given)  # refuses what cannot be loaded
    shipped = optimize.optimize(given, scratch)
    if shipped.note:
        _say(f"The model goes in as it is: {shipped.note}.")
    facts = model.facts(shipped.path)
    _check_trial(options, facts)
    packages, function = _packages_and_function(options, scratch)
    options.out.mkdir(parents=True, exist_ok=True)
    zips = archives.write(options.out, packages, function, shipped.path, options.model_in_layer)
    description = archives.describe(zips, options.target, facts, shipped.source_sha256, options.model_in_layer)
    archives.write_json(options.out / "build.json", description)
    _say(f"\n{options.out}: {_described(facts)} for {options.target}\n")
    _say(sizes.table(zips))
    error, warning = sizes.complaints(sizes.total(sizes.total(sizes.by_package(path).values()) for path in zips))
    if warning:
        _say(f"\nWarning: {warning}.")
    if error:
        raise sizes.TooLarge(f"Lambda will refuse this: {error}")
    layer, code = (
        commands.Upload(path, description[name]["zip_bytes"], description[name]["sha256"])
        for path, name in zip(zips, ("layer", "function"), strict=True)
    )
    tensors = facts.task == model.TENSORS
    return facts, commands.text(layer, code, options.target, options.model_in_layer, tensors)


def _described(facts: model.ModelFacts) -> str:
    if facts.task != model.TENSORS:
        return f"{facts.task} model at {' x '.join(map(str, facts.imgsz))}"
    takes = ", ".join(f"{one['name']} {one['datatype']} {one['shape']}" for one in facts.inputs)
    return f"model of tensors, which takes {takes},"


def _check_trial(options: Options, facts: model.ModelFacts) -> None:
    """A model of tensors is tried with requests."""
    for path in options.images or ():
        if (path.suffix == ".json") != (facts.task == model.TENSORS):
            wanted = "requests as JSON" if facts.task == model.TENSORS else "pictures"
            raise model.ModelRejected(f"--try {path}: wanted {wanted}, which is what {options.model} takes")


def _packages_and_function(options: Options, scratch: Path) -> tuple[Path, Path]:
    """Folders with what goes into the layer's `python/`, and with `function/`."""
    if options.in_container:
        return container.build(options.target, scratch / "container")
    python = environments.find(options.target.python)
    if not python:
        _say(NO_BYTECODE.format(version=options.target.python))
    function = scratch / "function"
    archives.stage_function(function, python)
    return build.kept(options.target, python, ROOT / "build" / "layer"), function


def _try(options: Options, facts: model.ModelFacts) -> int:
    if options.images is None:
        return 0
    why_not_runnable = trial.why_not_runnable(options.target)
    if why_not_runnable:
        _say(f"\nNot tried: {why_not_runnable}.")
        return 0 if options.default_trial else FAILED
    named = [path.absolute() for path in options.images]
    if facts.task == model.TENSORS:
        return trial.run_requests(options.out, named or [trial.write_request(options.out, facts.inputs)])
    images = named or trial.samples()
    if not images:
        return _fail(f"nothing to try: {trial.SAMPLES} holds no picture", USAGE)
    return trial.run(options.out, images)


def _fail(reason: object, code: int) -> int:
    sys.stderr.write(f"build_zip: {reason}\n")
    return code


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
