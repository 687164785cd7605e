import numpy as np
import pytest

from function.errors import UnusableModel
from function.tasks import detect


def output(*columns: tuple[float, ...]) -> np.ndarray:
    """(1, 4+C, A) from one column per anchor: cx, cy, w, h and a score for each class."""
    return np.array(columns, dtype=np.float32).T[None]


ANCHORS = output((10, 10, 4, 4, 0.9, 0.1), (20, 20, 4, 4, 0.2, 0.3), (30, 30, 4, 4, 0.2, 0.8), (40, 40, 4, 4, 0.25, 0))


def test_nothing_above_the_threshold_is_no_candidate() -> None:
    found = detect.decode(ANCHORS, conf=0.95, class_ids=None)
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.scores.shape == found.class_ids.shape == (0,)


def test_a_candidate_has_the_score_and_the_id_of_its_best_class() -> None:
    found = detect.decode(ANCHORS, conf=0.5, class_ids=None)
    assert found.boxes_xyxy.tolist() == [[8, 8, 12, 12], [28, 28, 32, 32]]
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    assert found.class_ids.tolist() == [0, 1]


def test_the_threshold_itself_is_not_above_the_threshold() -> None:
    assert detect.decode(ANCHORS, conf=0.25, class_ids=np.array([0])).scores.size == 1


def test_a_class_filter_drops_boxes_whose_best_class_is_another() -> None:
    assert detect.decode(ANCHORS, conf=0.1, class_ids=np.array([1])).boxes_xyxy[:, 0].tolist() == [18, 28]
    assert detect.decode(ANCHORS, conf=0.1, class_ids=np.array([0, 1])).scores.size == 4


@pytest.mark.parametrize("shapes", [[(1, 6, 8400)], [(1, 6, 21)]])
def test_the_plain_layout_is_accepted(shapes: list[tuple[int, ...]]) -> None:
    detect.check(shapes, class_count=2)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 300, 6)],
        [(1, 8400, 6)],
        [(1, 84, 8400)],
        [(2, 6, 8400)],
        [(1, 6, 80, 80)],
        [(1, 6, 21), (1, 32, 160, 160)],
        [],
    ],
)
def test_any_other_layout_is_refused_with_what_was_found(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(UnusableModel, match=r"reads \(1, 4\+C, A\)") as caught:
        detect.check(shapes, class_count=2)
    assert all(str(shape) in str(caught.value) for shape in shapes)
