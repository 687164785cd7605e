#!/usr/bin/env python3
"""Compare the results of the built zips with those of Ultralytics' `predict` on your images.

Runs under any Python from 3.9 on; the environments `build` and `export`, which are set up if needed, have what it uses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts import environments, manifest  # noqa: E402
from scripts.command_line import Parser, add_output_options, assignment  # noqa: E402
from scripts.predictions import sources  # noqa: E402
from scripts.predictions.command import CannotRun, execute  # noqa: E402

if TYPE_CHECKING:
    from scripts.predictions.agreement import Agreement
    from scripts.predictions.run import ImageResult
    from scripts.predictions.sources import ImageFile
    from scripts.predictions.terminal import Screen

DIFFERS = 1  # exit code
CONF, IOU, MAX_DET = 0.25, 0.7, 300  # defaults of `predict` and of the function
TIMEOUT = 120.0  # seconds for one image
MAX_PIXELS = 10**9  # of an image to draw on
MAX_ROWS = 25  # images in the table without --verbose; those that differ are always in it
EPILOG = """\
The tolerances are those of docs/accuracy.md: the same detections, an IoU of at least 0.995, a confidence within 0.002.
An image whose results differ is drawn with both, side by side, predict on the left: DIR/differences/NAME.jpg.

exit codes: 0 the results are the same, 1 they differ, 2 usage or environment error, 130 interrupted"""


class Report:
    """Comparisons of the images so far.

    Attributes:
        rows: each image that both could read.
        problems: each image that one side or both could not read, in words.
        one_sided: images that only one side could read.
    """

    def __init__(self) -> None:
        """Start with no image."""
        self.rows: list[tuple[ImageFile, Agreement]] = []
        self.problems: list[str] = []
        self.one_sided = 0

    @property
    def holds(self) -> bool:
        """Whether the results of all images are the same, and there are some."""
        return bool(self.rows) and not self.one_sided and all(row.holds for _, row in self.rows)


def main(arguments: list[str]) -> int:
    """Compare every image; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    report = Report()
    return execute(
        "compare", arguments, options.sources, lambda found: _run(options, found, report),
        lambda: f"compared: {len(report.rows)}",
    )  # fmt: skip


def _run(options: argparse.Namespace, found: sources.Found, report: Report) -> int:
    """Predict every image with both, print the table and draw the images that differ. Return the exit code."""
    from scripts.local_lambda import other_system
    from scripts.predictions import run, terminal

    screen = terminal.Screen(is_quiet=options.quiet or options.json)
    model = _model(options.dist)
    # An end-to-end head of a small input returns fewer boxes than `predict`, which has it in torch.
    options.max_det = min(options.max_det, model.get("max_det", options.max_det))
    values = {"conf": options.conf, "iou": options.iou, "max_det": options.max_det}
    request_options = {} if model["task"] == "classify" else {name: str(value) for name, value in values.items()}
    if model["task"] == "segment":
        request_options["masks"] = "rle"  # of the size of the image
    function = other_system.open_function(
        options.dist, timeout=TIMEOUT, env={"METRICS": "0", **dict(options.env)},
        log=screen.log if options.verbose else None, event_limit=None,
    )  # fmt: skip
    screen.print(f"{options.dist}: layer.zip and function.zip, and `predict` of Ultralytics with {options.weights}")
    if found.left_out:
        screen.note(f"left out: {found.left_out}")
    images = found.images
    with function, _reference(options, images, values, model) as reference, screen.progress(len(images)) as advance:
        results = run.predict(function, images, request_options)
        for result, predicted in zip(results, reference):  # noqa: B905  (the results end first)
            _add(report, predicted, result, options, screen)
            advance(result, False)
    _print_table(screen, report, options.verbose)
    if options.json:
        sys.stdout.write(json.dumps(_document(report)) + "\n")
    screen.print(_verdict(report, options.dist / "differences"))
    return 0 if report.holds else DIFFERS


def _model(dist: Path) -> dict[str, Any]:
    """Return what the manifest states of the model.

    Raises:
        CannotRun: it is a generic ONNX model, or the zips are of an earlier version.
        InvalidManifest: there are no zips.
    """
    model = manifest.model(dist)
    if "names" not in model:
        raise CannotRun(f"{dist} must have zips of a .pt, built by this version, got a generic ONNX model")
    if model["task"] in ("semantic", "depth"):
        raise CannotRun(
            f"compare.py compares detections and classes, got a {model['task']} model; "
            "`python -m export` compares its maps with `predict`"
        )
    return model


@contextlib.contextmanager
def _reference(
    options: argparse.Namespace, images: list[ImageFile], values: dict[str, Any], model: dict[str, Any]
) -> Iterator[Iterator[dict[str, Any]]]:
    """Start `predict` in the environment `export`, and yield an iterator over its results.

    Raises:
        EnvironmentFailed: the environment could not be made.
        CannotRun: `predict` refuses the weights, they are not those of the zips, or it ended early.
    """
    python = environments.ensure("export")
    request = {
        "weights": str(options.weights.absolute()),
        "images": [str(image.path.absolute()) for image in images],
        "imgsz": model["imgsz"],
        "rect": model["is_rectangular"],
        "end2end": model["is_end2end"],
        "options": values,
    }
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-m", "scripts.predictions.reference"]
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
        stdin = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
        json.dump(request, stdin)
        stdin.seek(0)
        process = subprocess.Popen(
            command, env=variables, stdin=stdin, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            stderr=None if options.verbose else errors,
            start_new_session=True,  # Ctrl-C is for this process, which ends that one
        )  # fmt: skip
        try:
            lines = _lines(process, errors)
            _require_same_model(next(lines), model, options)
            yield lines
        finally:
            process.kill()
            process.communicate()


