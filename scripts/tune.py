#!/usr/bin/env python3
"""Run images on a deployed function at several memory sizes, and name the cheapest and the fastest one.

Runs under any Python from 3.9 on; the environment `aws`, which is set up if needed, has what it uses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import environments, home  # noqa: E402
from scripts.aws.errors import FAILED, USAGE, DeployError  # noqa: E402
from scripts.aws.limits import MEMORY_RANGE  # noqa: E402
from scripts.aws.session import account_line, add_session_options, from_options, print_line  # noqa: E402
from scripts.command_line import Parser, add_output_options, add_request_options, request_options  # noqa: E402

if TYPE_CHECKING:
    from scripts.client.images import Image
    from scripts.tuning.measurement import Row

INTERRUPTED = 130  # exit code
MEMORIES = "512,1024,1769,3008"  # MB
COLD, WARM = 3, 20  # calls of each size
DIST, DIST_ARM64 = Path("dist"), Path("dist-arm64")
EPILOG = """\
examples:
  scripts/tune.py photos --out tune.png              $LATEST of the function yolo at four sizes
  scripts/tune.py photos --dist-arm64 dist-arm64     on arm64 too, with zips for it
  scripts/tune.py photos --local                     an estimate from the zips in dist/, without AWS

Each size is a version of the function that is deleted afterwards; the alias `live` stays as it is. At the end, also
after Ctrl-C, memory, code and layers of $LATEST are as before; after a crash the next run or --restore puts them back.
Exit codes: 0 success, 1 a size or an image failed, 2 usage or environment error, 130 interrupted."""


def main(arguments: list[str]) -> int:
    """Measure the sizes; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    if not environments.has_packages("aws"):
        return environments.run_in("aws", [str(ROOT / "scripts" / "tune.py"), *arguments])
    from scripts.local_lambda.errors import LocalLambdaError

    rows: list[Row] = []
    code = 0
    described: dict[str, Any] = {"images": 0, "estimate": options.local}
    try:
        if options.restore:
            return _restore(options)
        (_measure_here if options.local else _measure_there)(options, rows, described)
    except (DeployError, LocalLambdaError, home.NotWritable) as error:
        sys.stderr.write(f"tune: {' '.join(str(error).split())}\n")
        code = error.code if isinstance(error, DeployError) else USAGE
    except KeyboardInterrupt:
        sys.stderr.write(f"tune: interrupted; {len(rows)} sizes are measured{_state(options, described)}\n")
        code = INTERRUPTED
    if rows and not _print_result(options, rows, described):
        code = code or FAILED
    return code or (FAILED if any(row.error for row in rows) else 0)


def _measure_there(options: argparse.Namespace, rows: list[Row], described: dict[str, Any]) -> None:
    """Measure versions of the deployed function; `rows` gets each result when it is there."""
    from scripts.tuning import note, sizes

    lines: list[str] = []
    aws = from_options(options, lines)
    aws.report(account_line(aws))
    found = _images(options, aws)
    described |= {"function": options.function, "account": aws.account, "region": aws.region, "images": len(found)}
    with note.locked(aws, options.function) as folder:
        try:
            with contextlib.closing(sizes.measure(aws, options, folder, found, request_options(options))) as measured:
                for row in measured:
                    rows.append(row)
                    _print_progress(options, row)
        finally:
            described["restored"] = note.read(folder) is None


def _measure_here(options: argparse.Namespace, rows: list[Row], described: dict[str, Any]) -> None:
    """Estimate the sizes with the zips on this machine."""
    from benchmarks import cpus
    from scripts.tuning import local

    found = _images(options, None)
    described |= {"dist": str(options.dist or DIST), "images": len(found), "cpu_quota": cpus.has_quota()}
    if not cpus.has_quota():
        sys.stderr.write(f"tune: {cpus.NO_QUOTA}\n")
    for memory in options.memory:
        row = local.measure(options.dist or DIST, memory, found, request_options(options), options.cold, options.warm)
        rows.append(row)
        _print_progress(options, row)


def _images(options: argparse.Namespace, aws: Any) -> list[Image]:
    from scripts.client import images

    if options.local and any(source.startswith(images.S3) for source in options.images):
        raise DeployError("--local must have files, got s3://")
    found = images.find(options.images, lambda: aws)
    if found.left_out:
        sys.stderr.write(f"tune: left out: {found.left_out}\n")
    return found.images


def _restore(options: argparse.Namespace) -> int:
    """Put back what a run left that was killed; return the exit code."""
    from scripts.tuning import note, restoration

    aws = from_options(options, [])
    aws.report(account_line(aws))
    with note.locked(aws, options.function) as folder:
        was_noted = restoration.restore(aws, options.function, folder)
        if not was_noted:  # of a run on another machine, whose note is there
            restoration.delete_versions(aws, options.function)
            restoration.delete_layers(aws, options.function)
    if not options.quiet:
        no_note = "has no temporary version; this machine has no note of another change"
        print_line(f"restored  {options.function} {'is as before' if was_noted else no_note}")
    return 0


