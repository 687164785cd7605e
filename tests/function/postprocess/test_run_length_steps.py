"""Run lengths without an image-sized mask equal those of the mask, bit by bit; and the limits of masks."""

import numpy as np
import pytest

from function.errors import TooLarge
from function.postprocess import obb, rle, segment
from function.postprocess.bilinear import Interpolation, above_zero, interpolation, sample, steps_above_zero
from function.preprocess import letterbox

GEOMETRY = letterbox.fit((1280, 1280), (640, 640), 32, rectangular=False)
WHOLE = np.array([[0, 0, 640, 640]], np.float32)


def planes(kind: str, seed: int) -> np.ndarray:
    """Logits (H, W)."""
    random = np.random.default_rng(seed)
    plane = random.normal(size=(random.integers(1, 30), random.integers(1, 30))).astype(np.float32)
    if kind == "smooth":
        return np.repeat(np.repeat(plane, 4, axis=0), 4, axis=1)
    if kind == "ties":
        return np.round(plane)
    if kind == "tiny":
        return plane * np.float32(1e-30)
    if kind == "nearly flat":
        return (plane * np.float32(1e-7) + np.float32(1e-8)).astype(np.float32)
    if kind == "not finite":
        plane[random.random(plane.shape) < 0.2] = random.choice([np.nan, np.inf, -np.inf])
    return plane


def spans(plane: np.ndarray, size_wh: tuple[int, int], seed: int) -> tuple[Interpolation, Interpolation]:
    random = np.random.default_rng(seed + 1000)
    return tuple(  # type: ignore[return-value]
        interpolation(side, target, *((0, target) if seed % 3 == 0 else sorted(random.integers(0, target + 1, 2))))
        for side, target in zip(plane.shape, size_wh[::-1], strict=True)
    )


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("kind", ["noise", "smooth", "ties", "tiny", "nearly flat", "not finite"])
def test_steps_equal_the_values_of_every_pixel(kind: str) -> None:
    compared = 0
    for seed in range(60):
        plane = planes(kind, seed)
        random = np.random.default_rng(seed)
        size_wh = tuple(random.integers(1, 400, 2).tolist())
        rows, columns = spans(plane, size_wh, seed)
        if not (rows.before.size and columns.before.size):
            continue
        expected = above_zero(plane, rows, columns).T.ravel()
        steps = steps_above_zero(plane, rows, columns)
        lengths = np.diff(np.append(steps.positions, expected.size))
        np.testing.assert_array_equal(np.repeat(steps.inside, lengths), expected)
        compared += 1
    assert compared > 40


@pytest.mark.parametrize("seed", range(5))
def test_samples_whose_sign_is_decided_by_rounding_are_those_of_the_mask(seed: int) -> None:
    """At a third of the way from 1 to -2 the exact sample is 0, and rounding makes it positive or negative."""
    random = np.random.default_rng(seed)
    plane = (random.uniform(0.5, 2, (9, 1)) * np.tile([1, -2], 6)).astype(np.float32)
    plane *= (1 + 1e-7 * random.normal(size=plane.shape)).astype(np.float32)
    rows, columns = interpolation(9, 360, 0, 360), interpolation(12, 36, 0, 36)
    expected = above_zero(plane, rows, columns).T.ravel()
    steps = steps_above_zero(plane, rows, columns)
    np.testing.assert_array_equal(np.repeat(steps.inside, np.diff(np.append(steps.positions, expected.size))), expected)


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_of_steps_equal_those_of_the_mask(seed: int) -> None:
    random = np.random.default_rng(seed)
    width, height = random.integers(1, 60, 2).tolist()
    left, right = sorted(random.integers(0, width + 1, 2).tolist())
    top, bottom = (0, height) if seed % 2 else sorted(random.integers(0, height + 1, 2).tolist())
    if left == right or top == bottom:
        right, bottom, left, top = width, height, 0, 0
    plane = planes("smooth" if seed % 3 else "noise", seed)
    rows, columns = (
        interpolation(plane.shape[0], height, top, bottom),
        interpolation(plane.shape[1], width, left, right),
    )
    expected = rle.counts(left, top, above_zero(plane, rows, columns), (width, height))
    steps = steps_above_zero(plane, rows, columns)
    window_wh = (right - left, bottom - top)
    assert rle.counts_of_steps(left, top, steps, window_wh, (width, height)).tolist() == expected


