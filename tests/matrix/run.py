"""Measurement of the matrix, cell by cell; for the export environment."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.matrix import compare, networks
from tests.matrix.cells import CELLS, DENSE_TASKS, DYNAMIC, END2END, IMAGES, NMS, Cell
from tests.matrix.compare import Choice

RECTANGULAR = (DYNAMIC, END2END)  # forms with dynamic sides, whose input is a rectangle


def run(only: list[str], sizes: list[int], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the measurements of every form of every selected cell, and print one line for each.

    Args:
        only: names of cells, or generations; empty: all.
        sizes: pixels of a side of the model input, in addition to that of the network; those of a cell are in `sizes`.
        folder: for the files.
    """
    from export import ultralytics_setup

    ultralytics_setup.prepare()
    ultralytics_setup.patch_torchvision()
    for cell in CELLS:
        name = cell.name
        if only and not {name, cell.generation} & set(only):
            continue
        weights = networks.build(cell, folder)
        measured = [(form, form, networks.IMGSZ) for form in cell.forms]
        measured += [(f"imgsz {size}", DYNAMIC, size) for size in sizes if size in cell.sizes]
        for label, form, imgsz in measured:
            difference, candidates, verification = _measure(cell, weights, form, imgsz)
            violations = [*difference.violations, *verification]
            row = {"cell": name, "form": label, "candidates": candidates, "violations": violations}
            row |= {"results": difference.actual, **difference.measures}
            verdict = "; ".join(violations) or "ok"
            numbers = " ".join(f"{key} {value:.5f}" for key, value in difference.measures.items())
            sys.stdout.write(f"{name:<14} {label:<10} {difference.actual:>4} results  {numbers}  {verdict}\n")
            sys.stdout.flush()
            yield row
        weights.unlink()


def _measure(cell: Cell, weights: Path, form: str, imgsz: int) -> tuple[compare.Difference, int, list[str]]:
    """Return the difference of a form from predict, the candidates above the threshold, and what the export reports."""
    choices = _choices(weights, cell, form, imgsz)
    exported, verification = _export(cell, weights, form, min(choice.conf for choice in choices))
    # NMS within the file rounds differently from NMS after it, so predict runs with the same file.
    source = exported if form == NMS else weights
    expected = [
        tuple(_predict(source, path, choice, form, imgsz, native) for native in (False, True))
        for path, choice in zip(IMAGES, choices, strict=True)
    ]
    try:
        requested = None if imgsz == networks.IMGSZ else imgsz
        difference = compare.compare(expected, compare.load(exported), choices, requested)
        return difference, min(choice.candidates for choice in choices), verification
    finally:
        exported.unlink()


def _export(cell: Cell, weights: Path, form: str, conf: float) -> tuple[Path, list[str]]:
    """Export with the steps of `python -m export`; only the exporter of ultralytics writes NMS into the file.

    Returns:
        The ONNX file, and the violations that the verification from image files reports.
    """
    from ultralytics import YOLO

    from export import checkpoint, convert
    from export.verify import dense, image_files

    if form == NMS:
        options = {"imgsz": networks.IMGSZ, "simplify": True, "opset": 18, "conf": conf, "iou": compare.IOU}
        return Path(YOLO(str(weights)).export(format="onnx", device="cpu", nms=True, **options)), []
    end2end = form == END2END
    with tempfile.TemporaryDirectory() as folder:
        read = checkpoint.read(weights, Path(folder), end2end)
        shape = convert.input_shape(read.imgsz, read.stride, form not in RECTANGULAR, end2end=end2end)
        exported = weights.with_suffix(".onnx")
        exported.write_bytes(convert.convert(read, shape, opset=0))
        if cell.task in DENSE_TASKS:
            maps = dense.compare_files(read, compare.load(exported), shape, list(IMAGES))
            return exported, [f"{one.name}: {one.difference:.4g}" for one in maps if not one.is_ok]
        files = image_files.compare(read, compare.load(exported), shape, [], list(IMAGES))
    return exported, [f"{file.name}: {file.verdict}" for file in files if not (file.is_ok or _is_within_limits(file))]


def _is_within_limits(file: Any) -> bool:
    """Return whether the differences are within the limits of the matrix: random weights amplify the rounding."""
    from export.verify import results

    limits = {
        "input": results.TOLERANCES["input"],
        "iou": 1 - compare.LIMITS["iou"],
        "confidence": compare.LIMITS["confidence"],
        "keypoints px": compare.LIMITS["keypoints"],
        "angles": compare.LIMITS["angles"],
        "masks": 1 - compare.LIMITS["masks"],
    }
    same_count = file.counts[0] == file.counts[1]
    same_classes = "other classes" not in file.violations
    return same_count and same_classes and all(value <= limits[name] for name, value in file.differences.items())


def _predict(weights: Path, image: Path, choice: Choice, form: str, imgsz: int, native: bool) -> Any:
    from ultralytics import YOLO

    (result,) = YOLO(str(weights)).predict(
        str(image),
        conf=choice.conf,
        iou=choice.iou,
        imgsz=imgsz,
        rect=form in RECTANGULAR,
        retina_masks=native,
        nms=False if form == END2END else None,
        device="cpu",
        verbose=False,
        save=False,
    )
    return result


def _choices(weights: Path, cell: Cell, form: str, imgsz: int) -> list[Choice]:
    """Return a confidence and an IoU threshold for each image, from the output of the network before NMS."""
    from ultralytics import YOLO

    if cell.task == "classify" or cell.task in DENSE_TASKS:
        return [Choice(0.0, compare.IOU, 0) for _ in IMAGES]
    yolo, outputs = YOLO(str(weights)), []
    head = yolo.model.eval().model[-1]

    def record(_module: Any, _arguments: Any, output: Any) -> None:
        while isinstance(output, tuple):
            output = output[0]
        outputs.append(output[0].detach().float())

    if form == END2END:
        head.end2end = True
    hook = head.register_forward_hook(record)
    for image in IMAGES:
        _ = yolo.predict(
            str(image),
            imgsz=imgsz,
            rect=form in RECTANGULAR,
            nms=False if form == END2END else None,
            device="cpu",
            verbose=False,
            save=False,
        )
    hook.remove()
    end_to_end = form == END2END or cell.stretches
    return [_choice(output, cell, end_to_end) for output in outputs[-len(IMAGES) :]]  # earlier outputs are of warm-ups


def _choice(output: Any, cell: Cell, end_to_end: bool) -> Choice:
    if end_to_end:  # (K, 6+E)
        scores = output[:, 4].numpy()
        conf = compare.threshold(scores)
        return Choice(conf, compare.IOU, int((scores > conf).sum()))
    classes = output[4 : 4 + len(networks.NAMES)].amax(0)  # (A,)
    conf = compare.threshold(classes.numpy())
    passed = output[:, classes > conf].T  # (N, 4+C+E)
    return Choice(conf, compare.gap(_overlaps(passed, cell)), len(passed))


def _overlaps(passed: Any, cell: Cell) -> Any:
    """Return the IoU of every two candidates of a class, computed by ultralytics."""
    from ultralytics.utils.metrics import batch_probiou, box_iou
    from ultralytics.utils.ops import xywh2xyxy

    if cell.task == "obb":
        ious = batch_probiou(passed[:, [0, 1, 2, 3, -1]], passed[:, [0, 1, 2, 3, -1]])
    else:
        ious = box_iou(xywh2xyxy(passed[:, :4]), xywh2xyxy(passed[:, :4]))
    ids = passed[:, 4 : 4 + len(networks.NAMES)].argmax(1)
    return ious.triu(1)[ids[:, None] == ids].numpy()
