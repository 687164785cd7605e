"""Options of ``python -m export``, and which of them can be combined.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple, NoReturn

from export import files, images
from export.errors import UsageError
from scripts.command_line import Parser

MAX_SIDE = 8192  # pixels; a longer side is a typing error, and would need tens of gigabytes
MAX_BATCH = 64  # images; a larger batch is a typing error, and does not fit into a function's memory
OPSETS = range(11, 21)  # below 11 Resize is another operator; above 20 torch 2.13.0's tracing exporter has no rules
INT8, FLOAT16 = "int8", "float16"  # methods of compression

EPILOG = """\
examples:
  python -m export best.pt                       best.onnx in the folder of best.pt; any image size
  python -m export best.pt --imgsz 960           another size to letterbox to
  python -m export best.pt --static --imgsz 640  one fixed square
  python -m export best.pt --end2end             the head that needs no NMS (YOLOv10, YOLO26)
  python -m export best.pt --int8 --data photos  8-bit convolutions, if the predictions on your images agree
  python -m export best.onnx                     only check a file that is already ONNX

A .pt file is a pickle: loading one can run code. Only the classes of torch and ultralytics are allowed here; a file
that names others is refused. For weights that you trust, ULTRALYTICS_SAFE_LOAD=false removes the check."""


class ExportOptions(NamedTuple):
    """A command line that can be carried out."""

    weights: Path
    output: Path  # equal to weights: no model is written
    static: bool
    imgsz: tuple[int, ...]  # pixels: () as trained, (side,) or (height, width)
    opset: int  # 0: DEFAULT_OPSET of convert.py
    batch: int  # images in one run
    end2end: bool
    compression: str  # INT8, FLOAT16 or ""
    data: Path | None  # the folder of the user's images
    min_agreement: float | None  # 0..1; None: the default of the method
    json: Path | None  # the file for the report
    print_next_step: bool  # the command that continues with the result
    is_verbose: bool  # print every measurement
    is_quiet: bool = False  # print only errors


def parse(arguments: list[str]) -> ExportOptions:
    """Parse the command line, and check the files that it names.

    Raises:
        UsageError: an option, the weights, the images or the output cannot be used.
    """
    reader = parser()
    parsed = reader.parse_args(arguments)
    sides = parsed.imgsz or []
    if not parsed.weights and sides and not sides[-1].isdecimal():
        parsed.weights = sides.pop()  # `--imgsz 640 best.pt`: argparse takes it for a value of the option
    if not parsed.weights:
        reader.error("WEIGHTS are missing")
    weights = Path(parsed.weights)
    kind = files.kind(weights)
    if kind == files.ONNX:
        _check_onnx_options(weights, parsed)
    _check_combination(parsed)
    default = weights if kind == files.ONNX else weights.with_suffix(".onnx")
    output = Path(parsed.output) if parsed.output else default
    if kind == files.TORCH or output != weights:
        files.check_output(output, weights)
    if parsed.json:
        files.check_folder("--json", parsed.json)
    return ExportOptions(
        weights=weights,
        output=output,
        static=parsed.static,
        imgsz=_imgsz(sides),
        opset=parsed.opset or 0,
        batch=parsed.batch or 1,
        end2end=parsed.end2end,
        compression=INT8 if parsed.int8 else FLOAT16 if parsed.half_weights else "",
        data=parsed.data,
        min_agreement=parsed.min_agreement,
        json=parsed.json,
        print_next_step=not parsed.no_next,
        is_verbose=parsed.verbose,
        is_quiet=parsed.quiet,
    )


def parser() -> Parser:
    """Return the parser of this command."""
    made = _Parser(
        prog="python -m export",
        description="Convert a trained YOLO or RT-DETR model (best.pt) to a verified ONNX file.",
        epilog=EPILOG,
    )
    add = made.add_argument
    add("weights", metavar="WEIGHTS", nargs="?", help="best.pt, or an .onnx to check")
    add("--static", action="store_true", help="fix batch, height and width (default: all dynamic)")
    add("--imgsz", nargs="+", metavar="N", help="side, or height and width, in pixels (default: as trained)")
    add("--batch", type=_batch, metavar="N", help="images in one run (default: 1)")
    add("--opset", type=_opset, metavar="N", help=f"ONNX opset, {OPSETS[0]} to {OPSETS[-1]} (default: 18)")
    add("--end2end", action="store_true", help="export the head that needs no NMS: YOLOv10 and YOLO26")
    add("--int8", action="store_true", help="8-bit convolutions: a third of the size, slower to load")
    add("--half-weights", action="store_true", help="weights stored as float16: half the size")
    add("--data", type=Path, metavar="DIR", help="images like those that the model will see; --int8 needs them")
    add(
        "--min-agreement",
        type=_fraction,
        metavar="X",
        help="least agreement of the predictions before and after compression, 0 to 1 "
        "(default: 0.9 for --int8, 0.98 for --half-weights)",
    )
    add(
        "-o",
        "--out",
        dest="output",
        metavar="FILE",
        help="the .onnx to write (default: WEIGHTS with the suffix .onnx)",
    )
    add("--output", dest="output", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    add("--json", type=Path, metavar="FILE", help="write the measurements as JSON (default: no file)")
    add("--quiet", action="store_true", help="print only errors")
    add("--verbose", action="store_true", help="print every measurement of the verification")
    add("--no-next", action="store_true", help=argparse.SUPPRESS)  # build_zip.sh is the next step
    made.add_version()
    return made


class _Parser(Parser):
    """Parser whose errors are one line instead of a usage block."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `python -m export --help` shows the options")


def _check_onnx_options(weights: Path, parsed: argparse.Namespace) -> None:
    if parsed.static or parsed.imgsz or parsed.opset or parsed.batch or parsed.end2end:
        raise UsageError(f"{weights} is already ONNX; --static, --imgsz, --opset, --batch and --end2end are for a .pt")
    if (parsed.int8 or parsed.half_weights) and (not parsed.output or Path(parsed.output) == weights):
        raise UsageError(f"--out must name the compressed model; {weights} is not overwritten")


def _check_combination(parsed: argparse.Namespace) -> None:
    """Raise if an option lacks one that it needs, or comes with one that it excludes."""
    if parsed.int8 and parsed.half_weights:
        raise UsageError("--int8 and --half-weights cannot be combined")
    if parsed.int8 and not parsed.data:
        raise UsageError("--int8 needs images to measure ranges on; pass a folder with --data DIR")
    for name in ("data", "min_agreement"):
        if getattr(parsed, name) is not None and not (parsed.int8 or parsed.half_weights):
            raise UsageError(f"--{name.replace('_', '-')} needs --int8 or --half-weights")
    if parsed.data:
        images.split(parsed.data)


def _opset(text: str) -> int:
    if not text.isdecimal() or int(text) not in OPSETS:
        raise argparse.ArgumentTypeError(f"opset must be between {OPSETS[0]} and {OPSETS[-1]}, got {text!r}")
    return int(text)


def _batch(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_BATCH:
        raise argparse.ArgumentTypeError(f"batch must be between 1 and {MAX_BATCH}, got {text!r}")
    return int(text)


def _fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"the agreement must be between 0 and 1, got {text!r}")
    return number


def _imgsz(texts: list[str]) -> tuple[int, ...]:
    """Return one side, or height and width, in pixels."""
    if len(texts) > 2:
        raise UsageError(f"--imgsz must be one side, or height and width, got {' '.join(texts)}")
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
            raise UsageError(f"--imgsz must be between 1 and {MAX_SIDE} pixels, got {text!r}")
    return tuple(int(text) for text in texts)