def _state(options: argparse.Namespace, described: dict[str, Any]) -> str:
    if "restored" not in described:
        return ""
    if described["restored"]:
        return f", and {options.function} is as before"
    return f"; `scripts/tune.py --restore --function {options.function}` puts {options.function} back"


def _print_progress(options: argparse.Namespace, row: Row) -> None:
    if not options.quiet:
        result = row.error if row.p50_ms is None else f"p50 {row.p50_ms:.1f} ms, {row.usd or 0:.2f} USD per million"
        sys.stderr.write(f"{row.architecture} {row.memory} MB: {result}\n")


def _print_result(options: argparse.Namespace, rows: list[Row], described: dict[str, Any]) -> bool:
    """Print and draw what was measured; return whether everything could be written."""
    from scripts.tuning import output

    if options.json:
        print_line(json.dumps(output.document(rows, described)))
    else:
        _print_table(options, rows)
    return not options.out or _draw(options, rows, described)


def _draw(options: argparse.Namespace, rows: list[Row], described: dict[str, Any]) -> bool:
    from scripts.tuning import picture

    of_what = f"{described.get('dist')}, estimate" if options.local else f"{options.function} in {described['region']}"
    try:
        picture.draw(f"{of_what}: {described['images']} images", rows, options.out)
    except OSError as error:
        sys.stderr.write(f"tune: {options.out} cannot be written: {error.strerror or error}\n")
        return False
    if not (options.json or options.quiet):
        print_line(f"written   {options.out}")
    return True


def _print_table(options: argparse.Namespace, rows: list[Row]) -> None:
    from scripts.tuning import output

    if not options.quiet:
        if options.local:
            print_line("An estimate from this machine, which is not one of Lambda: compare the sizes, not the values.")
        output.table(rows, output.console(is_wide=not sys.stdout.isatty()))
    for line in output.conclusion(rows):
        print_line(line)


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/tune.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add = command.add_argument
    add(
        "images", nargs="*", metavar="IMAGE",
        help="image files, folders, patterns such as 'photos/**/*.jpg', s3://bucket/key, s3://bucket/prefix/",
    )  # fmt: skip
    add("--function", default="yolo", metavar="NAME", help="function to measure, its $LATEST (default: %(default)s)")
    add("--memory", type=_sizes, default=MEMORIES, metavar="MB[,MB...]", help="memory sizes (default: %(default)s)")
    add(
        "--dist", type=Path, metavar="DIR",
        help="folder with zips, measured too if the function has another architecture; with --local what is measured "
        f"(default: {DIST}, if it exists)",
    )  # fmt: skip
    add(
        "--dist-arm64", type=Path, metavar="DIR",
        help=f"folder with zips for arm64, measured too if the function has another one (default: {DIST_ARM64}, if it "
        "exists)",
    )  # fmt: skip
    add("--cold", type=int, default=COLD, metavar="N", help="cold starts of each size (default: %(default)s)")
    add(
        "--warm", type=int, default=WARM, metavar="N",
        help="warm calls of each size, at least one of each IMAGE (default: %(default)s)",
    )  # fmt: skip
    add("--out", type=Path, metavar="FILE", help="draw times and prices over memory to FILE, as PNG")
    add("--local", action="store_true", help="estimate with the zips on this machine and limited CPU time; no AWS")
    add("--restore", action="store_true", help="only put back what a run left that was killed")
    add_request_options(command)
    add_output_options(
        command, quiet="print only the cheapest and the fastest size, and errors",
        verbose="print each call of AWS as a command of `aws`, to stderr",
    )  # fmt: skip
    add_session_options(command)
    command.add_version()
    return command


def _sizes(text: str) -> list[int]:
    """Return memory sizes, each once, ascending."""
    least, most = MEMORY_RANGE
    try:
        sizes = sorted({int(size) for size in text.split(",")})
    except ValueError:
        sizes = []
    if not sizes or not all(least <= size <= most for size in sizes):
        raise argparse.ArgumentTypeError(f"must be sizes between {least} and {most} MB with commas, got {text!r}")
    return sizes


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    options.function = options.function.partition(":")[0] if not options.function.startswith("arn:") else ""
    if not options.function:
        command.error("--function must be the name of a function, got an ARN or nothing")
    for name, least in (("cold", 0), ("warm", 1)):
        if getattr(options, name) < least:
            command.error(f"--{name} must be at least {least}, got {getattr(options, name)}")
    if bool(options.images) == options.restore:
        command.error("IMAGE must be given, unless --restore is set")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
