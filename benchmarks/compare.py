"""Paired comparison of the cold starts and warm responses of two builds: `scripts/bench.sh compare DIST_A DIST_B`.

Each pair is one start, or one warm response, of A and one of B, in random order. The result is the median of the ratios
B / A with its confidence interval: what the machine does to both of a pair cancels out.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import cold_start, prepare, report, stats
from benchmarks.cold_start import Measurement, Setting
from benchmarks.contenders import Contender, Resources
from benchmarks.models import IMAGE, ROOT
from benchmarks.stats import Interval
from scripts.aws.limits import MB_PER_CPU
from scripts.command_line import Parser
from scripts.local_lambda.events import from_image

RUNS, WARM_RUNS = 60, 200  # pairs
CONFIDENCE = 0.9
JSON = Path("build", "benchmarks-compare.json")


def parser() -> Parser:
    """Return the parser of the command line."""
    prog = "scripts/bench.sh compare"
    command = Parser(
        prog=prog,
        description="Compare cold starts and warm responses of two builds in pairs: the median of the ratios B / A.",
    )
    command.add_version()
    command.add_argument(
        "dist_a", type=Path, metavar="DIST_A", help="folder of a build, as scripts/build_zip.sh writes it"
    )
    command.add_argument("dist_b", type=Path, metavar="DIST_B", help="folder of the build to compare with it")
    command.add_argument("--runs", type=int, default=RUNS, metavar="N", help="pairs of starts (default: %(default)s)")
    command.add_argument(
        "--warm", type=int, default=WARM_RUNS, metavar="N", help="pairs of warm responses (default: %(default)s)"
    )
    command.add_argument("--cpus", type=int, default=1, metavar="N", help="CPUs of the function (default: %(default)s)")
    command.add_argument(
        "--image",
        type=Path,
        default=IMAGE,
        metavar="IMAGE",
        help=f"image of the first request (default: {IMAGE.relative_to(ROOT)})",
    )
    command.add_argument(
        "--json", type=Path, default=ROOT / JSON, metavar="FILE", help=f"file for all results (default: {JSON})"
    )
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options; exit with 2 if they are not valid."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    for name, least in (("runs", stats.MIN_PAIRS), ("warm", stats.MIN_PAIRS), ("cpus", 1)):
        if getattr(options, name) < least:
            command.error(f"--{name} must be at least {least}, got {getattr(options, name)}")
    return options


def measure(options: argparse.Namespace, log: Callable[[str], None]) -> Measurement:
    """Start both builds in pairs.

    Args:
        options: of the command line.
        log: receives lines about the progress.

    Raises:
        NotMeasured: a build does not start, fails, or the detections differ.
        InvalidManifest, NotRunnable: a folder has no build, or one that this machine cannot run.
    """
    entered = [_contender("A", options.dist_a), _contender("B", options.dist_b)]
    resources = Resources(options.cpus, options.cpus * MB_PER_CPU)
    setting = Setting("B compared with A", resources, dropped=False, runs=options.runs, warm_runs=options.warm)
    return cold_start.measure(setting, entered, from_image(options.image, "").event, log)


def intervals(measurement: Measurement) -> dict[str, Interval]:
    """Return the median of the ratios B / A with its interval: of starts, first and warm responses."""
    a, b = measurement.runs
    ready = stats.pair_ratios([start.init_ms for start in b.starts], [start.init_ms for start in a.starts])
    response = stats.pair_ratios(b.first_responses_ms, a.first_responses_ms)
    warm = stats.pair_ratios([each.invoke_ms for each in b.warm], [each.invoke_ms for each in a.warm])
    return {
        "ready": stats.median_interval(ready, CONFIDENCE),
        "first response": stats.median_interval(response, CONFIDENCE),
        "warm response": stats.median_interval(warm, CONFIDENCE),
    }


def text(measurement: Measurement) -> str:
    """Return the tables of times and of ratios."""
    times = [["cold start", "ready ms", "first response ms", "warm response ms", "peak MB", "unpacked MB"]]
    times += [
        [
            f"{runs.contender.name}: {runs.contender.description}",
            report.ms(statistics.median(start.init_ms for start in runs.starts)),
            report.ms(statistics.median(runs.first_responses_ms)),
            f"{statistics.median(each.invoke_ms for each in runs.warm):.1f}",
            report.mb(statistics.median(start.peak_bytes for start in runs.starts)),
            report.file_mb(runs.unpacked_bytes),
        ]
        for runs in measurement.runs
    ]
    ratios = [["B / A", "median", f"{CONFIDENCE:.0%} interval of the median"]]
    ratios += [
        [name, f"{ratio.median:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}"]
        for name, ratio in intervals(measurement).items()
    ]
    return f"{report.title(measurement)}\n\n{report.table(times)}\n{report.table(ratios)}"


def fields(measurement: Measurement) -> dict[str, Any]:
    """Return the results for the JSON document."""
    ratios = {name.replace(" ", "_"): ratio._asdict() for name, ratio in intervals(measurement).items()}
    return {**report.settings([measurement]), "confidence": CONFIDENCE, "ratios_b_to_a": ratios}


def _contender(name: str, dist: Path) -> Contender:
    prepare.target_of(dist)  # raises if the folder has no manifest
    return Contender(name, str(dist), dist, probe=None)
