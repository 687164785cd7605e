"""Command line of scripts/build_zip.sh.

Runs under any Python from 3.9 on, with the standard library alone: `--help` needs no environment.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from layer.targets import DEFAULT_ARCH, DEFAULT_PYTHON, MACHINES, PYTHONS, Target
from scripts.environments import project_version

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "example" / "best.pt"  # built if the command line names no model
DESCRIPTION = """\
Build layer.zip and function.zip for AWS Lambda from a trained model, build.json, which describes them, and
sbom.cdx.json, their bill of materials.
What the build needs is installed below .venv/ and build/ in the project."""
EPILOG = """\
examples:
  scripts/build_zip.sh                          build the example and run it on its sample images
  scripts/build_zip.sh best.pt                  build your model
  scripts/build_zip.sh best.onnx --arch arm64   build a model that is exported already, for Graviton
  scripts/build_zip.sh best.pt --try a.jpg      build, then run the zips on an image of yours"""


class Options(NamedTuple):
    """The parsed command line.

    Attributes:
        model: a .pt or .onnx file, absolute.
        target: architecture and Python of the function.
        in_container: build with docker.
        model_in_layer: put the model into layer.zip.
        out: folder for the zips, absolute.
        smoke_inputs: images, or requests as JSON, for the smoke run; empty: the default ones; None: no smoke run.
        is_example: the command line names no model, so the smoke run is a default and no request of the user.
    """

    model: Path
    target: Target
    in_container: bool
    model_in_layer: bool
    out: Path
    smoke_inputs: list[Path] | None
    is_example: bool


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="scripts/build_zip.sh",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add(
        "model", nargs="?", type=Path, metavar="MODEL",
        help="a .pt file with weights of ultralytics, or an .onnx file; a model that is not a YOLO is served as a "
        "generic ONNX model (default: the example, which is also run on its sample images)",
    )  # fmt: skip
    add("--arch", choices=list(MACHINES), default=DEFAULT_ARCH, help="architecture (default: %(default)s)")
    add("--python", choices=PYTHONS, default=DEFAULT_PYTHON, help="Python of the runtime (default: %(default)s)")
    add("--container", action="store_true", help="build in the image of Amazon Linux 2023, with docker")
    add("--model-in-layer", action="store_true", help="put the model into layer.zip instead of function.zip")
    add(
        "--out", type=Path, default=Path("dist"), metavar="DIR",
        help="folder for layer.zip, function.zip, build.json and sbom.cdx.json (default: %(default)s)",
    )  # fmt: skip
    add(
        "--try", dest="smoke_inputs", nargs="*", type=Path, metavar="FILE",
        help="run the zips on this machine as Lambda does, on images, or for a generic ONNX model on requests as JSON; "
        "the images with their boxes are written to DIR/try, and the images of an earlier run there are deleted "
        "(default: the sample images of the example; for a generic ONNX model a request made from its inputs)",
    )  # fmt: skip
    add("--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit")
    return command


def parse(arguments: list[str]) -> Options:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    parsed = command.parse_args(arguments)
    for path in parsed.smoke_inputs or ():
        if path.suffix in {".pt", ".onnx"}:
            command.error(f"--try must be followed by images or requests, got the model {path}; name it before --try")
        if not path.is_file():
            command.error(f"--try must be files, got {path}, {'a folder' if path.is_dir() else 'which does not exist'}")
    if parsed.out.exists() and not parsed.out.is_dir():
        command.error(f"--out must be a folder, got the file {parsed.out}")
    is_example = parsed.model is None and parsed.smoke_inputs is None
    return Options(
        model=(parsed.model or EXAMPLE).absolute(),
        target=Target(parsed.arch, parsed.python),
        in_container=parsed.container,
        model_in_layer=parsed.model_in_layer,
        out=parsed.out.resolve(),
        smoke_inputs=[] if is_example else parsed.smoke_inputs,
        is_example=is_example,
    )


if __name__ == "__main__":
    parse(sys.argv[1:])  # scripts/build_zip.sh starts this for --help and --version
