"""The command line of ``python -m export``, and its one error boundary.

Everything up to `bootstrap.enter` runs on any Python from 3.9 on, without torch: help, wrong options and files that
cannot be what was meant are answered at once.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from export import bootstrap, place, sniff
from export.errors import ExportError, Refused

INTERRUPTED = 130  # what shells say of a command that Ctrl-C ended
MAX_SIDE = 8192  # pixels; a longer side is a typing error, and would need tens of gigabytes
OPSETS = range(11, 21)  # below 11 Resize is another operator; above 20 torch 2.13.0's tracing exporter has no rules

EPILOG = """\
examples:
  python -m export best.pt                       best.onnx beside it; any picture size, letterboxed to the trained one
  python -m export best.pt --imgsz 960           another size
  python -m export best.pt --static --imgsz 640  one fixed square
  python -m export best.onnx                     only check a file that is already ONNX

A .pt file is a pickle: reading one can run code. Only the classes of torch and ultralytics are let in here; a file that
names others is refused. For weights that you trust, ULTRALYTICS_SAFE_LOAD=false lifts that."""


class Order(NamedTuple):
    """What the user asked for."""

    weights: Path
    output: Path  # the weights themselves: nothing is to be written
    static: bool
    imgsz: tuple[int, ...]  # pixels: () as trained, (side,) or (height, width)
    opset: int  # 0: DEFAULT_OPSET of convert.py
    says_next: bool  # the command to go on with


def main(arguments: list[str]) -> int:
    """Runs the command line; the exit code is 0, 1 (the result differs) or 2 (refused)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        order = parse(arguments)
        bootstrap.enter("export", arguments)
        from export import run

        run.run(order)
    except ExportError as error:
        sys.stdout.flush()
        sys.stderr.write(f"export: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("export: stopped; nothing was written\n")
        return INTERRUPTED
    return 0


def _stop(number: int, _: object) -> NoReturn:
    """An ordinary end, so that no temporary folder stays behind."""
    raise SystemExit(128 + number)


def parse(arguments: list[str]) -> Order:
    """Reads the command line and looks at the files that it names.

    Raises:
        Refused: an option, the weights or the output is not usable.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    sides = given.imgsz or []
    if not given.weights and sides and not sides[-1].isdecimal():
        given.weights = sides.pop()  # `--imgsz 640 best.pt`: argparse gives it to the option
    if not given.weights:
        parser.error("WEIGHTS are missing")
    weights = Path(given.weights)
    kind = sniff.kind(weights)
    if kind == sniff.ONNX and (given.static or sides or given.opset):
        raise Refused(f"{weights} is ONNX already; --static, --imgsz and --opset are for a .pt")
    beside = weights if kind == sniff.ONNX else weights.with_suffix(".onnx")
    output = Path(given.output) if given.output else beside
    if kind == sniff.TORCH or output != weights:
        place.check(output, weights)
    return Order(weights, output, given.static, _imgsz(sides), given.opset or 0, not given.no_next)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m export",
        description="Turns a trained YOLO detector (best.pt) into a verified ONNX file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="best.pt, or an .onnx to check")
    parser.add_argument("--static", action="store_true", help="fix height and width (default: both dynamic)")
    parser.add_argument(
        "--imgsz", nargs="+", metavar="N", help="side, or height and width, in pixels (default: as trained)"
    )
    parser.add_argument("--opset", type=_opset, metavar="N", help=f"{OPSETS[0]} to {OPSETS[-1]} (default: 18)")
    parser.add_argument("--output", metavar="PATH", help="where to write (default: beside the weights, .onnx)")
    parser.add_argument("--no-next", action="store_true", help=argparse.SUPPRESS)  # build_zip is the next step
    return parser


class _Parser(argparse.ArgumentParser):
    """One clear line instead of a usage block."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; `python -m export --help` shows the options")


def _opset(text: str) -> int:
    if not text.isdecimal() or int(text) not in OPSETS:
        raise argparse.ArgumentTypeError(f"opset {text!r}; wanted a number from {OPSETS[0]} to {OPSETS[-1]}")
    return int(text)


def _imgsz(texts: list[str]) -> tuple[int, ...]:
    if len(texts) > 2:
        raise Refused(f"--imgsz {' '.join(texts)}: wanted one side, or height and width")
    for text in texts:
        if not text.isdecimal() or not 0 < int(text) <= MAX_SIDE:
            raise Refused(f"--imgsz {text}: wanted pixels from 1 to {MAX_SIDE}")
    return tuple(int(text) for text in texts)
