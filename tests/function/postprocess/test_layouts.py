import numpy as np
import pytest

from function.errors import InternalError, UnusableModel
from function.metadata import ModelMetadata
from function.postprocess import layouts
from function.postprocess.layouts import LAYOUTS, Candidates, Reading, UndecidedLayout, choose

DETECT = ModelMetadata("detect", {0: "red", 1: "blue"}, (640, 640), 32, True, "0" * 64)
POSE = DETECT._replace(task="pose", kpt_shape=(17, 3))
ONE_CLASS = DETECT._replace(names={0: "red"})
RTDETR = DETECT._replace(head="RTDETRDecoder")
MANY = DETECT._replace(names={i: str(i) for i in range(80)})


Shapes = list[tuple[int, ...]]


def choose_by_shape(metadata: ModelMetadata, shapes: Shapes) -> Reading:
    return choose(metadata, (640, 640), [np.zeros(shape, dtype=np.float32) for shape in shapes])


def named(name: str) -> layouts.Layout:
    return next(layout for layout in LAYOUTS if layout.name == name)


def decoded(name: str, output: np.ndarray, conf: float, metadata: ModelMetadata = DETECT, class_ids=None) -> Candidates:
    return layouts.decode(named(name), [output], metadata, (64, 32), conf, class_ids)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, dtype=np.float32)[None]


# cx, cy, w, h and a score for each class; the last number of a row is an extra
ANCHORS = rows(
    (10, 10, 4, 4, 0.9, 0.1, 7), (20, 20, 4, 4, 0.2, 0.3, 8), (30, 30, 4, 4, 0.2, 0.8, 9), (40, 40, 4, 4, 0.25, 0, 1)
).transpose(0, 2, 1)


def test_scores_below_the_threshold_give_no_candidates() -> None:
    candidates = decoded("anchors", ANCHORS, 0.95)
    assert [column.shape for column in candidates] == [(0, 4), (0,), (0,), (0, 1)]


def test_candidate_has_score_and_id_of_its_best_class_and_its_extras() -> None:
    candidates = decoded("anchors", ANCHORS, 0.5)
    assert candidates.boxes.tolist() == [[8, 8, 12, 12], [28, 28, 32, 32]]
    np.testing.assert_allclose(candidates.scores, [0.9, 0.8])
    assert candidates.class_ids.tolist() == [0, 1]
    assert candidates.extras.tolist() == [[7], [9]]


def test_score_equal_to_the_threshold_does_not_pass() -> None:
    assert decoded("anchors", ANCHORS, 0.25, class_ids=np.array([0])).scores.size == 1


def test_class_filter_drops_boxes_of_another_best_class() -> None:
    assert decoded("anchors", ANCHORS, 0.1, class_ids=np.array([1])).boxes[:, 0].tolist() == [18, 28]
    assert decoded("anchors", ANCHORS, 0.1, class_ids=np.array([0, 1])).scores.size == 4


def test_rotated_boxes_are_not_converted_to_corners() -> None:
    candidates = decoded("anchors", ANCHORS, 0.5, DETECT._replace(task="obb"))
    assert candidates.boxes.tolist() == [[10, 10, 4, 4], [30, 30, 4, 4]]


def test_score_of_yolov5_is_class_score_times_objectness() -> None:
    output = rows((10, 10, 4, 4, 0.5, 0.8, 0.1), (20, 20, 4, 4, 0.2, 1, 1), (30, 30, 4, 4, 0.9, 0.2, 0.1))
    candidates = decoded("objectness", output, 0.3)
    assert candidates.boxes.tolist() == [[8, 8, 12, 12]]
    np.testing.assert_allclose(candidates.scores, [0.4])


def test_objectness_below_the_threshold_gives_no_candidate() -> None:
    assert decoded("objectness", rows((10, 10, 4, 4, 0.3, 1, 0)), 0.3).scores.size == 0


def test_end_to_end_rows_are_not_changed() -> None:
    output = rows((1, 2, 3, 4, 0.9, 1, 5), (5, 6, 7, 8, 0.4, 0, 6), (0, 0, 0, 0, 0, 0, 0))
    candidates = decoded("end-to-end", output, 0.0)
    assert candidates.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert (candidates.class_ids.tolist(), candidates.extras.tolist()) == ([1, 0], [[5], [6]])


