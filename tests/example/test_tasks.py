"""The examples of the other tasks: labels are where the things are, and the card tells the truth."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from example.dataset import SEEDS
from example.dials import gauge
from example.images import NAMES as DIALS
from example.images import Plan
from example.images import make as scene_of
from example.tasks import classify, obb, pose, segment
from example.tasks.dataset import build
from example.tasks.labeled_image import Labelled
from example.tasks.model_card import CARD, README, table
from example.tasks.reading import reading
from example.tasks.samples import FOLDER, SAMPLES, SEED
from example.tasks.samples import MAX_BYTES as SAMPLE_BYTES
from example.tasks.segment import clip
from example.tasks.train import MAX_BYTES
from example.tasks.training_configs import RECIPES, Recipe

BOXED = ("segment", "pose", "obb")
SMALL = Plan(long_side=160)
COUNT = 24  # pictures of a task that labels are checked on


@pytest.fixture(scope="module")
def cards() -> Any:
    return json.loads(CARD.read_text())


@pytest.fixture(scope="module")
def made() -> dict[str, list[Labelled]]:
    return {task: [RECIPES[task].make(5, index, SMALL) for index in range(COUNT)] for task in RECIPES}


def rows(label: str) -> list[NDArray[np.float64]]:
    """The numbers of each line, the class first."""
    return [np.array(line.split(), np.float64) for line in label.splitlines()]


@pytest.mark.parametrize("task", BOXED)
def test_a_picture_of_nothing_has_an_empty_label(task: str) -> None:
    assert RECIPES[task].make(1, 1, SMALL._replace(dials=0)).label == ""


@pytest.mark.parametrize("task", RECIPES)
def test_a_seed_and_an_index_give_the_same_picture_again(task: str, made: dict[str, list[Labelled]]) -> None:
    again = RECIPES[task].make(5, 4, SMALL)
    assert again.image.tobytes() == made[task][4].image.tobytes()
    assert again.label == made[task][4].label


@pytest.mark.parametrize("task", RECIPES)
def test_another_index_gives_another_picture(task: str, made: dict[str, list[Labelled]]) -> None:
    assert len({item.image.tobytes() for item in made[task]}) == COUNT


@pytest.mark.parametrize("task", BOXED)
def test_labels_lie_in_the_picture(task: str, made: dict[str, list[Labelled]]) -> None:
    numbers = np.concatenate([row[1:] for item in made[task] for row in rows(item.label)])
    places = numbers[numbers != pose.SEEN] if task == "pose" else numbers
    assert len(places)
    assert (places >= 0).all()
    assert (places <= 1).all()


@pytest.mark.parametrize("task", BOXED)
def test_every_class_appears(task: str, made: dict[str, list[Labelled]]) -> None:
    assert {int(row[0]) for item in made[task] for row in rows(item.label)} == set(range(len(RECIPES[task].names)))


def test_an_outline_spans_the_box_of_its_dial(made: dict[str, list[Labelled]]) -> None:
    for index, item in enumerate(made["segment"]):
        scene = scene_of(5, index, SMALL)
        assert len(scene.dials) == len(rows(item.label))
        for row, box in zip(rows(item.label), scene.boxes_xyxy, strict=True):
            outline = row[1:].reshape(-1, 2) * item.image.size
            assert np.concatenate([outline.min(axis=0), outline.max(axis=0)]) == pytest.approx(box, abs=0.6)


def test_clipping_leaves_alone_what_lies_inside() -> None:
    inside = np.array([[1, 1], [9, 2], [5, 8]], np.float64)
    assert clip(inside, (10, 10)).tolist() == inside.tolist()


def test_clipping_leaves_nothing_of_what_lies_outside() -> None:
    assert clip(np.array([[11, 1], [19, 2], [15, 8]], np.float64), (10, 10)).shape == (0, 2)


def test_clipping_keeps_the_corner_of_the_picture_that_is_covered() -> None:
    clipped = clip(np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]], np.float64), (10, 10))
    assert sorted(map(tuple, clipped.tolist())) == [(0, 0), (0, 5), (5, 0), (5, 5)]


def test_pose_labels_gauges_and_no_clocks(made: dict[str, list[Labelled]]) -> None:
    scenes = [scene_of(5, index, SMALL) for index in range(COUNT)]
    gauges = sum(DIALS[dial.class_id] == "gauge" for scene in scenes for dial in scene.dials)
    assert gauges < sum(len(scene.dials) for scene in scenes)
    assert sum(len(rows(item.label)) for item in made["pose"]) == gauges


def test_a_mark_outside_of_the_picture_is_unseen_and_nowhere() -> None:
    plan = SMALL._replace(dials=1, clock_odds=0.0, radii=(0.5, 0.6))  # large ones hang over the edge
    labels = [pose.make(5, index, plan).label for index in range(COUNT)]
    marks = np.concatenate([row[5:].reshape(4, 3) for label in labels for row in rows(label)])
    assert set(marks[:, 2]) == {pose.UNSEEN, pose.SEEN}
    assert (marks[marks[:, 2] == pose.UNSEEN] == 0).all()


def test_the_marks_of_a_gauge_lie_within_its_rim() -> None:
    for index in range(COUNT):
        for dial in scene_of(5, index, SMALL).dials:
            low, high = dial.outline_xy.min(axis=0), dial.outline_xy.max(axis=0)
            assert len(dial.marks_xy) == (len(pose.KEYPOINTS) if DIALS[dial.class_id] == "gauge" else 0)
            assert ((dial.marks_xy > low) & (dial.marks_xy < high)).all()


@pytest.mark.parametrize("seed", range(8))
def test_the_needle_lies_between_the_center_and_its_tip(seed: int) -> None:
    dial = gauge(np.random.default_rng(seed), 1000)
    pixels = np.asarray(dial.sprite.convert("RGB"), np.float64)
    center, tip = dial.marks_xy[:2]
    along = tip - center
    middles = [center + 0.5 * along + side * 0.12 * along[::-1] * (1, -1) for side in (0, 1)]
    needle, face = (pixels[round(y), round(x)] for x, y in middles)
    assert np.abs(needle - face).max() > 60


@pytest.mark.parametrize("share", [-0.01, 0.0, 0.25, 1.0])
def test_a_reading_is_the_needles_share_of_the_sweep(share: float) -> None:
    degrees = np.deg2rad([225 - 270 * share, 225, -45])  # a gauge of 270 degrees, anticlockwise from the right
    arms = np.stack([np.cos(degrees), -np.sin(degrees)], axis=1)
    marks = np.concatenate([[[0, 0]], arms * [[0.7], [0.8], [0.8]]]) * 50 + 100
    assert reading(marks[None]) == pytest.approx([share])


def test_there_is_a_reading_for_each_gauge_and_none_for_none() -> None:
    assert reading(np.empty((0, 4, 2))).shape == (0,)


def test_readings_of_the_drawn_gauges_are_on_the_scale_but_for_the_slant() -> None:
    scenes = [scene_of(5, index, SMALL) for index in range(COUNT)]
    marks = np.array([dial.marks_xy for scene in scenes for dial in scene.dials if len(dial.marks_xy)])
    shown = reading(marks)
    assert (shown > -0.05).all()
    assert (shown < 1.05).all()
    assert np.ptp(shown) > 0.5


def test_the_corners_of_a_fitting_are_a_rectangle_in_pixels(made: dict[str, list[Labelled]]) -> None:
    for item in made["obb"]:
        for row in rows(item.label):
            corners = row[1:].reshape(4, 2) * item.image.size
            sides = np.roll(corners, -1, axis=0) - corners
            assert sides[0] + sides[2] == pytest.approx([0, 0], abs=1e-3)
            assert float(sides[0] @ sides[1]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("lever_odds", [0.0, 1.0])
def test_a_fitting_changes_the_wall_between_its_corners(lever_odds: float) -> None:
    plan = Plan(long_side=320, shape=(1, 1), dials=1, clock_odds=lever_odds, radii=(0.3, 0.3), degrade=0.0)
    labeled, empty = obb.make(9, 1, plan), obb.make(9, 1, plan._replace(dials=0))
    x, y = (rows(labeled.label)[0][1:].reshape(4, 2).mean(axis=0) * 320).astype(int)
    changed = np.abs(np.asarray(labeled.image, np.int16) - np.asarray(empty.image, np.int16))
    assert changed[y - 5 : y + 5, x - 5 : x + 5].mean() > 10


def test_the_class_of_a_cut_out_goes_around_with_the_index(made: dict[str, list[Labelled]]) -> None:
    assert [item.label for item in made["classify"][:4]] == [*classify.NAMES, classify.NAMES[0]]


def test_the_class_names_are_in_the_order_that_folders_have() -> None:
    assert list(classify.NAMES) == sorted(classify.NAMES)


def test_segments_have_the_classes_of_the_detector() -> None:
    assert segment.NAMES == DIALS


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_the_card_names_the_weights_that_lie_here(recipe: Recipe, cards: Any) -> None:
    content = recipe.weights.read_bytes()
    assert cards[recipe.task]["weights"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert cards[recipe.task]["weights"]["bytes"] == len(content) <= MAX_BYTES


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_the_weights_name_no_path_of_the_machine_that_trained_them(recipe: Recipe) -> None:
    content = recipe.weights.read_bytes()
    assert b"build/example/tasks" in content
    assert b"/build/example/tasks" not in content


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_the_card_has_the_recipe_that_made_the_weights(recipe: Recipe, cards: Any) -> None:
    card = cards[recipe.task]
    assert card["architecture"]["classes"] == {str(i): name for i, name in enumerate(recipe.names)}
    assert (card["data"]["pictures"], card["data"]["seeds"]) == (recipe.counts, recipe.seeds)
    assert card["settings"]["epochs"] == recipe.epochs
    assert card["settings"]["imgsz"] == recipe.settings["imgsz"]


@pytest.mark.parametrize(
    ("task", "figure", "least"),
    [
        ("segment", "mAP50(M)", 0.6),
        ("pose", "mAP50(P)", 0.6),
        ("obb", "mAP50(B)", 0.6),
        ("classify", "accuracy_top1", 0.9),
    ],
)
def test_the_weights_find_things_on_the_test_split(task: str, figure: str, least: float, cards: Any) -> None:
    assert cards[task]["measured"]["split"] == "test"
    assert cards[task]["measured"][figure] >= least


def test_ultralytics_is_told_how_far_a_keypoint_may_be_off(tmp_path: Path) -> None:
    recipe = RECIPES["pose"]
    lines = build(recipe._replace(counts={"train": 1}), tmp_path, 1).read_text().splitlines()
    assert len(recipe.sigmas) == len(recipe.keypoints)
    assert f"kpt_oks_sigmas: {list(recipe.sigmas)}" in lines


def test_the_pose_weights_were_trained_with_the_sigmas_of_the_recipe(cards: Any) -> None:
    assert cards["pose"]["architecture"]["sigmas"] == list(RECIPES["pose"].sigmas)


def test_the_readme_has_the_figures_of_the_cards(cards: Any) -> None:
    assert table(cards) in README.read_text()


def test_no_two_splits_share_a_seed() -> None:
    seeds = [seed for recipe in RECIPES.values() for seed in recipe.seeds.values()]
    assert len({*seeds, *SEEDS.values(), SEED}) == len(seeds) + len(SEEDS) + 1


def test_the_samples_that_lie_here_have_the_planned_names_and_sizes() -> None:
    lying = sorted(FOLDER.rglob("*.jpg"))
    planned = {(sample.task, sample.name) for sample in SAMPLES}
    assert len(lying) == len(SAMPLES)
    for path in lying:
        name, _, size = path.stem.rpartition("-")
        assert (path.parent.name, name) in planned
        assert path.stat().st_size < SAMPLE_BYTES
        with Image.open(path) as image:
            assert size == "{}x{}".format(*image.size)
