"""Fuzz targets one after another, or several at once, and print a table; started by `scripts/fuzz.sh`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from scripts.fuzz import options, process
from scripts.fuzz.process import Failed, Report

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
MINUTE = 60
COLUMNS = ("target", "executions", "per second", "new inputs", "findings")


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    chosen = options.parse(arguments)
    if chosen.list:
        sys.stdout.write(options.listing())
        return 0
    if chosen.replay:
        return process.replay(chosen.targets[0], chosen.replay)
    process.STOPPED.clear()
    seconds = chosen.minutes * MINUTE / len(chosen.targets)
    search = partial(process.fuzz, seconds=seconds, seed=chosen.seed, output=chosen.output)
    pool = ThreadPoolExecutor(chosen.jobs)
    try:
        _print_row(COLUMNS)
        reports = []
        for report in pool.map(search, chosen.targets):
            _print_row(_cells(report))
            reports.append(report)
    except Failed as error:
        process.STOPPED.set()
        sys.stderr.write(f"fuzz: {error}\n")
        return USAGE
    except KeyboardInterrupt:
        process.STOPPED.set()
        sys.stderr.write("fuzz: interrupted\n")
        return INTERRUPTED
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # a search that runs ends by itself
    return _verdict(reports)


def _cells(report: Report) -> tuple[str, ...]:
    per_second = report.executions / max(report.seconds, 1)
    return (
        report.target,
        f"{report.executions:,}",
        f"{per_second:,.0f}",
        f"{report.new_inputs:,}",
        f"{len(report.findings)}",
    )


def _print_row(cells: tuple[str, ...]) -> None:
    first, *others = cells
    sys.stdout.write(f"{first:18}{''.join(f'{cell:>12}' for cell in others)}\n")
    sys.stdout.flush()


def _verdict(reports: list[Report]) -> int:
    """Print the total and the findings; return the exit code."""
    executions = sum(report.executions for report in reports)
    found = [(report.target, path) for report in reports for path in report.findings]
    minutes = sum(report.seconds for report in reports) / MINUTE
    sys.stdout.write(f"{executions:,} inputs in {minutes:.1f} minutes of {len(reports)} targets\n")
    for target, path in found:
        lines = path.with_suffix(".txt").read_text("utf-8").splitlines() or [""]
        sys.stdout.write(f"\n{target}: {lines[0]:.300}\n  {options.PROG} --replay {path} {target}\n")
    return FAILED if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