def test_boxes_of_queries_are_relative_to_the_input_size() -> None:
    candidates = decoded("queries", rows((0.5, 0.5, 0.5, 0.5, 0.1, 0.9)), 0.5)
    assert (candidates.boxes.tolist(), candidates.class_ids.tolist()) == ([[16, 8, 48, 24]], [1])
    candidates = decoded("end-to-end queries", rows((0.5, 0.5, 0.5, 0.5, 0.9, 1)), 0.5)
    assert (candidates.boxes.tolist(), candidates.class_ids.tolist()) == ([[16, 8, 48, 24]], [1])


def test_class_id_without_a_name_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="class id that is none of its 2 classes"):
        decoded("end-to-end", rows((1, 2, 3, 4, 0.9, 2)), 0.5)


@pytest.mark.parametrize(
    ("metadata", "shapes", "name"),
    [
        (DETECT, [(1, 6, 8400)], "anchors"),
        (DETECT, [(1, 6, 21)], "anchors"),
        (DETECT, [(1, 25200, 7)], "objectness"),
        (MANY, [(1, 25200, 85)], "objectness"),
        (ONE_CLASS._replace(end2end=True), [(1, 25200, 6)], "end-to-end"),
        (DETECT._replace(end2end=True), [(1, 300, 6)], "end-to-end"),
        (DETECT._replace(end2end=True), [(1, 6, 6)], "end-to-end"),
        (RTDETR._replace(names=MANY.names), [(1, 300, 6)], "end-to-end queries"),
        (RTDETR._replace(names=MANY.names), [(1, 300, 84)], "queries"),
        (DETECT._replace(description="Ultralytics RT-DETR-l model"), [(1, 300, 6)], "queries"),
        (DETECT._replace(task="segment"), [(1, 38, 8400), (1, 32, 160, 160)], "anchors"),
        (DETECT._replace(task="segment", end2end=True), [(1, 300, 38), (1, 32, 160, 160)], "end-to-end"),
        (POSE, [(1, 57, 8400)], "anchors"),
        (POSE._replace(end2end=True), [(1, 300, 57)], "end-to-end"),
        (DETECT._replace(task="obb"), [(1, 7, 8400)], "anchors"),
        (DETECT._replace(task="obb", end2end=True), [(1, 300, 7)], "end-to-end"),
        (DETECT._replace(task="classify"), [(1, 2)], "probabilities"),
    ],
)
def test_metadata_and_shape_select_the_layout(metadata: ModelMetadata, shapes: Shapes, name: str) -> None:
    assert choose_by_shape(metadata, shapes).layout.name == name


@pytest.mark.parametrize(
    ("metadata", "shapes"),
    [
        (ONE_CLASS, [(1, 25200, 6)]),
        (ONE_CLASS, [(1, 300, 6)]),
        (DETECT, [(1, 300, 6)]),
        (RTDETR, [(1, 300, 6)]),
        (DETECT._replace(task="segment"), [(1, 300, 38), (1, 32, 160, 160)]),
        (ONE_CLASS._replace(task="segment"), [(1, 300, 38), (1, 32, 160, 160)]),
        (POSE, [(1, 300, 57)]),
        (DETECT._replace(task="obb"), [(1, 300, 7)]),
        (MANY._replace(names={i: str(i) for i in range(79)}), [(1, 83, 84)]),
    ],
)
def test_shape_alone_does_not_select_an_ambiguous_layout(metadata: ModelMetadata, shapes: Shapes) -> None:
    with pytest.raises(UndecidedLayout, match="can be"):
        choose_by_shape(metadata, shapes)


def ranked(extras: int, last_id: int = 1) -> np.ndarray:
    """End-to-end output of two boxes, with extras."""
    output = np.zeros((1, 300, 6 + extras), dtype=np.float32)
    output[0, :2, :6] = (20, 20, 40, 40, 0.9, 0), (10, 10, 50, 60, 0.3, last_id)
    return output


@pytest.mark.parametrize(
    ("metadata", "extras"),
    [
        (DETECT, 0),
        (DETECT._replace(task=""), 0),
        (RTDETR, 0),
        (DETECT._replace(task="segment"), 32),
        (POSE, 51),
        (DETECT._replace(task="obb"), 1),
    ],
)
def test_values_of_end_to_end_rows_select_their_layout(metadata: ModelMetadata, extras: int) -> None:
    prototypes = [np.zeros((1, 32, 160, 160), dtype=np.float32)] if metadata.task == "segment" else []
    assert choose(metadata, (640, 640), [ranked(extras), *prototypes]).layout.name.startswith("end-to-end")