def _lines(process: subprocess.Popen[str], errors: IO[str]) -> Iterator[dict[str, Any]]:
    """Yield what `predict` writes; the caller takes as many lines as it has images."""
    assert process.stdout
    for line in process.stdout:
        document: dict[str, Any] = json.loads(line)
        if "failed" in document:
            raise CannotRun(document["failed"])
        yield document
    code = process.wait()
    errors.seek(0)
    last = next((text.strip() for text in reversed(errors.read().splitlines()) if text.strip()), "no message")
    raise CannotRun(f"`predict` ended early with exit code {code}: {last}")


def _require_same_model(described: dict[str, Any], model: dict[str, Any], options: argparse.Namespace) -> None:
    names = list(described["names"].values())
    if (described["task"], names) != (model["task"], model["names"]):
        raise CannotRun(
            f"WEIGHTS must be those of {options.dist}, a {_summary(model['task'], model['names'])}, "
            f"got a {_summary(described['task'], names)}"
        )


def _summary(task: str, names: list[str]) -> str:
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{task} model of {len(names)} classes ({shown})"


def _add(
    report: Report, predicted: dict[str, Any], result: ImageResult, options: argparse.Namespace, screen: Screen
) -> None:
    """Compare one image, and draw it if its results differ."""
    from scripts.predictions import agreement

    errors = [str(predicted.get("error", "")), f"the zips: {result.error}" if result.error else ""]
    if any(errors):
        report.one_sided += not all(errors)
        report.problems.append(f"{result.image.path}: {'; '.join(filter(None, errors))}")
        screen.error(report.problems[-1])
        return
    assert result.body is not None
    row = agreement.compare(predicted, result.body, options.conf, options.max_det)
    report.rows.append((result.image, row))
    if row.holds:
        return
    try:
        _draw(result, predicted, options.dist / "differences")
    except ValueError as error:
        screen.note(f"{result.image.path}: not drawn: {error}")


def _print_table(screen: Screen, report: Report, is_verbose: bool) -> None:
    from scripts.predictions import agreement

    rows = [(image.name, row) for image, row in report.rows]
    details = sorted({name for _, row in rows for name in row.details})
    head = ("image", "matched", "only predict", "only zips", "lowest IoU", "largest conf difference", *details, "")
    listed = [row for row in rows if is_verbose or len(rows) <= MAX_ROWS or not row[1].holds]
    listed.append((f"{len(rows)} images", agreement.total([row for _, row in rows])))
    screen.table(
        head,
        [
            (
                name, str(row.matched), str(row.only_predict), str(row.only_zips), f"{row.min_iou:.4f}",
                f"{row.max_confidence:.5f}",
                *(f"{row.details[key]:.4f}" if key in row.details else "" for key in details),
                "" if row.holds else "DIFFERS",
            )
            for name, row in listed
        ],
    )  # fmt: skip


def _document(report: Report) -> dict[str, Any]:
    """Return the document of --json."""
    from scripts.predictions import agreement

    rows = [{"image": image.name, "holds": row.holds, **row._asdict()} for image, row in report.rows]
    total = agreement.total([row for _, row in report.rows])
    return {"holds": report.holds, "total": total._asdict(), "images": rows, "problems": report.problems}


def _verdict(report: Report, folder: Path) -> str:
    """Return the result in one line."""
    if report.holds:
        unread = f"; {len(report.problems)} can be read by neither" if report.problems else ""
        return f"the results are the same{unread}"
    if not report.rows:
        return "nothing was compared: no image can be read by both"
    different = sum(not row.holds for _, row in report.rows)
    parts = [f"the results of {different} of {len(report.rows)} images differ; both are drawn in {folder}"]
    return "; ".join(
        (parts if different else []) + ([f"{report.one_sided} read by one side only"] if report.one_sided else [])
    )


def _draw(result: ImageResult, predicted: dict[str, Any], folder: Path) -> None:
    """Write the image with the detections of `predict` on the left and those of the zips on the right."""
    from PIL import Image

    from function import draw
    from function.preprocess import multiband
    from scripts.predictions import outputs

    assert result.body is not None
    upright = multiband.drawable(result.image.path.read_bytes(), result.body, MAX_PIXELS)
    sides = [draw.annotate(upright, body) for body in (predicted, result.body)]
    both = Image.new("RGB", (2 * upright.width, upright.height))
    for number, side in enumerate(sides):
        both.paste(side, (number * upright.width, 0))
    outputs.save_jpeg(both, folder / f"{result.image.stem}.jpg")


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/compare.py", description=str(__doc__).splitlines()[0], epilog=EPILOG)
    add = command.add_argument
    add("weights", type=Path, metavar="WEIGHTS", help="the .pt file that the zips were built from")
    add("sources", nargs="+", metavar="SOURCE", help="image, folder of images, or pattern such as 'photos/**/*.jpg'")
    add("--dist", type=Path, default=Path("dist"), metavar="DIR", help="folder with the zips (default: %(default)s)")
    add("--conf", type=float, default=CONF, metavar="X", help="confidence threshold of both (default: %(default)s)")
    add("--iou", type=float, default=IOU, metavar="X", help="IoU threshold of both (default: %(default)s)")
    add("--max-det", type=int, default=MAX_DET, metavar="N", help="maximum number of detections (default: %(default)s)")
    add(
        "--env", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable",
    )  # fmt: skip
    add_output_options(command, quiet="print errors only", verbose="print every image in the table, and the logs")
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if options.weights.suffix != ".pt" or not options.weights.is_file():
        command.error(f"WEIGHTS must be a .pt file, got {options.weights}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
