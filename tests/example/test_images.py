"""The example's pictures: the same for a seed, and labeled where the dials are."""

import numpy as np
import pytest

from example.images import NAMES, Plan, Scene, make

SMALL = Plan(long_side=160)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make(5, index, SMALL) for index in range(24)]


def test_an_empty_scene_has_an_empty_label_file() -> None:
    scene = make(1, 0, SMALL._replace(dials=0))
    assert scene.boxes_xyxy.shape == (0, 4)
    assert scene.label_text() == ""


def test_a_seed_and_an_index_give_the_same_picture_again() -> None:
    first, second = make(3, 4, SMALL), make(3, 4, SMALL)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.label_text() == second.label_text()


def test_another_index_gives_another_picture() -> None:
    assert make(3, 4, SMALL).image.tobytes() != make(3, 5, SMALL).image.tobytes()


def test_boxes_lie_inside_the_picture(scenes: list[Scene]) -> None:
    for scene in scenes:
        low, high = scene.boxes_xyxy[:, :2], scene.boxes_xyxy[:, 2:]
        assert (low >= 0).all()
        assert (high <= np.array(scene.image.size)).all()
        assert (high > low).all()


def test_labels_are_class_and_box_as_fractions(scenes: list[Scene]) -> None:
    for scene in scenes:
        for line in scene.label_text().splitlines():
            class_id, x, y, width, height = line.split()
            assert int(class_id) in range(len(NAMES))
            assert float(x) - float(width) / 2 >= -1e-5
            assert float(y) + float(height) / 2 <= 1 + 1e-5


def test_both_classes_and_empty_pictures_appear(scenes: list[Scene]) -> None:
    assert {int(class_id) for scene in scenes for class_id in scene.class_ids} == {0, 1}
    assert any(len(scene.class_ids) == 0 for scene in scenes)


@pytest.mark.parametrize("odds", [0.0, 1.0])
def test_odds_of_nought_and_one_leave_a_single_class(odds: float) -> None:
    scene = make(2, 0, SMALL._replace(dials=3, clock_odds=odds))
    assert set(scene.class_ids.tolist()) == {int(odds)}


def test_a_plan_fixes_size_and_shape() -> None:
    scene = make(2, 0, Plan(long_side=200, shape=(3, 4)))
    assert scene.image.size == (150, 200)
    assert scene.image.mode == "RGB"


def test_a_box_is_where_the_dial_changes_the_wall() -> None:
    plan = SMALL._replace(dials=1, degrade=0.0)
    left, top, right, bottom = make(8, 0, plan).boxes_xyxy[0]
    with_dial = np.asarray(make(8, 0, plan).image, np.int16)
    without = np.asarray(make(8, 0, plan._replace(dials=0)).image, np.int16)
    middle = (slice(int(top + bottom) // 2 - 3, int(top + bottom) // 2 + 3), slice(int(left) + 4, int(right) - 4))
    assert with_dial.shape == without.shape
    assert np.abs(with_dial[middle] - without[middle]).mean() > 10
