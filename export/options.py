"""The options of ``python -m export``, and which of them go together.

Runs on any Python from 3.9 on and imports only the standard library.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple, NoReturn

from export import files
from export.errors import UsageError

MAX_SIDE = 8192  # pixels; a longer side is a typing error, and would need tens of gigabytes
MAX_BATCH = 64  # pictures; a larger one is a typing error, and does not fit into a function's memory
OPSETS = range(11, 21)  # below 11 Resize is another operator; above 20 torch 2.13.0's tracing exporter has no rules


def opset(text: str) -> int:
    """An opset that torch writes."""
    if not text.isdecimal() or int(text) not in OPSETS:
        raise argparse.ArgumentTypeError(f"opset {text!r}; wanted a number from {OPSETS[0]} to {OPSETS[-1]}")
    return int(text)


def batch(text: str) -> int:
    """Pictures in one run."""
    if not text.isdecimal() or not 0 < int(text) <= MAX_BATCH:
        raise argparse.ArgumentTypeError(f"batch {text!r}; wanted a number from 1 to {MAX_BATCH}")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted a number from 0 to 1")
    return found


def imgsz(texts: list[str]) -> tuple[int, ...]:
    """One side, or height and width, in pixels."""
    if len(texts) > 2:
        raise UsageError(f"--imgsz {' '.join(texts)}: wanted one side, or height and width")
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
            raise UsageError(f"--imgsz {text}: wanted pixels from 1 to {MAX_SIDE}")
    return tuple(int(text) for text in texts)


INT8, HALF = "int8", "half"  # ways to a smaller file

EPILOG = """\
examples:
  python -m export best.pt                       best.onnx beside it; any picture size, letterboxed to the trained one
  python -m export best.pt --imgsz 960           another size
  python -m export best.pt --static --imgsz 640  one fixed square
  python -m export best.pt --end2end             the head that needs no NMS (YOLOv10, YOLO26)
  python -m export best.pt --int8 --data photos  8-bit convolutions, if they find the same in your photos
  python -m export best.onnx                     only check a file that is already ONNX

A .pt file is a pickle: reading one can run code. Only the classes of torch and ultralytics are let in here; a file that
names others is refused. For weights that you trust, ULTRALYTICS_SAFE_LOAD=false lifts that."""


class ExportOptions(NamedTuple):
    """What the user asked for."""

    weights: Path
    output: Path  # the weights themselves: nothing is to be written
    static: bool
    imgsz: tuple[int, ...]  # pixels: () as trained, (side,) or (height, width)
    opset: int  # 0: DEFAULT_OPSET of convert.py
    batch: int  # pictures in one run
    end2end: bool
    compression: str  # INT8, HALF or ""
    data: Path | None  # the user's pictures
    min_agreement: float | None  # 0..1; None: the default of the way
    print_next_step: bool  # the command to go on with


def parse(arguments: list[str]) -> ExportOptions:
    """Reads the command line and looks at the files that it names.

    Raises:
        UsageError: an option, the weights, the pictures or the output is not usable.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    sides = given.imgsz or []
    if not given.weights and sides and not sides[-1].isdecimal():
        given.weights = sides.pop()  # `--imgsz 640 best.pt`: argparse gives it to the option
    if not given.weights:
        parser.error("WEIGHTS are missing")
    weights = Path(given.weights)
    kind = files.kind(weights)
    if kind == files.ONNX:
        _for_onnx(weights, given)
    _together(given)
    beside = weights if kind == files.ONNX else weights.with_suffix(".onnx")
    output = Path(given.output) if given.output else beside
    if kind == files.TORCH or output != weights:
        files.check(output, weights)
    return ExportOptions(
        weights=weights,
        output=output,
        static=given.static,
        imgsz=imgsz(sides),
        opset=given.opset or 0,
        batch=given.batch or 1,
        end2end=given.end2end,
        compression=INT8 if given.int8 else HALF if given.half_weights else "",
        data=given.data,
        min_agreement=given.min_agreement,
        print_next_step=not given.no_next,
    )


def _for_onnx(weights: Path, given: argparse.Namespace) -> None:
    if given.static or given.imgsz or given.opset or given.batch or given.end2end:
        raise UsageError(f"{weights} is ONNX already; --static, --imgsz, --opset, --batch and --end2end are for a .pt")
    if (given.int8 or given.half_weights) and (not given.output or Path(given.output) == weights):
        raise UsageError(f"{weights} stays as it is; --output names the smaller file to write")


def _together(given: argparse.Namespace) -> None:
    """Refuses options without those that they need, or beside those that they exclude."""
    if given.int8 and given.half_weights:
        raise UsageError("--int8 and --half-weights are two ways to a smaller file; wanted one of them")
    if given.int8 and not given.data:
        raise UsageError("--int8 needs pictures to measure ranges on; --data DIR names a folder of yours")
    for name in ("data", "min_agreement"):
        if getattr(given, name) is not None and not (given.int8 or given.half_weights):
            raise UsageError(f"--{name.replace('_', '-')} is for --int8 and --half-weights; neither is given")
    if given.data:
        files.split(given.data)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m export",
        description="Turns a trained YOLO or RT-DETR model (best.pt) into a verified ONNX file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="best.pt, or an .onnx to check")
    parser.add_argument("--static", action="store_true", help="fix batch, height and width (default: all dynamic)")
    parser.add_argument(
        "--imgsz", nargs="+", metavar="N", help="side, or height and width, in pixels (default: as trained)"
    )
    parser.add_argument("--batch", type=batch, metavar="N", help="pictures in one run (default: 1)")
    parser.add_argument("--opset", type=opset, metavar="N", help=f"{OPSETS[0]} to {OPSETS[-1]} (default: 18)")
    parser.add_argument("--end2end", action="store_true", help="the head that needs no NMS: YOLOv10 and YOLO26")
    parser.add_argument("--int8", action="store_true", help="8-bit convolutions: a third of the size, slower to load")
    parser.add_argument("--half-weights", action="store_true", help="weights stored as float16: half the size")
    parser.add_argument("--data", type=Path, metavar="DIR", help="pictures like those that the model will see")
    parser.add_argument(
        "--min-agreement",
        type=share,
        metavar="X",
        help="of what is found before and after, 0 to 1 (default: 0.9 for --int8, 0.98 for --half-weights)",
    )
    parser.add_argument("--output", metavar="PATH", help="where to write (default: beside the weights, .onnx)")
    parser.add_argument("--no-next", action="store_true", help=argparse.SUPPRESS)  # build_zip is the next step
    return parser


class _Parser(argparse.ArgumentParser):
    """One clear line instead of a usage block."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `python -m export --help` shows the options")
