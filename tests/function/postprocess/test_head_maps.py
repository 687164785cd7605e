"""Maps of the last convolutions, decoded by hand: one anchor with known numbers in a grid of others."""

import math
from typing import Any

import numpy as np
import pytest

from function.errors import UnusableModel
from function.metadata import ModelMetadata
from function.postprocess import layouts
from function.postprocess.layouts import Candidates

INPUT_WH = (96, 64)
GRIDS = {8: (8, 12), 16: (4, 6), 32: (2, 3)}  # stride: (height, width)
BINS = 16
METADATA = ModelMetadata("detect", {0: "a", 1: "b"}, (64, 96), 32, True, "0" * 64, head_maps=True)
LOW = -9.0  # a logit
STRIDE, ROW, COLUMN = 16, 2, 5  # of the one anchor
CENTER = (5.5, 2.5)  # x and y in strides


def maps(metadata: ModelMetadata = METADATA, bins: int = BINS, extras: int = 0) -> list[np.ndarray]:
    """Outputs without a detection."""
    counts = [4 * bins, len(metadata.names), *([extras] if extras else [])]
    outputs = [
        np.full((1, count, *grid), LOW if index == 1 else 0, np.float32)
        for index, count in enumerate(counts)
        for grid in GRIDS.values()
    ]
    return [*outputs, np.zeros((1, extras, 16, 24), np.float32)] if metadata.task == "segment" else outputs


def detect(outputs: list[np.ndarray], logits: tuple[float, float], sides: tuple[int, int, int, int]) -> None:
    """Put a detection at the one anchor: the whole distribution of each side in one bin."""
    level = list(GRIDS).index(STRIDE)
    outputs[len(GRIDS) + level][0, :, ROW, COLUMN] = logits
    boxes = outputs[level][0].reshape(4, -1, *GRIDS[STRIDE])
    for side, distance in enumerate(sides):
        if boxes.shape[1] == 1:
            boxes[side, 0, ROW, COLUMN] = distance
        else:
            boxes[side, distance, ROW, COLUMN] = 200


def decode(outputs: list[np.ndarray], conf: float = 0.25, metadata: ModelMetadata = METADATA) -> Candidates:
    reading = layouts.choose(metadata, (64, 96), outputs)
    assert reading.layout.name == "maps"
    return layouts.decode(reading.layout, outputs, metadata, INPUT_WH, conf, None)


@pytest.mark.parametrize("bins", [1, 16])
def test_box_is_around_the_center_of_its_anchor(bins: int) -> None:
    outputs = maps(bins=bins)
    detect(outputs, (-1, 2), (1, 2, 3, 4))
    found = decode(outputs)
    expected = [(5.5 - 1) * 16, (2.5 - 2) * 16, (5.5 + 3) * 16, (2.5 + 4) * 16]
    np.testing.assert_allclose(found.boxes, [expected], atol=1e-4)
    np.testing.assert_allclose(found.scores, [1 / (1 + math.exp(-2))], atol=1e-7)
    assert found.class_ids.tolist() == [1]
    assert found.extras.shape == (1, 0)


def test_side_is_the_mean_of_its_distribution() -> None:
    outputs = maps()
    detect(outputs, (2, -1), (0, 0, 0, 0))
    logits = outputs[1][0, :BINS, ROW, COLUMN]
    logits[:] = -50
    logits[3], logits[4] = 0, math.log(3)  # weights 1 and 3
    np.testing.assert_allclose(decode(outputs).boxes[0, 0], (5.5 - 3.75) * 16, atol=1e-4)


def test_order_is_that_of_the_anchors() -> None:
    outputs = maps()
    for level, grid in enumerate(GRIDS.values()):
        outputs[3 + level][0, 0, :, 0] = [1 + level + row / 10 for row in range(grid[0])]
    expected = [1 + level + row / 10 for level, grid in enumerate(GRIDS.values()) for row in range(grid[0])]
    scores = decode(outputs).scores
    np.testing.assert_allclose(np.log(scores / (1 - scores)), expected, atol=1e-5)


@pytest.mark.parametrize("conf", [0.0, 0.001, 0.25, 0.5, 0.9, 0.9999])
def test_scores_are_above_the_threshold(conf: float) -> None:
    outputs = maps()
    outputs[3][0, 0] = np.linspace(-12, 12, 96, dtype=np.float32).reshape(8, 12)
    scores = 1 / (1 + np.exp(-outputs[3][0, 0].astype(np.float64)))
    others = 30 if conf < 1 / (1 + math.exp(-LOW)) else 0
    assert decode(outputs, conf=conf).scores.size == np.count_nonzero(scores > conf) + others


def test_score_at_the_threshold_is_not_above_it() -> None:
    outputs = maps()
    detect(outputs, (0, LOW), (1, 1, 1, 1))
    assert decode(outputs, conf=0.5).scores.size == 0
    assert decode(outputs, conf=float(np.nextafter(np.float32(0.5), np.float32(0)))).scores.tolist() == [0.5]


