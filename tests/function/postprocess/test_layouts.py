import numpy as np
import pytest

from function.errors import InternalError, UnusableModel
from function.metadata import ModelMetadata
from function.postprocess import layouts
from function.postprocess.layouts import LAYOUTS, Candidates, Shapes, choose

FACTS = ModelMetadata("detect", {0: "red", 1: "blue"}, (640, 640), 32, True, "0" * 64)
POSE = FACTS._replace(task="pose", kpt_shape=(17, 3))
ONE_CLASS = FACTS._replace(names={0: "red"})
RTDETR = FACTS._replace(head="RTDETRDecoder")
MANY = FACTS._replace(names={i: str(i) for i in range(80)})


def named(name: str) -> layouts.Layout:
    return next(layout for layout in LAYOUTS if layout.name == name)


def decoded(name: str, output: np.ndarray, conf: float, facts: ModelMetadata = FACTS, class_ids=None) -> Candidates:
    return layouts.decode(named(name), output, facts, (64, 32), conf, class_ids)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, dtype=np.float32)[None]


# cx, cy, w, h and a score for each class; the last number of a row is an extra
ANCHORS = rows(
    (10, 10, 4, 4, 0.9, 0.1, 7), (20, 20, 4, 4, 0.2, 0.3, 8), (30, 30, 4, 4, 0.2, 0.8, 9), (40, 40, 4, 4, 0.25, 0, 1)
).transpose(0, 2, 1)


def test_nothing_above_the_threshold_is_no_candidate() -> None:
    found = decoded("anchors", ANCHORS, 0.95)
    assert [column.shape for column in found] == [(0, 4), (0,), (0,), (0, 1)]


def test_a_candidate_has_the_score_and_the_id_of_its_best_class_and_what_stands_behind() -> None:
    found = decoded("anchors", ANCHORS, 0.5)
    assert found.boxes.tolist() == [[8, 8, 12, 12], [28, 28, 32, 32]]
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    assert found.class_ids.tolist() == [0, 1]
    assert found.extras.tolist() == [[7], [9]]


def test_the_threshold_itself_is_not_above_the_threshold() -> None:
    assert decoded("anchors", ANCHORS, 0.25, class_ids=np.array([0])).scores.size == 1


def test_a_class_filter_drops_boxes_whose_best_class_is_another() -> None:
    assert decoded("anchors", ANCHORS, 0.1, class_ids=np.array([1])).boxes[:, 0].tolist() == [18, 28]
    assert decoded("anchors", ANCHORS, 0.1, class_ids=np.array([0, 1])).scores.size == 4


def test_rotated_boxes_stay_center_and_size() -> None:
    found = decoded("anchors", ANCHORS, 0.5, FACTS._replace(task="obb"))
    assert found.boxes.tolist() == [[10, 10, 4, 4], [30, 30, 4, 4]]


def test_a_score_of_yolov5_is_class_times_objectness() -> None:
    output = rows((10, 10, 4, 4, 0.5, 0.8, 0.1), (20, 20, 4, 4, 0.2, 1, 1), (30, 30, 4, 4, 0.9, 0.2, 0.1))
    found = decoded("objectness", output, 0.3)
    assert found.boxes.tolist() == [[8, 8, 12, 12]]
    np.testing.assert_allclose(found.scores, [0.4])


def test_objectness_below_the_threshold_is_no_candidate_whatever_the_class_score() -> None:
    assert decoded("objectness", rows((10, 10, 4, 4, 0.3, 1, 0)), 0.3).scores.size == 0


def test_finished_rows_are_taken_as_they_are() -> None:
    output = rows((1, 2, 3, 4, 0.9, 1, 5), (5, 6, 7, 8, 0.4, 0, 6), (0, 0, 0, 0, 0, 0, 0))
    found = decoded("end-to-end", output, 0.0)
    assert found.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert (found.class_ids.tolist(), found.extras.tolist()) == ([1, 0], [[5], [6]])


def test_boxes_of_queries_are_shares_of_the_input() -> None:
    found = decoded("queries", rows((0.5, 0.5, 0.5, 0.5, 0.1, 0.9)), 0.5)
    assert (found.boxes.tolist(), found.class_ids.tolist()) == ([[16, 8, 48, 24]], [1])
    found = decoded("queries, finished", rows((0.5, 0.5, 0.5, 0.5, 0.9, 1)), 0.5)
    assert (found.boxes.tolist(), found.class_ids.tolist()) == ([[16, 8, 48, 24]], [1])