@pytest.mark.parametrize("size", [(1280, 1280), (2000, 900), (901, 1703), (640, 480), (333, 777)])
def test_run_lengths_are_the_same_with_and_without_steps(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(sum(size))
    geometry = letterbox.fit(size, (640, 640), 32, rectangular=False)
    logits = planes("smooth", 5)[None].repeat(3, axis=0)
    logits = np.resize(logits, (3, 160, 160)) * random.choice([-1, 1], (3, 1, 1)).astype(np.float32)
    boxes = np.array([[0, 0, *size], [10.5, 20.2, size[0] / 2, size[1] - 3], [-5, 4, 90, 400]], np.float32)
    monkeypatch.setattr(segment, "MIN_ROWS", 0)
    with_steps = list(segment.run_lengths_at_image_size(logits, boxes, geometry))
    monkeypatch.setattr(segment, "MIN_ROWS", 10_000)
    assert with_steps == list(segment.run_lengths_at_image_size(logits, boxes, geometry))
    assert all(sum(runs) == size[0] * size[1] for runs in with_steps)


def coco_text(runs: list[int]) -> str:
    """The text of the COCO API, number by number: common/maskApi.c `rleToString`."""
    characters = ""
    for index, run in enumerate(runs):
        number, more = run - runs[index - 2] if index > 2 else run, True
        while more:
            low = number & 31
            number >>= 5
            more = number != -1 if low & 16 else number != 0
            characters += chr(low + 32 * more + 48)
    return characters


@pytest.mark.parametrize("seed", range(10))
def test_text_of_run_lengths_equals_that_of_the_coco_api(seed: int) -> None:
    random = np.random.default_rng(seed)
    runs = random.integers(0, 10 ** random.integers(1, 10, 200)).tolist()
    for count in (1, 2, 3, 4, 5, 200):
        assert rle.text(runs[:count]) == coco_text(runs[:count])


def test_masks_of_more_instances_than_a_chunk_are_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = np.where(np.arange(7) % 3, 1, -1).astype(np.float32)[:, None]
    boxes = np.array([[0, 0, 80 * (row + 1), 640] for row in range(7)], np.float32)
    prototypes = np.ones((1, 160, 160), np.float32)
    whole = segment.instance_masks(coefficients, boxes, boxes * 2, prototypes, GEOMETRY, "rle")
    monkeypatch.setattr(segment, "CHUNK", 2)
    parts = segment.instance_masks(coefficients, boxes, boxes * 2, prototypes, GEOMETRY, "rle")
    assert whole.rows.tolist() == parts.rows.tolist() == [1, 2, 4, 5]
    assert whole.run_lengths == parts.run_lengths
    assert whole.polygons is not None
    assert parts.polygons is not None
    assert [polygon[0].tolist() for polygon in whole.polygons] == [polygon[0].tolist() for polygon in parts.polygons]


@pytest.mark.parametrize("masks", ["polygons", "rle", "none"])
def test_boxes_of_masks_with_too_many_pixels_are_refused_before_any_mask(
    masks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "mask_logits", lambda *_: pytest.fail("a mask was computed"))
    count = segment.MAX_PIXELS // 640**2 + 1
    boxes, prototypes = WHOLE.repeat(count, axis=0), np.ones((1, 160, 160), np.float32)
    with pytest.raises(TooLarge, match=rf"got \d+ in {count} boxes; request fewer detections \(max_det"):
        segment.instance_masks(np.ones((count, 1), np.float32), boxes, boxes * 2, prototypes, GEOMETRY, masks)


def test_boxes_outside_of_the_input_have_no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_PIXELS", 100)
    boxes = np.array([[-500, -500, -1, -1], [700, 0, 9000, 640], [630, 630, 9000, 9000]], np.float32)
    masks = segment.instance_masks(
        np.ones((3, 1), np.float32), boxes, boxes * 2, np.ones((1, 160, 160), np.float32), GEOMETRY, "none"
    )
    assert masks.rows.tolist() == [2]


def test_run_lengths_too_large_for_a_response_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "RUNS", (segment.RUNS[0], 3))
    prototypes = np.ones((1, 160, 160), np.float32)
    boxes = np.array([[10, 10, 20, 20]], np.float32).repeat(2, axis=0)
    with pytest.raises(TooLarge, match=r"at most 3 run lengths, got \d+ in the first 1 of 2 masks"):
        segment.instance_masks(np.ones((2, 1), np.float32), boxes, boxes * 2, prototypes, GEOMETRY, "rle")


