"""Files with the results: opened before the first image, written after each image, complete at any time.

COCO is one JSON object, so its file is written at the end, also after an interruption. Images are drawn in a thread,
while the function works on the next one.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from function import draw
from function.errors import FunctionError
from function.preprocess import multiband
from scripts.predictions import coco, csv_rows, yolo_labels
from scripts.predictions.run import ImageResult
from scripts.predictions.sources import ANNOTATED

JPEG_QUALITY = 90
MAX_PIXELS = 10**9  # of an image to draw on: the function has accepted it already
MAX_PENDING = 4  # images that wait to be drawn

Write = Callable[[ImageResult], Any]
Report = Callable[[str], Any]


class Paths(NamedTuple):
    """Files and folders to write; None for those that are not requested."""

    save: Path | None = None  # folder of annotated images
    csv: Path | None = None
    jsonl: Path | None = None
    coco: Path | None = None
    txt: Path | None = None  # folder of YOLO labels
    save_conf: bool = False  # a line of YOLO labels ends with the confidence


def written(
    results: Iterator[ImageResult], paths: Paths, model: Mapping[str, Any], report: Report
) -> Generator[ImageResult, None, None]:
    """Yield each result after it is written. The files are opened when there is a first result.

    Args:
        results: of the images.
        paths: of the files. Folders are made, and existing files are overwritten.
        model: what the manifest states of it: `task` and `names`, and for masks also its input; and `is_read`, which
            is true if a second model reads its detections.
        report: called with one line for an image that cannot be drawn.

    Raises:
        OSError: a file or a folder cannot be written.
    """
    for first in results:  # the options may be wrong: then the files of an earlier run stay
        with writer(paths, model, report) as write:
            for result in itertools.chain((first,), results):
                write(result)
                yield result


@contextlib.contextmanager
def writer(paths: Paths, model: Mapping[str, Any], report: Report) -> Iterator[Write]:
    """Open all files, and yield a function that writes one result to each of them; arguments as for `written`.

    Raises:
        OSError: a file or a folder cannot be written.
    """
    writes: list[Write] = []
    with contextlib.ExitStack() as stack:
        if paths.csv:
            writes.append(
                csv_rows.CsvWriter(
                    stack.enter_context(_open(paths.csv)), model["task"], model.get("is_read", False)
                ).add
            )
        if paths.jsonl:
            writes.append(_JsonLines(stack.enter_context(_open(paths.jsonl))).add)
        if paths.coco:
            dataset = coco.CocoDataset(dict(enumerate(model.get("names", []))))
            file = stack.enter_context(_open(paths.coco))
            stack.callback(lambda: file.write(json.dumps(dataset.as_json()) + "\n"))
            writes.append(dataset.add)
        if paths.txt:
            writes.append(_Labels(paths.txt, model, paths.save_conf).add)
        if paths.save:
            writes.append(stack.enter_context(_Drawings(paths.save, report)).add)

        def write_all(result: ImageResult) -> None:
            for write in writes:
                write(result)

        yield write_all


def document(result: ImageResult) -> dict[str, Any]:
    """Return a result as one JSON object: the response with the name of the image, or its error."""
    if result.body is None:
        return {"image": result.image.name, "error": result.error}
    return {"image": result.image.name, **{name: value for name, value in result.body.items() if name != "image_name"}}


def save_jpeg(drawn: Image.Image, path: Path) -> None:
    """Write an annotated image, with a comment that `sources.find` recognizes.

    Raises:
        ValueError: JPEG has no images of this size.
    """
    jpeg = io.BytesIO()
    try:
        drawn.save(jpeg, "JPEG", quality=JPEG_QUALITY, comment=ANNOTATED)
    except OSError as error:  # of the encoder
        raise ValueError(f"JPEG cannot have {drawn.width} x {drawn.height} pixels") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg.getvalue())


def _open(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", newline="")


class _JsonLines:
    """File with one line of JSON for each image."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def add(self, result: ImageResult) -> None:
        self._file.write(json.dumps(document(result), ensure_ascii=False) + "\n")


class _Labels:
    """Folder of YOLO labels."""

    def __init__(self, folder: Path, model: Mapping[str, Any], with_confidence: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._model = model
        self._with_confidence = with_confidence

    def add(self, result: ImageResult) -> None:
        """Write the labels of an image; an image without detections has no file, also none of an earlier run."""
        path = self._folder / yolo_labels.file_name(result)
        lines = yolo_labels.lines(result, self._model, self._with_confidence)
        if lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            path.unlink(missing_ok=True)


class _Drawings:
    """Folder of annotated images; a context manager, which waits for the last one."""

    def __init__(self, folder: Path, report: Report) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._report = report
        self._pool = ThreadPoolExecutor(1, "draw")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> _Drawings:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._pool:
            self._wait(0)

    def add(self, result: ImageResult) -> None:
        if result.body is not None:
            self._pending.append(self._pool.submit(self._draw, result))
            self._wait(MAX_PENDING)

    def _wait(self, count: int) -> None:
        """Wait until no more than `count` images are pending; raise the error of one that could not be written."""
        while len(self._pending) > count:
            self._pending.popleft().result()

    def _draw(self, result: ImageResult) -> None:
        """Write the image with its detections, drawn by the code of the function."""
        assert result.body is not None
        try:
            upright = multiband.drawable(result.image.path.read_bytes(), result.body, MAX_PIXELS)
            save_jpeg(draw.annotate(upright, result.body), self._folder / f"{result.image.stem}.jpg")
        except (FunctionError, ValueError) as error:
            self._report(f"{result.image.path}: not drawn: {error}")
