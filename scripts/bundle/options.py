"""Command line of scripts/build_zip.sh.

Runs under any Python from 3.9 on, with the standard library alone: `--help` needs no environment.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from layer.targets import DEFAULT_ARCH, DEFAULT_PYTHON, MACHINES, PYTHONS, Target, arch_name, python_version
from scripts.command_line import Parser, add_output_options

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "example" / "best.pt"  # built if the command line names no model
DESCRIPTION = """\
Build layer.zip and function.zip for AWS Lambda from a trained model, build.json, which describes them, and
sbom.cdx.json, their bill of materials. A build into dist/ of the checkout also writes samconfig.toml for `sam deploy`.
What the build needs is installed below .envs/ and build/ in the project, or in the folder YOLO_LAMBDA_HOME."""
EPILOG = """\
examples:
  scripts/build_zip.sh                          build the example and run it on its sample images
  scripts/build_zip.sh best.pt                  build your model
  scripts/build_zip.sh best.pt --imgsz 640 --half-weights
                                                the same with options of the export
  scripts/build_zip.sh best.pt --read-model gauge.pt
                                                the same with a second model that reads the gauges which it finds
  scripts/build_zip.sh best.onnx --arch arm64   build a model that is exported already, for Graviton
  scripts/build_zip.sh best.pt --try a.jpg      build, then run the zips on an image of yours"""


class Options(NamedTuple):
    """The parsed command line.

    Attributes:
        model: a .pt or .onnx file, absolute.
        arch: architecture of the function.
        python: Python of the function; None: DEFAULT_PYTHON, or another one if this machine cannot have it.
        in_container: build with docker.
        model_in_layer: put the model into layer.zip.
        out: folder for the zips, absolute.
        smoke_inputs: images, or requests as JSON, for the smoke run; empty: the default ones; None: no smoke run.
        is_example: the command line names no model, so the smoke run is a default and no request of the user.
        export: options of `python -m export`.
        is_verbose: print every measurement of the export.
        is_quiet: print only the sizes and errors.
        is_json: print one JSON document instead of text.
        read_model: a .pt or .onnx file, absolute, of a second model that reads the detections; None: none.
        try_imgsz: size of the model input in the smoke run, as a request has it; None: that of the model.
    """

    model: Path
    arch: str
    python: str | None
    in_container: bool
    model_in_layer: bool
    out: Path
    smoke_inputs: list[Path] | None
    is_example: bool
    export: tuple[str, ...] = ()
    is_verbose: bool = False
    is_quiet: bool = False
    is_json: bool = False
    read_model: Path | None = None
    try_imgsz: str | None = None

    @property
    def target(self) -> Target:
        """Architecture and Python of the function."""
        return Target(self.arch, self.python or DEFAULT_PYTHON)


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/build_zip.sh", description=DESCRIPTION, epilog=EPILOG)
    add = command.add_argument
    add(
        "model", nargs="?", type=Path, metavar="MODEL",
        help="a .pt file with weights of ultralytics, or an .onnx file; a model that is not a YOLO is served as a "
        "generic ONNX model (default: the example, which is also run on its sample images)",
    )  # fmt: skip
    add(
        "--arch", type=arch_name, choices=list(MACHINES), default=DEFAULT_ARCH,
        help="architecture, also amd64 or aarch64 (default: %(default)s)",
    )  # fmt: skip
    add(
        "--python", type=python_version, choices=PYTHONS,
        help=f"Python of the runtime, also as python{DEFAULT_PYTHON} (default: {DEFAULT_PYTHON}, or the newest of "
        "these on this machine if it cannot be installed)",
    )  # fmt: skip
    add("--container", action="store_true", help="build in the image of Amazon Linux 2023, with docker")
    add("--model-in-layer", action="store_true", help="put the model into layer.zip instead of function.zip")
    add(
        "--read-model", metavar="FILE",
        help="a second model, .pt or .onnx, packed beside MODEL as reader.onnx: a pose model that reads the dials that "
        "MODEL finds, by the points center, needle tip, scale start and scale end; the options of the export do not "
        "apply to it (default: none)",
    )  # fmt: skip
    add(
        "-o", "--out", type=Path, default=Path("dist"), metavar="DIR",
        help="folder for layer.zip, function.zip, build.json and sbom.cdx.json (default: %(default)s)",
    )  # fmt: skip
    add(
        "--try", dest="smoke_inputs", nargs="*", type=Path, metavar="FILE",
        help="run the zips on this machine as Lambda does, on images, or for a generic ONNX model on requests as JSON; "
        "the images with their boxes are written to DIR/try, and the images of an earlier run there are deleted "
        "(default: the sample images of the example; for a generic ONNX model a request made from its inputs)",
    )  # fmt: skip
    _add_export_options(command)
    add_output_options(
        command, quiet="print only the sizes of the zips, and errors", verbose="print every measurement of the export"
    )
    command.add_version()
    return command


def _add_export_options(command: Parser) -> None:
    """Add the options that are passed on to `python -m export`, which checks their values."""
    add = command.add_argument_group("options of the export of MODEL, see docs/export.md").add_argument
    add(
        "--imgsz", nargs="+", metavar="N",
        help="side, or height and width, in pixels; for an ONNX file, that of the run of --try (default: as trained)",
    )  # fmt: skip
    add("--static", action="store_true", help="fix batch, height and width (default: all dynamic)")
    add("--end2end", action="store_true", help="export the head that needs no NMS: YOLOv10 and YOLO26")
    add("--opset", metavar="N", help="ONNX opset, 11 to 20 (default: 18)")
    add("--half-weights", action="store_true", help="weights stored as float16: half the size")
    add("--int8", action="store_true", help="8-bit convolutions: a third of the size; needs --data")
    add("--data", type=Path, metavar="DIR", help="images like those that the model will see; --int8 needs them")
    add("--min-agreement", metavar="X", help="least agreement of the predictions before and after compression, 0 to 1")


def _export_options(parsed: argparse.Namespace) -> tuple[str, ...]:
    """Return the options of the export as `python -m export` reads them."""
    flags = [
        f"--{name.replace('_', '-')}" for name in ("static", "end2end", "half_weights", "int8") if getattr(parsed, name)
    ]
    values = {
        "--imgsz": parsed.imgsz,
        "--opset": parsed.opset,
        "--data": parsed.data,
        "--min-agreement": parsed.min_agreement,
    }
    for name, value in values.items():
        if value is not None:
            flags += [name, *map(str, value if isinstance(value, list) else [value])]
    return tuple(flags)


def _check_read_model(command: Parser, text: str) -> None:
    """End with a usage error unless this is a file with the suffix of a model."""
    path = Path(text)
    if not text or path.suffix not in {".pt", ".onnx"} or not path.is_file():
        missing = ", which does not exist" if text and not path.exists() else ""
        reason = ", a folder" if text and path.is_dir() else missing
        command.error(f"--read-model must be a .pt or .onnx file, got {text or 'an empty text'}{reason}")


def parse(arguments: list[str]) -> Options:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    parsed = command.parse_args(arguments)
    for path in parsed.smoke_inputs or ():
        if path.suffix in {".pt", ".onnx"}:
            command.error(f"--try must be followed by images or requests, got the model {path}; name it before --try")
        if not path.is_file():
            command.error(f"--try must be files, got {path}, {'a folder' if path.is_dir() else 'which does not exist'}")
    if parsed.read_model is not None:
        _check_read_model(command, parsed.read_model)
    if parsed.out.exists() and not parsed.out.is_dir():
        command.error(f"--out must be a folder, got the file {parsed.out}")
    sides = parsed.imgsz or []
    if parsed.model is None and sides and not sides[-1].isdecimal():
        parsed.model = Path(sides.pop())  # `--imgsz 640 best.pt`: argparse takes it for a value of the option
    try_imgsz = None
    if parsed.model and parsed.model.suffix == ".onnx" and parsed.smoke_inputs is not None and sides:
        try_imgsz, parsed.imgsz = ",".join(sides), None  # an ONNX file is not exported
    is_example = parsed.model is None and parsed.smoke_inputs is None
    return Options(
        model=(parsed.model or EXAMPLE).absolute(),
        arch=parsed.arch,
        python=parsed.python,
        in_container=parsed.container,
        model_in_layer=parsed.model_in_layer,
        out=parsed.out.resolve(),
        smoke_inputs=[] if is_example else parsed.smoke_inputs,
        is_example=is_example,
        export=_export_options(parsed),
        try_imgsz=try_imgsz,
        is_verbose=parsed.verbose,
        is_quiet=parsed.quiet,
        is_json=parsed.json,
        read_model=Path(parsed.read_model).absolute() if parsed.read_model else None,
    )


if __name__ == "__main__":
    parse(sys.argv[1:])  # scripts/build_zip.sh starts this for --help and --version
