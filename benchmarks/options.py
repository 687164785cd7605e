"""Command line of `scripts/bench.sh`; `compare`, `engines`, `fast-decode` and `scale` have their own.

Runs under any Python from 3.9 on, with the standard library alone: `--help` needs no environment.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.command_line import Parser

ROOT = Path(__file__).resolve().parent.parent
PROG = "scripts/bench.sh"
COMMANDS = ("start", "steps", "warm", "memory", "nms", "tasks")  # those with the options of this parser
OTHER_COMMANDS = ("compare", "engines", "fast-decode", "scale")
MODELS = ("example", "yolov8n", "yolov8n-static")
DEFAULT_MODELS = ("example", "yolov8n")  # of all commands but `warm`, whose default is all models
RUNS, QUICK_RUNS = 10, 3  # pairs
INVOCATIONS = 2000  # responses over which the growth of memory is measured
CHART = Path("benchmarks", "cold_start.png")
HISTORY = Path("benchmarks", "history.md")
EPILOG = f"""\
commands:
  start        cold starts by step, compared with the baselines; draws a chart (default)
  steps        ablation: this project without one optimization of the start at a time
  warm         warm responses by step
  memory       peak by model and image size, growth over {INVOCATIONS:,} responses
  nms          non-maximum suppression of 33,600 boxes with 80 classes
  tasks        masks, keypoints and rotated boxes, compared with a run of the network
  compare      paired cold starts of two builds; options: {PROG} compare --help
  engines      the model of the zip beside OpenVINO, ncnn and Ultralytics on the ONNX; options: {PROG} engines --help
  fast-decode  FAST_DECODE=1 against exact decoding; options: {PROG} fast-decode --help
  scale        a simulation of 10^4 to 10^8 images on AWS: time, cost, limits; options: {PROG} scale --help
"""


def parser() -> Parser:
    """Return the parser of all commands but `compare`, `engines`, `fast-decode` and `scale`, which have their own."""
    command = Parser(
        prog=PROG,
        description="Measure start time, response time and memory of the zips on this machine.",
        epilog=EPILOG,
    )
    command.add_version()
    command.add_argument(
        "command", nargs="?", choices=[*COMMANDS, *OTHER_COMMANDS], default="start", metavar="COMMAND",
        help="see below (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--dist", type=Path, metavar="DIR",
        help="folder with the zips of the example (default: zips built below build/benchmarks)",
    )  # fmt: skip
    command.add_argument(
        "--models", nargs="+", choices=MODELS, metavar="NAME",
        help=f"models to measure: {', '.join(MODELS)} (default: {' and '.join(DEFAULT_MODELS)}; warm: all)",
    )  # fmt: skip
    command.add_argument("--runs", type=int, metavar="N", help=f"pairs in each setting (default: {RUNS})")
    command.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} pairs, for a first look")
    command.add_argument(
        "--json", type=Path, metavar="FILE",
        help="file for all results (default: build/benchmarks-COMMAND.json; start: build/benchmarks.json)",
    )  # fmt: skip
    command.add_argument(
        "--chart",
        type=Path,
        metavar="FILE",
        help=f"chart of `start` (default: {CHART}; with --quick: build/{CHART.name})",
    )
    command.add_argument("--picture", type=Path, dest="chart", help=argparse.SUPPRESS)  # the old name of --chart
    command.add_argument(
        "--history", type=Path, metavar="FILE",
        help=f"file to which `steps` adds its results (default: {HISTORY}; with --quick: none)",
    )  # fmt: skip
    return command


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options with their defaults, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if options.command not in COMMANDS:
        command.error(f"{options.command} must be the first argument")
    if options.models is None:
        options.models = list(MODELS if options.command == "warm" else DEFAULT_MODELS)
    if options.runs is None:
        options.runs = QUICK_RUNS if options.quick else RUNS
    if options.runs < 1:
        command.error(f"--runs must be at least 1, got {options.runs}")
    name = "benchmarks.json" if options.command == "start" else f"benchmarks-{options.command}.json"
    options.json = options.json or ROOT / "build" / name
    options.chart = options.chart or (ROOT / "build" / CHART.name if options.quick else ROOT / CHART)
    options.history = options.history or (None if options.quick else ROOT / HISTORY)
    return options


if __name__ == "__main__":
    parse(sys.argv[1:])  # scripts/bench.sh starts this for --help and --version