@pytest.mark.parametrize(("iou", "size"), [(0.0, 300), (0.3, 60), (0.7, 300), (0.9, 20), (1.0, 100)])
def test_rotated_nms_keeps_the_boxes_that_no_better_box_overlaps(iou: float, size: float) -> None:
    random = np.random.default_rng(int(size))
    count = 1500
    boxes = np.column_stack(
        (random.uniform(0, 500, (count, 2)), random.uniform(1, size, (count, 2)), random.uniform(-2, 2, count))
    ).astype(np.float32)
    scores, class_ids = random.random(count).astype(np.float32), random.integers(0, 2, count)
    order = np.argsort(-scores, kind="stable")
    shifted = boxes[order]
    shifted[:, :2] += class_ids[order].astype(np.float32)[:, None] * np.float32(obb.CLASS_OFFSET)
    all_boxes = obb.gaussians(shifted)
    pairs = np.array([obb.probiou(all_boxes.take(slice(row, row + 1)), all_boxes) for row in range(count)])
    expected = order[~np.tril(pairs > iou, -1).any(axis=1)]
    assert obb.nms(boxes, scores, class_ids, iou, count).tolist() == expected.tolist()


@pytest.mark.parametrize("iou", [0.0, 0.3])
def test_rotated_nms_of_boxes_that_all_overlap_takes_less_than_four_seconds(iou: float) -> None:
    from time import process_time

    random = np.random.default_rng(2)
    count = 21_504  # anchors of a model of 1024 x 1024
    boxes = np.column_stack(
        (random.uniform(0, 1024, (count, 2)), random.uniform(300, 640, (count, 2)), random.uniform(-1, 3, count))
    ).astype(np.float32)
    started = process_time()
    obb.nms(boxes, random.random(count).astype(np.float32), np.zeros(count, np.int64), iou, 3000)
    assert process_time() - started < 4


@pytest.mark.parametrize(("image_wh", "factor"), [((1280, 1264), 1), ((1280, 1272), 2), ((1280, 1276), 4)])
def test_padding_between_the_samples_of_a_mask_is_cut_from_the_upsampled_mask(
    image_wh: tuple[int, int], factor: int
) -> None:
    geometry = letterbox.fit(image_wh, (640, 640), 32, rectangular=False)
    plane = np.random.default_rng(factor).normal(size=(160, 160)).astype(np.float32)
    box = np.array([[0, 0, *image_wh]], np.float32)
    (runs,) = segment.run_lengths_at_image_size(plane[None], box, geometry)
    side, height = 160 * factor, image_wh[1] * factor // 8  # of the input, and of the image in it
    top = (side - height) // 2
    upsampled = sample(plane, *[interpolation(160, side, 0, side)] * 2)[top : top + height]
    rows, columns = interpolation(height, image_wh[1], 0, image_wh[1]), interpolation(side, image_wh[0], 0, image_wh[0])
    assert runs == rle.counts(0, 0, above_zero(upsampled, rows, columns), image_wh)


def test_image_of_one_row_has_one_row_of_a_mask() -> None:
    plane = np.full((160, 160), -9, np.float32)
    plane[79], plane[80] = 1, -1.5  # of the rows 319 and 320 of the input, the first is inside
    geometry = letterbox.fit((1280, 1), (640, 640), 32, rectangular=False)
    (runs,) = segment.run_lengths_at_image_size(plane[None], np.array([[0, 0, 1280, 1]], np.float32), geometry)
    assert runs == [0, 1280]
