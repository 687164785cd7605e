"""Models of other exporters: read as they are meant, or refused when they are loaded; never decoded by guess."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model, predictor
from function.errors import UnusableModel
from function.metadata import NORMALIZE, SQUARE_CROP
from function.model import Model
from function.request import Options
from function.results import Prediction
from function.settings import Settings
from tests.conftest import encode, image_with_box
from tests.support import color_model, fixed_output_model
from tests.support.fixed_output_model import YOLOV5

TWO_CLASSES = {"stride": "32", "names": "{0: 'red', 1: 'blue'}"}
ULTRALYTICS = {**TWO_CLASSES, "task": "detect", "imgsz": "[64, 64]"}
CENTERS = np.array([(40, 20, 16, 8), (10, 50, 12, 20)], np.float32)
CORNERS = [[32, 16, 48, 24], [4, 40, 16, 60]]  # of the same boxes


def load(path: Path, outputs: list[np.ndarray], metadata: dict[str, str], **options: Any) -> Model:
    served = model.load(fixed_output_model.save(path / "m.onnx", outputs, metadata, **options), threads=1)
    assert isinstance(served, Model)
    return served


def detect(served: Model, side: int = 64) -> Prediction:
    image = encode(image_with_box((side, side), (0, 0, 8, 8)))
    result = predictor.predict(served, Settings.from_env({}), image, Options())
    assert isinstance(result, Prediction)
    return result


def numbered(classes: int) -> str:
    return str([str(number) for number in range(classes)])


def objectness(count: int, classes: int = 1, extras: int = 0) -> np.ndarray:
    """Rows of a YOLOv5: two boxes of class 0 with the scores 0.72 and 0.48; the others are background."""
    rows = np.zeros((1, count, 5 + classes + extras), np.float32)
    rows[0, :, :6] = 9, 9, 3, 3, 0.01, 0.3
    rows[0, :2, :4] = CENTERS
    rows[0, :2, 4:6] = (0.9, 0.8), (0.8, 0.6)
    return rows


def anchors(count: int = 84, classes: int = 2, extras: int = 0, scores: tuple[float, float] = (0.9, 0.7)) -> np.ndarray:
    """Columns of a YOLOv8: the two boxes, one of class 0 and one of the last class."""
    columns = np.full((1, 4 + classes + extras, count), 3, np.float32)
    columns[0, 4:] = 0
    columns[0, :4, :2] = CENTERS.T
    columns[0, 4, 0], columns[0, 3 + classes, 1] = scores
    return columns


def final(*rows: tuple[float, ...], count: int = 300) -> np.ndarray:
    """Rows of an end-to-end head; those after the last detection are zeros."""
    output = np.zeros((1, count, 6), np.float32)
    for number, row in enumerate(rows):
        output[0, number] = row
    return output


@pytest.mark.parametrize(
    ("strides", "per_cell", "side"),
    [
        ((8, 16, 32), 3, 64),
        ((8, 16, 32, 64), 3, 64),  # P6
        ((4, 8, 16, 32), 3, 64),  # P2
        ((8, 16), 3, 64),  # P3 and P4
        ((16, 32), 3, 64),  # tiny
        ((8, 16, 32, 64, 128), 3, 128),  # P7
        ((8, 16, 32), 4, 64),
        ((4, 8, 16), 2, 64),
        ((32,), 5, 64),
        ((8, 16, 32), 9, 96),
    ],
)
def test_one_class_with_any_head_is_decoded_with_objectness(
    tmp_path: Path, strides: tuple[int, ...], per_cell: int, side: int
) -> None:
    count = per_cell * sum((side // stride) ** 2 for stride in strides)
    result = detect(load(tmp_path, [objectness(count)], YOLOV5, side=side), side)
    assert result.boxes_xyxy.tolist() == CORNERS
    np.testing.assert_allclose(result.scores, [0.72, 0.48], atol=1e-6)


@pytest.mark.parametrize(("count", "classes"), [(84, 1), (84, 2), (300, 2), (84, 3), (525, 80)])
def test_transposed_anchors_are_refused(tmp_path: Path, count: int, classes: int) -> None:
    metadata = {"stride": "32", "names": str([str(number) for number in range(classes)])}
    with pytest.raises(UnusableModel, match=r"model output"):
        load(tmp_path, [anchors(count, classes).transpose(0, 2, 1)], metadata)


@pytest.mark.parametrize("task", ["detect", "pose", "segment"])
def test_square_output_is_read_only_if_its_values_show_that_it_is_not_transposed(tmp_path: Path, task: str) -> None:
    extras = {"detect": 0, "pose": 51, "segment": 32}[task]
    metadata = {**ULTRALYTICS, "task": task, "kpt_shape": "[17, 3.0]", "names": numbered(80 - extras)}
    prototypes = [np.zeros((1, 32, 16, 16))] if task == "segment" else []
    columns = anchors(84, 80 - extras)
    columns = np.concatenate((columns, np.full((1, extras, 84), 7, np.float32)), axis=1)
    assert load(tmp_path, [columns, *prototypes], metadata).layout.name == "anchors"
    with pytest.raises(UnusableModel, match="it can also be transposed"):
        load(tmp_path, [columns.transpose(0, 2, 1), *prototypes], metadata)


def test_dynamic_output_that_is_square_only_at_the_first_size_is_recognized_as_transposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transposed(_session: Any, tensor: np.ndarray, *_: Any) -> list[np.ndarray]:
        height, width = tensor.shape[2:]
        return [np.full((1, height * width * 21 // 1024, 84), 9, np.float32)]

    monkeypatch.setattr(model, "_run", transposed)
    with pytest.raises(UnusableModel, match=r"got \(1, 126, 84\) with 80 class names"):
        model.load(color_model.save(tmp_path / "m.onnx", names=numbered(80)), threads=1)


@pytest.mark.parametrize(
    ("output", "metadata", "message"),
    [
        (anchors(scores=(9, -4)), ULTRALYTICS, "scores from 0 to 1, got -4 to 9"),
        (anchors(scores=(float("nan"), 0.5)), ULTRALYTICS, "scores from 0 to 1, got nan"),
        (objectness(252, 2) * 100, TWO_CLASSES, "scores from 0 to 1"),
        (np.full((1, 300, 7), 2), {**ULTRALYTICS, "head": "RTDETRDecoder", "names": numbered(3)}, "scores from 0 to 1"),
        (np.array([[5, -3]]), {**ULTRALYTICS, "task": "classify"}, "scores from 0 to 1, got -3 to 5"),
        (np.array([[0.9, 0.8]]), {**ULTRALYTICS, "task": "classify"}, "probabilities whose sum is 1, got a sum of 1.7"),
    ],
)
def test_scores_that_the_only_fitting_layout_cannot_have_are_refused(
    tmp_path: Path, output: np.ndarray, metadata: dict[str, str], message: str
) -> None:
    with pytest.raises(UnusableModel, match=message):
        load(tmp_path, [output], metadata)


@pytest.mark.parametrize("metadata", [YOLOV5, TWO_CLASSES, ULTRALYTICS])
def test_end_to_end_rows_are_read_if_their_values_confirm_them(tmp_path: Path, metadata: dict[str, str]) -> None:
    served = load(tmp_path, [final((*CORNERS[0], 0.9, 0), (*CORNERS[1], 0.4, 0))], metadata)
    assert served.layout.name == "end-to-end"
    assert detect(served).boxes_xyxy.tolist() == CORNERS


def test_end_to_end_rows_of_as_many_classes_as_rows_are_read(tmp_path: Path) -> None:
    metadata = {**ULTRALYTICS, "names": str([str(number) for number in range(296)])}  # 4 + 296 = 300 rows
    assert load(tmp_path, [final((*CORNERS[0], 0.9, 295))], metadata).layout.name == "end-to-end"


@pytest.mark.parametrize(
    "rows",
    [
        [(*CORNERS[0], 0.4, 0), (*CORNERS[1], 0.9, 0)],  # scores out of order
        [(*CORNERS[0], 0.9, 0.5)],  # not a whole class id
        [(*CORNERS[0], 0.9, 2)],  # no such class
        [(*CORNERS[0], 0.9, -1)],
        [(*CORNERS[0], 9, 1)],  # not a score
        [(48, 16, 32, 24, 0.9, 1)],  # corners out of order
        [(0.5, 0.25, 0.75, 0.375, 0.9, 1)],  # relative to the input size
        [(*CORNERS[0], float("nan"), 1)],
        [],  # nothing was found
    ],
)
def test_end_to_end_rows_that_the_values_contradict_are_refused(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    with pytest.raises(UnusableModel, match=r"m\.onnx: .* set end2end to True"):
        load(tmp_path, [final(*rows)], ULTRALYTICS)


@pytest.mark.parametrize("entry", [{"end2end": "True"}, {"args": "{'nms': True}"}])
def test_end_to_end_rows_are_read_if_the_metadata_states_them(tmp_path: Path, entry: dict[str, str]) -> None:
    assert load(tmp_path, [final()], {**ULTRALYTICS, **entry}).layout.name == "end-to-end"


def test_one_class_rows_that_are_corners_without_a_class_id_are_refused(tmp_path: Path) -> None:
    rows = np.tile(np.float32([8, 8, 30, 30, 0.3, 0.4]), (1, 84, 1))
    with pytest.raises(UnusableModel, match="can be"):
        load(tmp_path, [rows], YOLOV5)


def test_layout_of_as_many_rows_as_columns_is_decided_by_the_values(tmp_path: Path) -> None:
    assert load(tmp_path, [anchors(6)], TWO_CLASSES).layout.name == "anchors"
    six = final(*((*CORNERS[0], 0.9 - number / 10, 1) for number in range(6)), count=6)
    assert load(tmp_path, [six], TWO_CLASSES).layout.name == "end-to-end"


def test_second_test_image_is_used_only_if_the_first_does_not_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[float] = []
    run = model._run

    def recorded(session: Any, tensor: np.ndarray, *arguments: Any) -> list[np.ndarray]:
        runs.append(float(tensor.max()))
        return run(session, tensor, *arguments)

    monkeypatch.setattr(model, "_run", recorded)
    load(tmp_path, [anchors()], ULTRALYTICS)
    load(tmp_path, [objectness(84)], YOLOV5)
    with pytest.raises(UnusableModel):
        load(tmp_path, [final()], ULTRALYTICS)
    assert runs == [0, 0, 0, 1]


@pytest.mark.parametrize(("output", "metadata"), [(anchors(), ULTRALYTICS), (objectness(84), YOLOV5)])
def test_float16_input_is_cast(tmp_path: Path, output: np.ndarray, metadata: dict[str, str]) -> None:
    served = load(tmp_path, [output], metadata, dtype=np.float16)
    assert served.metadata.float16
    assert detect(served).boxes_xyxy.tolist() == CORNERS


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [
        ([anchors(), anchors(scores=(0.3, 0.8))], TWO_CLASSES),  # YOLOv9 with two heads
        ([anchors(), anchors(scores=(0, 0)), anchors(scores=(0, 0))], TWO_CLASSES),  # with three
        ([objectness(252), *(np.zeros((1, 3, side, side, 6)) for side in (8, 4, 2))], YOLOV5),  # YOLOv5 6.1
        ([anchors(), *(np.zeros((1, 66, side, side)) for side in (8, 4, 2))], ULTRALYTICS),
        ([anchors(), np.zeros((1, 16, 16, 32))], ULTRALYTICS),  # height and width before the channels
    ],
)
def test_maps_and_auxiliary_heads_are_passed_over(
    tmp_path: Path, outputs: list[np.ndarray], metadata: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        served = load(tmp_path, outputs, metadata)
    assert served.outputs == ["output0"]
    assert len(model.run(served, np.zeros((1, 3, 64, 64), np.float32))) == 1
    assert detect(served).boxes_xyxy.tolist() == CORNERS
    assert ", ".join(f"output{number}" for number in range(1, len(outputs))) in caplog.text


@pytest.mark.parametrize("shape", [(1, 300), (1, 300, 6), (1, 84), (1,), (1, 66, 7, 7), (1, 85, 84), (1, 2, 3, 4, 5)])
def test_additional_output_of_another_kind_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusableModel, match=r"must be one of .*\(1, 6, 84\) and "):
        load(tmp_path, [anchors(), np.zeros(shape)], TWO_CLASSES)


@pytest.mark.parametrize(
    ("output", "classes"), [(objectness(252, 1, 32), 1), (objectness(252, 3, 32), 3), (anchors(84, 2, 32), 2)]
)
def test_model_with_prototypes_and_no_task_segments(tmp_path: Path, output: np.ndarray, classes: int) -> None:
    metadata = {"stride": "32", "names": str([str(number) for number in range(classes)])}
    coefficients = output[0, :2, -32:] if output.shape[1] == 252 else output[0, -32:, :2].T
    coefficients[:, 0] = 1
    prototypes = np.zeros((1, 32, 16, 16))
    prototypes[0, 0] = 1  # every pixel of the box belongs to the mask
    result = detect(load(tmp_path, [output, prototypes], metadata))
    assert result.metadata.task == "segment"
    assert result.boxes_xyxy.tolist() == CORNERS
    assert result.masks is not None
    assert result.masks.rows.tolist() == [0, 1]
    assert result.masks.polygons is not None
    assert [polygon[0].min(axis=0).tolist() for polygon in result.masks.polygons] == [[32, 16], [4, 40]]


def test_prototypes_are_found_among_feature_maps(tmp_path: Path) -> None:
    outputs = [objectness(252, 1, 32), np.zeros((1, 114, 8, 8)), np.ones((1, 32, 16, 16)), np.zeros((1, 3, 4, 4, 38))]
    assert load(tmp_path, outputs, YOLOV5).outputs == ["output0", "output2"]


@pytest.mark.parametrize(("logits", "probabilities"), [([0, np.log(3)], [0.75, 0.25]), ([9, 9], [0.5, 0.5])])
def test_logits_of_a_model_without_task_become_probabilities(
    tmp_path: Path, logits: list[float], probabilities: list[float]
) -> None:
    served = load(tmp_path, [np.array([logits])], TWO_CLASSES)
    result = predictor.predict(served, Settings.from_env({}), encode(image_with_box((64, 64))), Options())
    assert result.metadata.task == "classify"
    np.testing.assert_allclose(result.scores, probabilities, atol=1e-6)


def test_probabilities_of_a_model_without_task_are_not_changed(tmp_path: Path) -> None:
    served = load(tmp_path, [np.array([[0.25, 0.75]])], TWO_CLASSES)
    assert (served.metadata.task, served.layout.softmax) == ("classify", False)


def test_classifier_without_task_is_preprocessed_as_yolov5_does(tmp_path: Path) -> None:
    square, normalize = load(tmp_path, [np.array([[1, 2]])], TWO_CLASSES).metadata.transforms
    assert (square.name, square.size, normalize.name) == (SQUARE_CROP, (64, 64), NORMALIZE)
    assert (normalize.mean, normalize.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet


@pytest.mark.parametrize(("metadata", "expected"), [(YOLOV5, False), (ULTRALYTICS, True)])
def test_export_is_recommended_only_for_models_that_it_can_write(
    tmp_path: Path, metadata: dict[str, str], expected: bool
) -> None:
    for outputs, entries in (([np.zeros((1, 9, 9))], metadata), ([anchors()], {**metadata, "stride": ""})):
        written = {key: value for key, value in entries.items() if value}
        with pytest.raises(UnusableModel) as refused:
            load(tmp_path, outputs, written)
        assert ("python -m export" in str(refused.value)) == expected


@pytest.mark.parametrize(
    "names",
    [
        "-" * 200_000 + "1",
        "+".join(["1"] * 100_000),
        "(" * 100_000,
        "{0: 0x" + "f" * 100_000 + ", 1: 'a'}",
        "{0x" + "f" * 100_000 + ": 'a'}",
        r"{0: '\ud800', 1: 'b'}",
        "{0: ['a', 'b'], 0.5: 'b'}",
    ],
)
def test_names_that_cannot_be_read_are_an_error_of_the_model(tmp_path: Path, names: str) -> None:
    with pytest.raises(UnusableModel, match=r"m\.onnx: (a name in )?names must be") as refused:
        load(tmp_path, [anchors()], {**ULTRALYTICS, "names": names})
    assert len(str(refused.value)) < 1000
