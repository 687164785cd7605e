"""Command line of batch.py. Runs under any Python from 3.9 on, with the standard library alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.aws.session import add_session_options
from scripts.command_line import Parser, add_output_options, add_request_options, qualified

DESCRIPTION = "Predict all images of an S3 prefix, a manifest or a folder with a deployed function, into one file."
FORMATS = ("jsonl", "csv", "coco", "parquet")
OF_SUFFIX = {".csv": "csv", ".parquet": "parquet"}  # suffix of --out -> format, if --format does not set it
CONCURRENCY, CONCURRENCY_LIMIT = 8, 1000  # a new account has 10 environments for all its functions
PER_CALL = 8
PER_CALL_LIMIT = 16  # the default of MAX_IMAGES, function/settings.py
EPILOG = """\
SOURCE is
  s3://bucket/prefix/    every image below the prefix; other objects, such as .json, are left out and counted
  FILE or s3://...FILE   a manifest: CSV with the columns bucket and key, CSV of an S3 inventory or its manifest.json,
                         JSONL ({"s3": ...}, {"bucket": ..., "key": ...} or {"source": ...}), or lines of s3:// URIs;
                         also compressed as .gz
  DIR                    every image in a folder and the folders below it

examples:
  scripts/batch.py s3://photos/in/ --estimate
  scripts/batch.py s3://photos/in/ --out results.jsonl --concurrency 50
  scripts/batch.py photos --out results.csv --format csv --conf 0.4

The same command goes on after an interruption. Rows of images with an error after which a retry may succeed are tried
again; every other image is predicted once.

exit codes: 0 every image has a result, 1 not all, 2 usage or environment error, 130 interrupted"""


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/batch.py", description=DESCRIPTION, epilog=EPILOG)
    add = command.add_argument
    add("source", nargs="?", metavar="SOURCE", help="S3 prefix, manifest or folder")
    add("--out", type=Path, metavar="FILE", help="file with the results; needed unless --estimate is set")
    add(
        "--format", choices=FORMATS, metavar="FORMAT",
        help="format of FILE: jsonl, csv, coco or parquet (default: that of its suffix, .csv or .parquet, else jsonl)",
    )  # fmt: skip
    add(
        "--function", default="yolo:live", type=qualified, metavar="NAME[:ALIAS]",
        help="function to call (default: %(default)s); without an alias: live",
    )  # fmt: skip
    add(
        "--concurrency", type=int, default=CONCURRENCY, metavar="N",
        help="calls at the same time, at most (default: %(default)s)",
    )  # fmt: skip
    add(
        "--images-per-call", type=int, default=PER_CALL, metavar="N",
        help=f"images in one call, at most; 1 to {PER_CALL_LIMIT} (default: %(default)s)",
    )  # fmt: skip
    add(
        "--via", choices=("invoke", "map"), default="invoke", metavar="METHOD",
        help="invoke: this machine calls the function; map: a state machine does, see Bulk=on of template.yaml "
        "(default: %(default)s)",
    )  # fmt: skip
    add(
        "--state-machine", metavar="ARN",
        help="state machine for --via map (default: that of the stack of the function, NAME-bulk)",
    )  # fmt: skip
    add(
        "--collect", metavar="s3://BUCKET/PREFIX/",
        help="make FILE of the results that S3 events left below a prefix; without SOURCE, and no call is made",
    )  # fmt: skip
    add_request_options(command)
    add("--estimate", action="store_true", help="call the function for a few images, print time and cost, and stop")
    add("--overwrite", action="store_true", help="begin again if FILE has results of another source or other options")
    add_session_options(command)
    add_output_options(command, quiet="print errors only", verbose="print a line for each call and each error")
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if (options.source is None) == (options.collect is None):
        command.error("exactly one of SOURCE and --collect must be set")
    if options.via == "map" and options.collect:
        command.error("--via map must not be set with --collect, which calls no function")
    if options.state_machine and options.via != "map":
        command.error("--state-machine requires --via map")
    if options.out is None and not options.estimate:
        command.error("--out FILE must be set, or --estimate")
    for name, most in (("concurrency", CONCURRENCY_LIMIT), ("images_per_call", PER_CALL_LIMIT)):
        value = getattr(options, name)
        if not 1 <= value <= most:
            command.error(f"--{name.replace('_', '-')} must be between 1 and {most}, got {value}")
    options.format = options.format or OF_SUFFIX.get(options.out.suffix.lower() if options.out else "", "jsonl")
    if options.out and options.format != "jsonl" and options.out.suffix.lower() == ".jsonl":
        command.error(f"--out must not end in .jsonl with --format {options.format}: that file is kept beside it")
    return options


def results_path(options: argparse.Namespace) -> Path:
    """Return the JSONL file of a run: --out, or the file beside it from which another format is made."""
    out: Path = options.out
    return out if options.format == "jsonl" else out.with_suffix(".jsonl")
