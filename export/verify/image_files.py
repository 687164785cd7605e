"""Verification from an image file: the results of `yolo predict` with the .pt against those of the function.

The other step compares the networks on the same input. This one also includes what comes before and after: decoding,
resizing, a classifier's transforms, NMS, and the coordinates in the image.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from export import console
from export.checkpoint import Checkpoint
from export.convert import Shape
from export.errors import VerificationError
from export.images import SAMPLES
from export.verify import dense, results
from export.verify.inputs import FLAGS, draw, draw_bands
from export.verify.raw_outputs import ANCHORS, PROBABILITIES, QUERIES, TOLERANCES, Array, OutputLayout, columns
from export.verify.results import Detections
from export.verify.runners import output_layout
from function import model, predictor
from function.model import Model
from function.postprocess import layouts
from function.request import Options
from function.results import Classification, Prediction
from function.settings import Settings

MAX_FILES = 2  # samples; each costs two or three runs of the network
DRAWN_HW = (480, 360)  # a portrait
PERTURBATIONS = 8  # imitations of rounding, to see whether the results of an image depend on it
MAX_DET = 300  # the default of predict
TOP = 5  # classes


class FileComparison(NamedTuple):
    """The results of `predict` and of the function for one file."""

    name: str
    conf: float  # thresholds of both
    iou: float
    counts: tuple[int, int]  # results of predict, of the function
    differences: dict[str, float]
    violations: list[str]
    is_stable: bool  # the function's results stay the same when the output of the network is perturbed by its rounding

    @property
    def is_ok(self) -> bool:
        """True if the results are the same but for rounding."""
        return not self.violations or not self.is_stable

    @property
    def verdict(self) -> str:
        """The differences, or ok."""
        if not self.violations:
            return "ok"
        return ", ".join(self.violations) if self.is_stable else "ok (results depend on rounding)"

    def as_json(self) -> dict[str, Any]:
        """Return the values that JSON can hold, for the file of `--json`."""
        return {**self._asdict(), "verdict": self.verdict, "is_ok": self.is_ok}


class _RecordingSession:
    """A session that keeps its last input, and can add noise to its first output."""

    def __init__(self, session: Any, noise: Any = None) -> None:
        self.session = session
        self.noise = noise
        self.tensor: Array = np.zeros(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, names: Any, feed: dict[str, Array], options: Any) -> Any:
        (self.tensor,) = feed.values()
        first, *others = self.session.run(names, feed, options)
        return [first if self.noise is None else self.noise(first, self.tensor), *others]


def verify(checkpoint: Checkpoint, loaded: Model, shape: Shape, images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Predict each file with both, and print the table.

    Args:
        checkpoint: the weights.
        loaded: the ONNX file, as the function loads it.
        shape: the input that was exported.
        images: the measurements of the other step, which tell how much the outputs are rounded.

    Returns:
        The measurements of each file, for the report of `--json`.

    Raises:
        VerificationError: a result is outside of the tolerance.
    """
    paths = _files(checkpoint.copy.parent, checkpoint.channels)
    if checkpoint.is_dense:
        return dense.verify_files(checkpoint, loaded, shape, paths)
    comparisons = compare(checkpoint, loaded, shape, images, paths)
    rows = [("file", "results", "conf", "iou", ""), *(_cells(comparison) for comparison in comparisons)]
    report = [comparison.as_json() for comparison in comparisons]
    failed = [comparison for comparison in comparisons if not comparison.is_ok]
    if failed:
        console.table(rows)
        named = "; ".join(f"{comparison.name}: {comparison.verdict}" for comparison in failed)
        raise VerificationError(
            f"the function's results differ from those of predict with {checkpoint.path} ({named}); "
            "nothing was written",
            {"images": images, "files": report},
        )
    console.detail_table(rows)
    console.verdict(f"the function's results are those of `yolo predict` for {len(comparisons)} image files")
    return report


def compare(
    checkpoint: Checkpoint, loaded: Model, shape: Shape, images: list[dict[str, Any]], paths: list[Path]
) -> list[FileComparison]:
    """Predict each file with both; arguments as for `verify`, and the paths of the files."""
    reference = _Predict(checkpoint, shape)
    rounding = _rounding(images)
    layout = output_layout(checkpoint, shape.end2end)
    return [_compare(path, reference, loaded, layout, rounding) for path in paths]