def test_a_class_without_a_name_is_ours_to_answer_for() -> None:
    with pytest.raises(InternalError, match="a class that is none of its 2"):
        decoded("end-to-end", rows((1, 2, 3, 4, 0.9, 2)), 0.5)


@pytest.mark.parametrize(
    ("facts", "shapes", "name"),
    [
        (FACTS, [(1, 6, 8400)], "anchors"),
        (FACTS, [(1, 6, 21)], "anchors"),
        (FACTS, [(1, 25200, 7)], "objectness"),
        (MANY, [(1, 25200, 85)], "objectness"),
        (ONE_CLASS, [(1, 25200, 6)], "objectness"),
        (ONE_CLASS, [(1, 25500, 6)], "objectness"),
        (ONE_CLASS, [(1, 300, 6)], "end-to-end"),
        (ONE_CLASS._replace(end2end=True), [(1, 25200, 6)], "end-to-end"),
        (FACTS, [(1, 300, 6)], "end-to-end"),
        (FACTS._replace(end2end=True), [(1, 300, 6)], "end-to-end"),
        (FACTS._replace(end2end=True), [(1, 6, 6)], "end-to-end"),
        (RTDETR, [(1, 300, 6)], "queries, finished"),
        (RTDETR._replace(names=MANY.names), [(1, 300, 84)], "queries"),
        (FACTS._replace(description="Ultralytics RT-DETR-l model"), [(1, 300, 6)], "queries"),
        (FACTS._replace(task="segment"), [(1, 38, 8400), (1, 32, 160, 160)], "anchors"),
        (FACTS._replace(task="segment"), [(1, 300, 38), (1, 32, 160, 160)], "end-to-end"),
        (POSE, [(1, 57, 8400)], "anchors"),
        (POSE, [(1, 300, 57)], "end-to-end"),
        (FACTS._replace(task="obb"), [(1, 7, 8400)], "anchors"),
        (FACTS._replace(task="obb"), [(1, 300, 7)], "end-to-end"),
        (FACTS._replace(task="classify"), [(1, 2)], "probabilities"),
    ],
)
def test_metadata_and_shape_choose_the_layout(facts: ModelMetadata, shapes: Shapes, name: str) -> None:
    assert choose(facts, (640, 640), shapes).name == name


@pytest.mark.parametrize(
    ("facts", "shapes"),
    [
        (FACTS, []),
        (FACTS, [(1, 84, 8400)]),
        (FACTS, [(2, 6, 8400)]),
        (FACTS, [(1, 6, 80, 80)]),
        (FACTS, [(1, 6, 21), (1, 32, 160, 160)]),
        (FACTS, [()]),
        (FACTS._replace(end2end=True), [(1, 6, 8400)]),
        (FACTS._replace(task="segment"), [(1, 38, 8400)]),
        (FACTS._replace(task="segment"), [(1, 38, 8400), (1, 32)]),
        (POSE, [(1, 6, 8400)]),
        (FACTS._replace(task="classify"), [(1, 3)]),
        (FACTS._replace(task="classify"), [(1, 6, 8400)]),
    ],
)
def test_any_other_layout_is_refused_with_what_was_found_and_what_is_known(
    facts: ModelMetadata, shapes: Shapes
) -> None:
    with pytest.raises(UnusableModel, match=rf"known for {facts.task} are \(1, ") as caught:
        choose(facts, (640, 640), shapes)
    assert all(str(shape) in str(caught.value) for shape in shapes)


def test_queries_come_best_first() -> None:
    found = decoded(
        "queries", rows((0.5, 0.5, 0.5, 0.5, 0.6, 0), (0.1, 0.1, 0.1, 0.1, 0, 0.9), (0, 0, 0, 0, 0.1, 0)), 0.5
    )
    np.testing.assert_allclose(found.scores, [0.9, 0.6])
    assert found.class_ids.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("facts", "shape"),
    [
        (FACTS._replace(description="Ultralytics YOLOv10n model trained on rt-detr-vs-yolo.yaml"), (1, 300, 6)),
        (RTDETR._replace(head="Detect", description="Ultralytics RT-DETR-l model", end2end=True), (1, 300, 6)),
    ],
)
def test_the_name_of_the_data_makes_no_rtdetr(facts: ModelMetadata, shape: tuple[int, ...]) -> None:
    assert choose(facts, (640, 640), [shape]).name == "end-to-end"
