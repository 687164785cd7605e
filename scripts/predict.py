#!/usr/bin/env python3
"""Run the built zips on image files, with the real Lambda runtime client, and write the results as files.

Runs under any Python from 3.9 on; the environment `build`, which is set up if needed, has what it uses.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import manifest  # noqa: E402
from scripts.aws.limits import MB_PER_CPU, MEMORY_RANGE  # noqa: E402
from scripts.command_line import (  # noqa: E402
    Parser,
    add_output_options,
    add_request_options,
    assignment,
    request_options,
)
from scripts.predictions import sources  # noqa: E402
from scripts.predictions.command import FAILED, INTERRUPTED, CannotRun, execute  # noqa: E402

if TYPE_CHECKING:
    from scripts.predictions.outputs import Paths
    from scripts.predictions.run import ImageResult
    from scripts.predictions.summary import Summary
    from scripts.predictions.terminal import Screen

TASKS = ("detect", "segment", "pose", "obb", "classify", "semantic", "depth")
READERS = ("READ_MODEL_ID", "READ_MODEL_PATH")  # environment variables that name a model that reads the detections
TIMEOUT = 120.0  # seconds for one image
MAX_LINES = 25  # images that are listed one by one without --verbose
EPILOG = """\
examples:
  scripts/predict.py photos --save boxes                    images with their boxes
  scripts/predict.py photos --csv results.csv --conf 0.4    one row for each detection
  scripts/predict.py 'photos/**/*.jpg' --txt labels         labels as `yolo predict save_txt` writes them

exit codes: 0 every image has a result, 1 not all, 2 usage or environment error, 130 interrupted"""


def main(arguments: list[str]) -> int:
    """Predict every image; return the exit code: 0, 1, 2, 130, or 141 for a closed pipe."""
    from scripts.predictions.summary import Summary

    options = parse(arguments)
    summary = Summary()
    return execute(
        "predict", arguments, options.sources, lambda found: _run(options, found, summary),
        lambda: f"finished and written: {summary.images}",
    )  # fmt: skip


def _run(options: argparse.Namespace, found: sources.Found, summary: Summary) -> int:
    """Start the zips, predict every image, write the results and print the table. Return the exit code."""
    from scripts.local_lambda import other_system
    from scripts.predictions import outputs, run, terminal

    screen = terminal.Screen(is_quiet=options.quiet or options.json)
    model = _model(options)
    _require_other_files(options, found.images)
    function = other_system.open_function(
        options.dist, memory=options.memory, timeout=TIMEOUT, env={"METRICS": "0", **dict(options.env)},
        log=screen.log if options.verbose else None, event_limit=None,
    )  # fmt: skip
    screen.print(f"{options.dist}: layer.zip and function.zip on {function.python}, {function.arch}")
    if found.left_out:
        screen.note(f"left out: {found.left_out}")
    documents: list[dict[str, Any]] = []
    started = time.monotonic()
    with function, terminal.interruption() as is_interrupted, screen.progress(len(found.images)) as advance:
        results = run.predict(function, found.images, request_options(options))
        for result in outputs.written(results, _paths(options), model, screen.error):
            _report(result, screen, summary)
            if options.json:
                documents.append(outputs.document(result))
            advance(result, options.verbose or len(found.images) <= MAX_LINES)
            if is_interrupted():
                break
    if options.json:
        sys.stdout.write(json.dumps({"images": documents}, ensure_ascii=False) + "\n")
    _print_summary(options, screen, summary, time.monotonic() - started)
    if is_interrupted():
        return INTERRUPTED
    return FAILED if summary.errors else 0


def _report(result: ImageResult, screen: Screen, summary: Summary) -> None:
    """Count a result, and print its error; with the first one, which options have no effect."""
    if result.error:
        screen.error(f"{result.image.path}: {result.error}")
    elif summary.images == summary.errors and result.body and "ignored" in result.body:
        screen.note(f"without an effect on this model: {', '.join(result.body['ignored'])}")
    summary.add(result)


def _print_summary(options: argparse.Namespace, screen: Screen, summary: Summary, seconds: float) -> None:
    screen.table(("class", "detections", "images"), summary.rows())
    screen.print(summary.sentence(seconds))
    if summary.too_large:
        screen.note(f"{summary.too_large} too large for a request on Lambda (about 4.5 MB): use S3 there")
    for path in (options.save, options.csv, options.jsonl, options.coco, options.txt):
        if path:
            screen.print(f"written: {path}")


def _model(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the manifest states of the model, and `is_read`, which says whether its detections are read.

    Raises:
        CannotRun: the model takes no images, or has no results that a requested file could have.
        InvalidManifest: there are no zips, or they are of an earlier version.
    """
    model = manifest.model(options.dist)
    task = model.get("task")
    if task not in TASKS:
        raise CannotRun(
            f"{options.dist} must have a YOLO model, got a generic ONNX model, which takes tensors; "
            "scripts/invoke_local.py --request FILE runs it"
        )
    if task in ("classify", "semantic", "depth") and options.coco:
        raise CannotRun(f"--coco requires a model with detections, got a {task} model; use --csv or --jsonl")
    if task in ("semantic", "depth") and options.txt:
        raise CannotRun(f"--txt requires a model with detections or classes, got a {task} model; use --csv or --jsonl")
    reads = manifest.has_reader(options.dist) or any(name in READERS and value for name, value in options.env)
    return {**model, "is_read": reads}