def _files(folder: Path, channels: int) -> list[Path]:
    """Return sample images, and a drawn one that does not depend on the folder of the samples; TIFF files of bands."""
    from PIL import Image

    if channels not in FLAGS:
        return [write_bands(folder, height, width, channels) for height, width in (DRAWN_HW, DRAWN_HW[::-1])]
    drawn = folder / f"drawn-{DRAWN_HW[1]}x{DRAWN_HW[0]}.png"
    Image.fromarray(draw(*DRAWN_HW, seed=5)).save(drawn)
    paths = sorted(SAMPLES.glob("*.jpg"))
    step = max(len(paths) // MAX_FILES, 1)
    return [*paths[::step][:MAX_FILES], drawn]


def write_bands(folder: Path, height: int, width: int, channels: int) -> Path:
    """Write a drawn image as a TIFF with a page for each band, and return its path."""
    from PIL import Image

    bands = draw_bands(height, width, 5, channels).transpose(2, 0, 1)
    first, *others = map(Image.fromarray, np.ascontiguousarray(bands))
    path = folder / f"drawn-{width}x{height}-{channels}-bands.tif"
    first.save(path, save_all=True, append_images=others)
    return path


def _rounding(images: list[dict[str, Any]]) -> dict[str, float]:
    """Return the largest difference of the outputs in any image, of the ONNX file and of torch itself."""
    largest = dict(TOLERANCES)
    for image in images:
        for measured in (image["differences"], image["torch_rounding"]):
            for name, value in measured.items():
                largest[name] = max(largest[name], value)
    return largest


class _Predict:
    """`YOLO(...).predict` with the weights, as for the exported input."""

    def __init__(self, checkpoint: Checkpoint, shape: Shape) -> None:
        from ultralytics import YOLO

        self.yolo = YOLO(str(checkpoint.copy), verbose=False)
        self.options = {
            "imgsz": [shape.height, shape.width],
            "rect": not shape.static,
            "nms": False if shape.end2end else None,  # False: the end-to-end head, None: the one that NMS follows
            "device": "cpu",
            "max_det": MAX_DET,
            "save": False,
            "verbose": False,
        }
        inputs: list[Array] = []

        def record(_: Any, arguments: tuple[Any, ...]) -> None:
            inputs[:] = [arguments[0].float().numpy()]

        self.inputs = inputs  # the last one
        self.yolo.model.register_forward_pre_hook(record)  # no method: predict copies the network with its hooks

    def __call__(self, path: Path, conf: float, iou: float) -> Any:
        """Return the result, and for masks also the result with masks at the size of the image."""
        options = {**self.options, "conf": conf, "iou": iou}
        (result,) = self.yolo.predict(str(path), retina_masks=False, **options)
        if result.masks is None:
            return result, None
        (native,) = self.yolo.predict(str(path), retina_masks=True, **options)
        return result, native


def _compare(
    path: Path, reference: _Predict, loaded: Model, layout: OutputLayout, rounding: dict[str, float]
) -> FileComparison:
    console.detail(f"{path.name}, from the file to the result")
    recorder = _RecordingSession(loaded.session)
    actual = _predict(loaded._replace(session=recorder), path, Options(conf=1.0))
    if layout.rows == PROBABILITIES:
        conf, iou = 0.0, 0.0
    else:
        conf, iou = _thresholds(loaded, recorder.tensor)
    options = Options(conf=conf, iou=iou, max_det=MAX_DET, masks="rle" if layout.task == "segment" else "polygons")
    if layout.rows != PROBABILITIES:
        actual = _predict(loaded, path, options)
    expected, native = reference(path, conf or 0.25, iou or 0.7)
    wrong_input = _input_difference(reference.inputs[0], recorder.tensor)
    if isinstance(actual, Classification):
        counts, measured, violations = _compare_classes(expected.probs.data.numpy(), actual)
    else:
        one, two = _expected(expected), _detections(actual)
        counts, (measured, violations) = (len(one.scores), len(two.scores)), results.compare(one, two)
        if native is not None:
            masks = results.compare_masks(_expected(native, with_masks=True), two)
            measured, violations = measured | masks, violations + results.outside(masks)
    is_stable = True
    if violations and not results.outside(wrong_input) and isinstance(actual, Prediction):
        is_stable = _is_stable(loaded, path, options, layout, rounding)
    violations = results.outside(wrong_input) + violations
    return FileComparison(path.name, conf, iou, counts, wrong_input | measured, violations, is_stable)


def _predict(loaded: Model, path: Path, options: Options) -> Prediction | Classification:
    result = predictor.predict(loaded, Settings.from_env({}), path.read_bytes(), options)
    if not isinstance(result, Prediction | Classification):
        raise TypeError(f"the result must be boxes or classes, got {type(result).__name__}")
    return result


def _thresholds(loaded: Model, tensor: Array) -> tuple[float, float]:
    """Return a confidence and an IoU threshold at which rounding decides about no candidate and no pair."""
    outputs = model.run(loaded, tensor[:1])
    input_wh = (tensor.shape[3], tensor.shape[2])
    candidates = layouts.decode(loaded.layout, outputs, loaded.metadata, input_wh, -1.0, None)
    conf = results.confidence_threshold(candidates.scores)
    passed = candidates.take(np.flatnonzero(candidates.scores > conf))
    best = passed.take(np.argsort(-passed.scores)[: 4 * results.MAX_CANDIDATES])
    rotated = np.hstack((best.boxes, best.extras)) if loaded.metadata.task == "obb" else None
    return conf, results.iou_threshold(best.boxes, best.class_ids, rotated)


def _input_difference(expected: Array, actual: Array) -> dict[str, float]:
    """Return the largest difference of the inputs of the network; infinite if their sizes differ."""
    if expected.shape[1:] != actual.shape[1:]:
        return {"input": float("inf")}
    return {"input": float(np.abs(expected[0] - actual[0]).max() / max(1.0, np.abs(expected[0]).max()))}


def _compare_classes(expected: Array, actual: Classification) -> tuple[tuple[int, int], dict[str, float], list[str]]:
    """Compare the best probabilities, and those of the classes that the function returns; equal ones can swap."""
    best = np.sort(expected)[::-1][:TOP]
    counts = len(best), len(actual.scores)
    if counts[0] != counts[1]:
        return counts, {}, [f"{counts[1]} classes instead of {counts[0]}"]
    apart = np.abs(np.concatenate((expected[actual.class_ids], best)) - np.tile(actual.scores, 2))
    measured = {"confidence": float(apart.max())}
    return counts, measured, results.outside(measured)


def _expected(result: Any, with_masks: bool = False) -> Detections:
    boxes = result.boxes if result.obb is None else result.obb
    return Detections(
        boxes.xyxy.numpy(),
        boxes.conf.numpy(),
        boxes.cls.numpy().astype(int),
        None if result.keypoints is None else result.keypoints.data.numpy(),
        None if result.obb is None else result.obb.xywhr.numpy()[:, 4],
        result.masks.data.numpy().astype(bool) if with_masks else None,
    )


def _detections(result: Prediction) -> Detections:
    angles = None if result.boxes_cxcywhr is None else result.boxes_cxcywhr[:, 4]
    masks = None
    if result.masks and result.masks.run_lengths:
        masks = np.stack([_mask(counts, result.size_wh) for counts in result.masks.run_lengths])
    return Detections(result.boxes_xyxy, result.scores, result.class_ids, result.keypoints, angles, masks)


def _mask(counts: list[int], size_wh: tuple[int, int]) -> Array:
    """Return the mask of COCO's run lengths, (H, W) bool: column by column, first the pixels outside."""
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(size_wh).T


def _is_stable(loaded: Model, path: Path, options: Options, layout: OutputLayout, rounding: dict[str, float]) -> bool:
    """Return True if the function's results stay the same however the output of the network is rounded."""
    random = np.random.default_rng(0)

    def noise(output: Array, tensor: Array) -> Array:
        width = output.shape[1] if layout.rows == ANCHORS else output.shape[2]
        amplitude = np.zeros(width, dtype=np.float32)
        for column in columns(layout):
            if column.name != "class":
                amplitude[column.at] = rounding[column.name]
        if layout.rows == QUERIES:
            amplitude[:4] /= max(tensor.shape[2:])
        scale: Array = amplitude[:, None] if layout.rows == ANCHORS else amplitude
        return np.asarray(output + scale * random.uniform(-1, 1, output.shape), dtype=np.float32)

    exact = _detections(_predict(loaded, path, options))  # type: ignore[arg-type]  # classes have no such noise
    noisy = loaded._replace(session=_RecordingSession(loaded.session, noise))
    return all(
        not results.compare(exact, _detections(_predict(noisy, path, options)))[1]  # type: ignore[arg-type]
        for _ in range(PERTURBATIONS)
    )


def _cells(comparison: FileComparison) -> tuple[str, ...]:
    expected, actual = comparison.counts
    return (
        comparison.name,
        f"{actual} of {expected}",
        f"{comparison.conf:.3g}",
        f"{comparison.iou:.3g}",
        comparison.verdict,
    )