def test_values_of_queries_of_two_classes_select_their_layout() -> None:
    output = np.full((1, 300, 6), 0.25, dtype=np.float32)
    assert choose(RTDETR, (640, 640), [output]).layout.name == "queries"


def test_center_and_size_of_rotated_boxes_are_no_corners_out_of_order() -> None:
    output = ranked(1)
    output[0, :2, 2:4] = 4
    assert choose(DETECT._replace(task="obb"), (640, 640), [output]).layout.name == "end-to-end"
    with pytest.raises(UndecidedLayout):
        choose(DETECT, (640, 640), [output[..., :6]])


def test_values_of_a_square_output_select_its_layout() -> None:
    metadata = MANY._replace(names={i: str(i) for i in range(79)})
    columns = np.full((1, 83, 84), 0.2, dtype=np.float32)
    columns[0, :4] = 30
    assert choose(metadata, (64, 64), [columns]).layout.name == "anchors"
    rows = np.full((1, 83, 84), 0.2, dtype=np.float32)
    rows[0, :, :4] = 30, 30, 8, 8
    assert choose(metadata, (64, 64), [rows]).layout.name == "objectness"


@pytest.mark.parametrize(
    ("metadata", "shapes"),
    [
        (DETECT, []),
        (DETECT, [(1, 84, 8400)]),
        (DETECT, [(2, 6, 8400)]),
        (DETECT, [(1, 6, 80, 80)]),
        (DETECT, [(1, 6, 21), (1, 32, 150, 160)]),
        (DETECT, [()]),
        (DETECT._replace(end2end=True), [(1, 6, 8400)]),
        (DETECT._replace(task="segment"), [(1, 38, 8400)]),
        (DETECT._replace(task="segment"), [(1, 38, 8400), (1, 32)]),
        (POSE, [(1, 6, 8400)]),
        (DETECT._replace(task="classify"), [(1, 3)]),
        (DETECT._replace(task="classify"), [(1, 6, 8400)]),
    ],
)
def test_error_of_an_unsupported_layout_names_actual_and_supported_shapes(
    metadata: ModelMetadata, shapes: Shapes
) -> None:
    with pytest.raises(UnusableModel, match=rf"outputs for {metadata.task} must be one of \(1, ") as caught:
        choose_by_shape(metadata, shapes)
    assert all(str(shape) in str(caught.value) for shape in shapes)


def test_queries_are_sorted_best_first() -> None:
    candidates = decoded(
        "queries", rows((0.5, 0.5, 0.5, 0.5, 0.6, 0), (0.1, 0.1, 0.1, 0.1, 0, 0.9), (0, 0, 0, 0, 0.1, 0)), 0.5
    )
    np.testing.assert_allclose(candidates.scores, [0.9, 0.6])
    assert candidates.class_ids.tolist() == [1, 0]


@pytest.mark.parametrize(
    "metadata",
    [
        DETECT._replace(description="Ultralytics YOLOv10n model trained on rt-detr-vs-yolo.yaml"),
        RTDETR._replace(head="Detect", description="Ultralytics RT-DETR-l model", end2end=True),
    ],
)
def test_name_of_the_data_set_does_not_select_rtdetr(metadata: ModelMetadata) -> None:
    assert choose(metadata, (640, 640), [ranked(0)]).layout.name == "end-to-end"


@pytest.mark.parametrize(
    ("name", "output", "metadata"),
    [
        ("anchors", rows((10, 10, 4, 4, 0.5, 0)).transpose(0, 2, 1), DETECT),
        ("objectness", rows((10, 10, 4, 4, 1, 0.5, 0)), DETECT),
        ("objectness", rows((10, 10, 4, 4, 0.5, 1, 0)), DETECT),
        ("end-to-end", rows((8, 8, 12, 12, 0.5, 0)), DETECT),
        ("queries", rows((0.5, 0.5, 0.1, 0.1, 0.5, 0)), RTDETR),
    ],
)
def test_score_must_be_above_the_threshold_in_every_layout(
    name: str, output: np.ndarray, metadata: ModelMetadata
) -> None:
    assert decoded(name, output, 0.5, metadata).scores.size == 0
    assert decoded(name, output, 0.4999, metadata).scores.size == 1
