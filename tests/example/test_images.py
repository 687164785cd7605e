"""Generated images: reproducible from a seed, with labels at the positions of the dials."""

import numpy as np
import pytest

from example.images import NAMES, Plan, Scene, draw_scene

SMALL = Plan(long_side=160)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(5, index, SMALL) for index in range(24)]


def test_scene_without_dials_has_empty_label_file() -> None:
    scene = draw_scene(1, 0, SMALL._replace(dials=0))
    assert scene.boxes_xyxy.shape == (0, 4)
    assert scene.label_text() == ""


def test_same_seed_and_index_give_same_image() -> None:
    first, second = draw_scene(3, 4, SMALL), draw_scene(3, 4, SMALL)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.label_text() == second.label_text()


def test_other_index_gives_other_image() -> None:
    assert draw_scene(3, 4, SMALL).image.tobytes() != draw_scene(3, 5, SMALL).image.tobytes()


def test_boxes_lie_inside_the_image(scenes: list[Scene]) -> None:
    for scene in scenes:
        low, high = scene.boxes_xyxy[:, :2], scene.boxes_xyxy[:, 2:]
        assert (low >= 0).all()
        assert (high <= np.array(scene.image.size)).all()
        assert (high > low).all()


def test_labels_are_class_id_and_box_fractions(scenes: list[Scene]) -> None:
    for scene in scenes:
        for line in scene.label_text().splitlines():
            class_id, x, y, width, height = line.split()
            assert int(class_id) in range(len(NAMES))
            assert float(x) - float(width) / 2 >= -1e-5
            assert float(y) + float(height) / 2 <= 1 + 1e-5


def test_both_classes_and_empty_scenes_occur(scenes: list[Scene]) -> None:
    assert {int(class_id) for scene in scenes for class_id in scene.class_ids} == {0, 1}
    assert any(len(scene.class_ids) == 0 for scene in scenes)


@pytest.mark.parametrize("odds", [0.0, 1.0])
def test_clock_odds_of_zero_and_one_give_a_single_class(odds: float) -> None:
    scene = draw_scene(2, 0, SMALL._replace(dials=3, clock_odds=odds))
    assert set(scene.class_ids.tolist()) == {int(odds)}


def test_plan_sets_size_and_shape() -> None:
    scene = draw_scene(2, 0, Plan(long_side=200, shape=(3, 4)))
    assert scene.image.size == (150, 200)
    assert scene.image.mode == "RGB"


def test_dial_is_drawn_inside_its_box() -> None:
    plan = SMALL._replace(dials=1, degrade=0.0)
    left, top, right, bottom = draw_scene(8, 0, plan).boxes_xyxy[0]
    with_dial = np.asarray(draw_scene(8, 0, plan).image, np.int16)
    without = np.asarray(draw_scene(8, 0, plan._replace(dials=0)).image, np.int16)
    middle = (slice(int(top + bottom) // 2 - 3, int(top + bottom) // 2 + 3), slice(int(left) + 4, int(right) - 4))
    assert with_dial.shape == without.shape
    assert np.abs(with_dial[middle] - without[middle]).mean() > 10
