"""Example models of all tasks: labels at the positions of the objects, and model cards that match the files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from example.dials import gauge
from example.images import NAMES as DIALS
from example.images import Plan, draw_scene
from example.tasks import classify, depth, obb, pose, segment, semantic
from example.tasks.dataset import build
from example.tasks.model_card import CARD, README, ROWS, TASKS_CARD, detection_table, tasks_table
from example.tasks.reading import reading
from example.tasks.samples import MAX_BYTES as SAMPLE_BYTES
from example.tasks.samples import SAMPLES, SETS
from example.tasks.segment import clip
from example.tasks.training_configs import EXAMPLE, TRAINING_CONFIGS, TrainingConfig

LABELED = ("detect", "segment", "pose", "obb")  # with label files
MAPPED = ("semantic", "depth")
SMALL = Plan(long_side=160)
COUNT = 24  # images per task whose labels are checked


@pytest.fixture(scope="module")
def cards() -> Any:
    return {"detect": json.loads(CARD.read_text())} | json.loads(TASKS_CARD.read_text())


@pytest.fixture(scope="module")
def made() -> dict[str, list[Any]]:
    return {task: [TRAINING_CONFIGS[task].make(5, index, SMALL) for index in range(COUNT)] for task in TRAINING_CONFIGS}


def rows(label: str) -> list[NDArray[np.float64]]:
    """Return the numbers of each line, the class first."""
    return [np.array(line.split(), np.float64) for line in label.splitlines()]


@pytest.mark.parametrize("task", LABELED)
def test_image_without_objects_has_empty_label(task: str) -> None:
    assert TRAINING_CONFIGS[task].make(1, 1, SMALL._replace(dials=0)).label == ""


@pytest.mark.parametrize("task", TRAINING_CONFIGS)
def test_same_seed_and_index_give_same_image(task: str, made: dict[str, list[Any]]) -> None:
    again = TRAINING_CONFIGS[task].make(5, 4, SMALL)
    assert again.image.tobytes() == made[task][4].image.tobytes()
    np.testing.assert_equal(again[1], made[task][4][1])  # the label or the map


@pytest.mark.parametrize("task", TRAINING_CONFIGS)
def test_other_index_gives_other_image(task: str, made: dict[str, list[Any]]) -> None:
    assert len({item.image.tobytes() for item in made[task]}) == COUNT


@pytest.mark.parametrize("task", LABELED)
def test_labels_lie_inside_the_image(task: str, made: dict[str, list[Any]]) -> None:
    numbers = np.concatenate([row[1:] for item in made[task] for row in rows(item.label)])
    coordinates = numbers[numbers != pose.VISIBLE] if task == "pose" else numbers
    assert len(coordinates)
    assert (coordinates >= 0).all()
    assert (coordinates <= 1).all()


@pytest.mark.parametrize("task", LABELED)
def test_every_class_occurs(task: str, made: dict[str, list[Any]]) -> None:
    assert {int(row[0]) for item in made[task] for row in rows(item.label)} == set(
        range(len(TRAINING_CONFIGS[task].names))
    )


def test_outline_has_the_box_of_its_dial(made: dict[str, list[Any]]) -> None:
    for index, item in enumerate(made["segment"]):
        scene = draw_scene(5, index, SMALL)
        assert len(scene.dials) == len(rows(item.label))
        for row, box in zip(rows(item.label), scene.boxes_xyxy, strict=True):
            outline = row[1:].reshape(-1, 2) * item.image.size
            assert np.concatenate([outline.min(axis=0), outline.max(axis=0)]) == pytest.approx(box, abs=0.6)


def test_clipping_keeps_polygon_inside_the_image() -> None:
    inside = np.array([[1, 1], [9, 2], [5, 8]], np.float64)
    assert clip(inside, (10, 10)).tolist() == inside.tolist()


def test_clipping_removes_polygon_outside_the_image() -> None:
    assert clip(np.array([[11, 1], [19, 2], [15, 8]], np.float64), (10, 10)).shape == (0, 2)


def test_clipping_keeps_covered_corner_of_the_image() -> None:
    clipped = clip(np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]], np.float64), (10, 10))
    assert sorted(map(tuple, clipped.tolist())) == [(0, 0), (0, 5), (5, 0), (5, 5)]


def test_pose_labels_gauges_but_no_clocks(made: dict[str, list[Any]]) -> None:
    scenes = [draw_scene(5, index, SMALL) for index in range(COUNT)]
    gauges = sum(DIALS[dial.class_id] == "gauge" for scene in scenes for dial in scene.dials)
    assert gauges < sum(len(scene.dials) for scene in scenes)
    assert sum(len(rows(item.label)) for item in made["pose"]) == gauges


def test_keypoint_outside_the_image_has_zero_visibility_and_position() -> None:
    plan = SMALL._replace(dials=1, clock_odds=0.0, radii=(0.5, 0.6))  # large dials extend over the edge
    labels = [pose.make(5, index, plan).label for index in range(COUNT)]
    keypoints = np.concatenate([row[5:].reshape(4, 3) for label in labels for row in rows(label)])
    assert set(keypoints[:, 2]) == {pose.OUTSIDE, pose.VISIBLE}
    assert (keypoints[keypoints[:, 2] == pose.OUTSIDE] == 0).all()


def test_keypoints_of_gauge_lie_within_its_rim() -> None:
    for index in range(COUNT):
        for dial in draw_scene(5, index, SMALL).dials:
            low, high = dial.outline_xy.min(axis=0), dial.outline_xy.max(axis=0)
            assert len(dial.keypoints_xy) == (len(pose.KEYPOINTS) if DIALS[dial.class_id] == "gauge" else 0)
            assert ((dial.keypoints_xy > low) & (dial.keypoints_xy < high)).all()


@pytest.mark.parametrize("seed", range(8))
def test_needle_is_drawn_between_center_and_tip(seed: int) -> None:
    dial = gauge(np.random.default_rng(seed), 1000)
    pixels = np.asarray(dial.sprite.convert("RGB"), np.float64)
    center, tip = dial.keypoints_xy[:2]
    along = tip - center
    middles = [center + 0.5 * along + side * 0.12 * along[::-1] * (1, -1) for side in (0, 1)]
    needle, face = (pixels[round(y), round(x)] for x, y in middles)
    assert np.abs(needle - face).max() > 60


@pytest.mark.parametrize("share", [-0.01, 0.0, 0.25, 1.0])
def test_reading_is_position_of_needle_on_the_scale(share: float) -> None:
    degrees = np.deg2rad([225 - 270 * share, 225, -45])  # a gauge of 270 degrees, counterclockwise from the right
    arms = np.stack([np.cos(degrees), -np.sin(degrees)], axis=1)
    keypoints = np.concatenate([[[0, 0]], arms * [[0.7], [0.8], [0.8]]]) * 50 + 100
    assert reading(keypoints[None]) == pytest.approx([share])


def test_no_gauges_give_no_readings() -> None:
    assert reading(np.empty((0, 4, 2))).shape == (0,)


def test_readings_of_drawn_gauges_are_near_the_scale() -> None:
    scenes = [draw_scene(5, index, SMALL) for index in range(COUNT)]
    keypoints = np.array([dial.keypoints_xy for scene in scenes for dial in scene.dials if len(dial.keypoints_xy)])
    readings = reading(keypoints)
    assert (readings > -0.05).all()  # perspective is not corrected
    assert (readings < 1.05).all()
    assert np.ptp(readings) > 0.5


def test_corners_of_fitting_are_a_rectangle(made: dict[str, list[Any]]) -> None:
    for item in made["obb"]:
        for row in rows(item.label):
            corners = row[1:].reshape(4, 2) * item.image.size
            sides = np.roll(corners, -1, axis=0) - corners
            assert sides[0] + sides[2] == pytest.approx([0, 0], abs=1e-3)
            assert float(sides[0] @ sides[1]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("lever_odds", [0.0, 1.0])
def test_fitting_is_drawn_between_its_corners(lever_odds: float) -> None:
    plan = Plan(long_side=320, shape=(1, 1), dials=1, clock_odds=lever_odds, radii=(0.3, 0.3), degrade=0.0)
    labeled, empty = obb.make(9, 1, plan), obb.make(9, 1, plan._replace(dials=0))
    x, y = (rows(labeled.label)[0][1:].reshape(4, 2).mean(axis=0) * 320).astype(int)
    changed = np.abs(np.asarray(labeled.image, np.int16) - np.asarray(empty.image, np.int16))
    assert changed[y - 5 : y + 5, x - 5 : x + 5].mean() > 10


def test_class_of_crop_follows_from_index(made: dict[str, list[Any]]) -> None:
    assert [item.label for item in made["classify"][:4]] == [*classify.NAMES, classify.NAMES[0]]


def test_class_names_are_in_the_order_of_folder_names() -> None:
    assert list(classify.NAMES) == sorted(classify.NAMES)


@pytest.mark.parametrize("task", MAPPED)
def test_map_has_the_size_of_the_image(task: str, made: dict[str, list[Any]]) -> None:
    assert {item.map_hw.shape[::-1] == item.image.size for item in made[task]} == {True}


def test_pixels_have_the_classes_of_the_dials_and_the_wall(made: dict[str, list[Any]]) -> None:
    found = {int(value) for item in made["semantic"] for value in np.unique(item.map_hw)}
    assert found == set(range(len(semantic.NAMES)))
    for index, item in enumerate(made["semantic"]):
        dials = draw_scene(5, index, SMALL).dials
        assert (item.map_hw > 0).any() == bool(dials)


def test_needle_lies_between_the_center_and_the_tip_of_a_gauge() -> None:
    plan = Plan(long_side=320, dials=1, clock_odds=0.0, radii=(0.4, 0.4))
    (dial,) = draw_scene(7, 1, plan).dials
    y, x = np.nonzero(semantic.make(7, 1, plan).map_hw == semantic.NEEDLE)
    center, tip = dial.keypoints_xy[:2]
    assert np.stack([x, y], axis=1).mean(axis=0) == pytest.approx((center + tip) / 2, abs=0.1 * dial.radius)


def test_dial_is_as_far_as_its_size_says_and_before_the_wall() -> None:
    plan = Plan(long_side=320, shape=(1, 1), dials=1, radii=(0.25, 0.25))
    (dial,) = draw_scene(7, 2, plan).dials
    distances = depth.make(7, 2, plan).map_hw / 1000
    x, y = (dial.plane_to_image @ (0, 0, 1))[:2].astype(int)
    assert distances[y, x] == pytest.approx(depth.DISTANCE / 0.25, rel=0.02)
    assert distances.max() == pytest.approx(depth.WALL * depth.DISTANCE / 0.25, rel=0.001)


def test_tilted_dial_has_a_near_and_a_far_side(made: dict[str, list[Any]]) -> None:
    assert any(len(np.unique(item.map_hw)) > 20 for item in made["depth"])


def test_data_set_of_maps_has_a_folder_of_maps(tmp_path: Path) -> None:
    for task, maps, mode in (("semantic", "masks", "L"), ("depth", "depth", "I;16")):
        config = TRAINING_CONFIGS[task]._replace(counts={"train": 1})
        lines = build(config, tmp_path / task, 1).read_text().splitlines()
        assert ("masks_dir: masks" in lines) == (task == "semantic")
        with Image.open(tmp_path / task / "train" / maps / "00000.png") as image:
            assert image.mode == mode


def test_segment_has_the_classes_of_detect() -> None:
    assert segment.NAMES == DIALS


@pytest.mark.parametrize("config", TRAINING_CONFIGS.values(), ids=list(TRAINING_CONFIGS))
def test_card_has_digest_and_size_of_the_weights(config: TrainingConfig, cards: Any) -> None:
    content = config.weights.read_bytes()
    assert cards[config.task]["weights"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert cards[config.task]["weights"]["bytes"] == len(content) <= config.max_bytes


@pytest.mark.parametrize("config", TRAINING_CONFIGS.values(), ids=list(TRAINING_CONFIGS))
def test_weights_contain_no_absolute_path(config: TrainingConfig) -> None:
    content = config.weights.read_bytes()
    folder = config.folder.relative_to(EXAMPLE.parent).as_posix().encode()
    assert folder in content
    assert b"/" + folder not in content


@pytest.mark.parametrize("config", TRAINING_CONFIGS.values(), ids=list(TRAINING_CONFIGS))
def test_card_has_the_training_config(config: TrainingConfig, cards: Any) -> None:
    card = cards[config.task]
    assert card["architecture"]["classes"] == {str(i): name for i, name in enumerate(config.names)}
    assert (card["data"]["images"], card["data"]["seeds"]) == (config.counts, config.seeds)
    assert card["settings"]["epochs"] == config.epochs
    assert card["settings"]["imgsz"] == config.settings["imgsz"]


@pytest.mark.parametrize(
    ("task", "metric", "minimum"),
    [
        ("detect", "mAP50", 0.9),
        ("segment", "mAP50(M)", 0.6),
        ("pose", "mAP50(P)", 0.6),
        ("obb", "mAP50(B)", 0.6),
        ("classify", "accuracy_top1", 0.9),
        ("semantic", "pixel_acc", 0.85),
        ("semantic", "mIoU", 0.5),
        ("depth", "delta1", 0.8),
    ],
)
def test_weights_reach_minimum_quality_on_the_test_split(task: str, metric: str, minimum: float, cards: Any) -> None:
    assert cards[task]["measured"]["split"] == "test"
    assert cards[task]["measured"][metric] >= minimum


def test_data_yaml_has_sigma_of_every_keypoint(tmp_path: Path) -> None:
    config = TRAINING_CONFIGS["pose"]
    lines = build(config._replace(counts={"train": 1}), tmp_path, 1).read_text().splitlines()
    assert len(config.sigmas) == len(config.keypoints)
    assert f"kpt_oks_sigmas: {list(config.sigmas)}" in lines


def test_pose_weights_were_trained_with_the_configured_keypoints_and_sigmas(cards: Any) -> None:
    assert cards["pose"]["architecture"]["keypoints"] == list(TRAINING_CONFIGS["pose"].keypoints)
    assert cards["pose"]["architecture"]["sigmas"] == list(TRAINING_CONFIGS["pose"].sigmas)


def test_readme_has_the_metrics_of_the_cards(cards: Any) -> None:
    readme = README.read_text()
    for metric in ROWS:
        assert f"| {metric} | {cards['detect']['measured'][metric]:.4f} |" in readme
    assert detection_table(cards["detect"]) in readme
    assert tasks_table({task: card for task, card in cards.items() if task != "detect"}) in readme


def test_no_two_splits_share_a_seed() -> None:
    seeds = [seed for config in TRAINING_CONFIGS.values() for seed in config.seeds.values()]
    sample_seeds = {samples.seed for samples in SETS.values()}
    assert len({*seeds, *sample_seeds}) == len(seeds) + len(sample_seeds)


@pytest.mark.parametrize("task", TRAINING_CONFIGS)
def test_sample_files_have_planned_names_and_sizes(task: str) -> None:
    samples = [sample for sample in SAMPLES if sample.task == task]
    paths = sorted(SETS[task].folder.glob("*.jpg"))
    assert len(paths) == len(samples)
    for path in paths:
        name, _, size = path.stem.rpartition("-")
        assert name in {sample.name for sample in samples}
        assert task == "detect" or path.stat().st_size < SAMPLE_BYTES
        with Image.open(path) as image:
            assert size == "{}x{}".format(*image.size)


def test_detection_samples_have_planned_size() -> None:
    samples = {sample.name: sample for sample in SAMPLES if sample.task == "detect"}
    paths = list(SETS["detect"].folder.iterdir())
    assert {path.stem.rpartition("-")[0] for path in paths} == set(samples)
    for path in paths:
        with Image.open(path) as image:
            assert max(image.size) == samples[path.stem.rpartition("-")[0]].plan.long_side