def test_negative_threshold_returns_every_anchor() -> None:
    assert decode(maps(), conf=-1.0).scores.size == 8 * 12 + 4 * 6 + 2 * 3


def test_threshold_of_one_returns_none() -> None:
    outputs = maps()
    detect(outputs, (90, LOW), (1, 1, 1, 1))
    found = decode(outputs, conf=1.0)
    assert (found.boxes.shape, found.scores.shape, found.extras.shape) == ((0, 4), (0,), (0, 0))


def test_first_of_two_classes_with_the_same_score_is_the_best() -> None:
    outputs = maps()
    detect(outputs, (30, 31), (1, 1, 1, 1))  # both scores are 1.0 in float32
    found = decode(outputs)
    assert (found.class_ids.tolist(), found.scores.tolist()) == ([0], [1.0])


def test_very_low_logits_have_no_warning() -> None:
    outputs = maps()
    outputs[3][0, 1] = -500
    assert decode(outputs, conf=-1.0).scores[0] == pytest.approx(1 / (1 + math.exp(9)), abs=1e-7)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_keypoints_are_relative_to_the_corner_of_the_cell(dimensions: int) -> None:
    metadata = METADATA._replace(task="pose", kpt_shape=(2, dimensions))
    outputs = maps(metadata, extras=2 * dimensions)
    detect(outputs, (2, -1), (1, 1, 1, 1))
    values = np.zeros((2, dimensions), np.float32)
    values[1, :2] = 0.5, -1
    values[1, 2:] = 3
    outputs[7][0, :, ROW, COLUMN] = values.ravel()
    points = decode(outputs, metadata=metadata).extras.reshape(2, dimensions)
    np.testing.assert_allclose(points[0, :2], [5 * 16, 2 * 16], atol=1e-4)
    np.testing.assert_allclose(points[1, :2], [(2 * 0.5 + 5) * 16, (2 * -1 + 2) * 16], atol=1e-4)
    np.testing.assert_allclose(points[1, 2:], [1 / (1 + math.exp(-3))] * (dimensions - 2), atol=1e-7)


def test_rotated_box_turns_around_the_center_of_its_anchor() -> None:
    metadata = METADATA._replace(task="obb")
    outputs = maps(metadata, extras=1)
    detect(outputs, (2, -1), (1, 2, 3, 4))
    outputs[7][0, 0, ROW, COLUMN] = math.log(3)  # sigmoid 0.75, angle (0.75 - 0.25) * pi
    found = decode(outputs, metadata=metadata)
    np.testing.assert_allclose(found.extras, [[math.pi / 2]], atol=1e-6)
    # The offset of the center is (1, 1) strides, and by a quarter turn (-1, 1).
    np.testing.assert_allclose(found.boxes, [[4.5 * 16, 3.5 * 16, 4 * 16, 6 * 16]], atol=1e-4)


def test_coefficients_of_masks_are_those_of_the_map() -> None:
    metadata = METADATA._replace(task="segment")
    outputs = maps(metadata, extras=3)
    detect(outputs, (2, -1), (1, 1, 1, 1))
    outputs[7][0, :, ROW, COLUMN] = 1, -2, 3
    assert decode(outputs, metadata=metadata).extras.tolist() == [[1, -2, 3]]
    assert layouts.choose(metadata, (64, 96), outputs).outputs == tuple(range(10))


SEGMENT = METADATA._replace(task="segment")
WRONG: dict[str, tuple[ModelMetadata, list[Any]]] = {
    "a map is missing": (METADATA, maps()[:-1]),
    "no map": (METADATA, []),
    "only prototypes": (SEGMENT, maps(SEGMENT, extras=3)[-1:]),
    "another number of classes": (METADATA._replace(names={0: "a"}), maps()),
    "sides of no box": (METADATA, [one[:, :30] if index < 3 else one for index, one in enumerate(maps())]),
    "no bins": (METADATA, [one[:, :0] if index < 3 else one for index, one in enumerate(maps())]),
    "grids that differ": (METADATA, [maps()[0].mT, *maps()[1:]]),
    "no anchors": (METADATA, [one[:, :, :0] for one in maps()]),
    "rows in place of maps": (METADATA, [one.reshape(1, one.shape[1], -1) for one in maps()]),
    "another number of keypoints": (METADATA._replace(task="pose", kpt_shape=(4, 3)), maps(extras=6)),
    "a classifier": (METADATA._replace(task="classify"), maps(extras=3)),
    "no task": (METADATA._replace(task=""), maps(extras=3)),
}


@pytest.mark.parametrize(("metadata", "outputs"), WRONG.values(), ids=WRONG)
def test_other_outputs_are_refused(metadata: ModelMetadata, outputs: list[np.ndarray]) -> None:
    with pytest.raises(UnusableModel, match="the outputs of a model with head_maps must be"):
        layouts.choose(metadata, (64, 96), outputs)


def test_outputs_without_the_mark_are_no_maps() -> None:
    with pytest.raises(UnusableModel, match="must be one of"):
        layouts.choose(METADATA._replace(head_maps=False), (64, 96), maps())