def _paths(options: argparse.Namespace) -> Paths:
    from scripts.predictions.outputs import Paths

    return Paths(options.save, options.csv, options.jsonl, options.coco, options.txt, options.save_conf)


def _require_other_files(options: argparse.Namespace, images: list[sources.ImageFile]) -> None:
    """Raise CannotRun if an image would be overwritten by a result."""
    files = [path for path in (options.csv, options.jsonl, options.coco) if path]
    files += [options.save / f"{image.stem}.jpg" for image in images if options.save]
    files += [options.txt / f"{image.stem}.txt" for image in images if options.txt]
    inputs = {_identity(image.path) for image in images} - {None}
    for path in files:
        if _identity(path) in inputs:
            raise CannotRun(f"the results must not overwrite an image, got {path}")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what two paths of the same file have in common; None for a file that does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/predict.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add = command.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="image, folder of images, or pattern such as 'photos/**/*.jpg'")
    add("--dist", type=Path, default=Path("dist"), metavar="DIR", help="folder with the zips (default: %(default)s)")
    add("--save", type=Path, metavar="DIR", help="write each image with its detections to DIR, as JPEG")
    add("--csv", type=Path, metavar="FILE", help="write one row for each detection")
    add("--jsonl", type=Path, metavar="FILE", help="write one line of JSON for each image: the response or the error")
    add("--coco", type=Path, metavar="FILE", help="write one JSON file in the format of COCO")
    add("--txt", type=Path, metavar="DIR", help="write YOLO labels to DIR, one text file for each image")
    add("--save-conf", action="store_true", help="end each line of --txt with the confidence")
    add_request_options(command)
    add(
        "--env", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable",
    )  # fmt: skip
    add(
        "--memory", type=int, default=2 * MB_PER_CPU, metavar="MB",
        help="memory size that the function sees, which decides its threads; not enforced (default: %(default)s)",
    )  # fmt: skip
    add_output_options(
        command, quiet="print errors only", verbose="print a line for each image, and the log of the function"
    )
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    least, most = MEMORY_RANGE
    if not least <= options.memory <= most:
        command.error(f"--memory must be between {least} and {most} MB, got {options.memory}")
    if options.save_conf and not options.txt:
        command.error("--save-conf requires --txt DIR")
    files = [path.absolute() for path in (options.csv, options.jsonl, options.coco) if path]
    if len(set(files)) < len(files):
        command.error("--csv, --jsonl and --coco must be different files")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
