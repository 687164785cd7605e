"""Predictions with tiles, with a model whose boxes are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model
from function.errors import DeadlineExceeded, InvalidOption
from function.model import Model
from function.predictor import check_tile, predict
from function.request import Options, TileOption, read_options
from function.results import Prediction
from function.settings import Settings
from function.tiling import prediction
from tests.conftest import encode, image_with_box
from tests.support import color_model, fixed_output_model

SIZE = (640, 640)
CELL = (320, 320, 352, 352)  # inside of four tiles of 320 px, and too small for the model in the whole image
TILES = {"size": 320, "overlap": 0.2}  # at 0, 256 and 320 px
NINE = Settings.from_env({"TILE": "320"})


def predicted(
    served: Model, options: dict[str, Any], settings: Settings | None = None, deadline: float | None = None
) -> Prediction:
    data = encode(image_with_box(SIZE, CELL))
    result = predict(served, settings or Settings.from_env({}), data, read_options(options), None, deadline)
    assert isinstance(result, Prediction)
    return result


def test_object_too_small_for_the_whole_image_is_found_once_in_tiles(served: Model) -> None:
    assert len(predicted(served, {}).scores) == 0
    result = predicted(served, {"tile": TILES})
    assert result.boxes_xyxy.tolist() == [list(CELL)]
    assert result.class_ids.tolist() == [0]
    assert result.size_wh == SIZE


@pytest.mark.parametrize(
    ("tile", "tiles"),
    [(TILES, 10), ({**TILES, "full": False}, 9), ({"size": 320, "overlap": 0}, 5), (640, 1), (700, 1)],
)
def test_result_has_the_number_of_runs(served: Model, tile: Any, tiles: int) -> None:
    assert predicted(served, {"tile": tile}).tiles == tiles


def test_result_without_tiles_has_no_number(served: Model) -> None:
    assert predicted(served, {}).tiles is None
    assert predicted(served, {"tile": False}, NINE).tiles is None


def test_settings_are_the_defaults_of_a_request(served: Model) -> None:
    assert predicted(served, {}, NINE).tiles == 10
    assert predicted(served, {}, Settings.from_env({"TILE": "320", "TILE_OVERLAP": "0"})).tiles == 5
    assert predicted(served, {"tile": 640}, NINE).tiles == 1


def test_static_model_runs_on_tiles(tmp_path: Path) -> None:
    static = model.load(color_model.save(tmp_path / "static.onnx", (320, 320)), threads=1)
    assert isinstance(static, Model)
    assert predicted(static, {"tile": TILES}).boxes_xyxy.tolist() == [list(CELL)]


def test_classes_are_merged_only_if_the_request_says_so(tmp_path: Path) -> None:
    rows = np.array([[[0, 0, 40, 40, 0.9, 0], [4, 0, 40, 40, 0.8, 1]]], dtype=np.float32)
    metadata = color_model.METADATA | {"imgsz": "[64, 64]", "end2end": "True"}
    served = model.load(fixed_output_model.save(tmp_path / "rows.onnx", [rows], metadata), threads=1)
    assert isinstance(served, Model)
    data = encode(image_with_box((64, 64), (0, 0, 8, 8)))
    settings = Settings.from_env({})
    apart = predict(served, settings, data, read_options({"tile": 64}))
    merged = predict(served, settings, data, read_options({"tile": 64, "agnostic": True}))
    assert (len(apart.scores), len(merged.scores)) == (2, 1)
    assert merged.ignored == ()
    assert predict(served, settings, data, read_options({"agnostic": True, "merge": "nms"})).ignored == (
        "agnostic",
        "merge",
    )


def test_low_confidence_threshold_suppresses_in_place_of_merging(tmp_path: Path) -> None:
    rows = np.array([[[0, 0, 40, 40, 0.9, 0], [20, 0, 60, 40, 0.8, 0]]], dtype=np.float32)  # IOS 0.5, IoU 0.33
    metadata = color_model.METADATA | {"imgsz": "[64, 64]", "end2end": "True"}
    served = model.load(fixed_output_model.save(tmp_path / "rows.onnx", [rows], metadata), threads=1)
    assert isinstance(served, Model)
    data = encode(image_with_box((64, 64), (0, 0, 8, 8)))

    def boxes(**options: Any) -> list[list[float]]:
        result = predict(served, Settings.from_env({}), data, read_options({"tile": 64, **options}))
        assert isinstance(result, Prediction)
        return result.boxes_xyxy.tolist()

    assert boxes() == [[0, 0, 60, 40]]
    assert boxes(merge="nms") == [[0, 0, 40, 40]]
    assert boxes(conf=0.05) == [[0, 0, 40, 40], [20, 0, 60, 40]]
    assert boxes(conf=0.05, merge="greedy_nmm") == [[0, 0, 60, 40]]


def test_boxes_of_a_stretched_input_are_moved_to_their_tile(tmp_path: Path) -> None:
    rows = np.array([[[0.5, 0.5, 0.25, 0.5, 0.9, 0.1], [0.0, 0.5, 0.5, 0.5, 0.1, 0.8]]], dtype=np.float32)
    metadata = color_model.METADATA | {"imgsz": "[64, 64]", "head": "RTDETRDecoder"}  # the second box begins outside
    served = model.load(fixed_output_model.save(tmp_path / "queries.onnx", [rows], metadata), threads=1)
    assert isinstance(served, Model)
    assert served.layout.preprocessing == "stretch"
    data = encode(image_with_box((192, 96), (0, 0, 8, 8)))
    options = read_options({"tile": {"size": 96, "overlap": 0, "full": False}})
    result = predict(served, Settings.from_env({}), data, options)
    assert isinstance(result, Prediction)
    assert result.boxes_xyxy.tolist() == [[36, 24, 60, 72], [132, 24, 156, 72], [0, 24, 24, 72], [96, 24, 120, 72]]
    assert result.class_ids.tolist() == [0, 0, 1, 1]


def test_max_det_and_region_are_applied_after_the_merge(served: Model) -> None:
    data = encode(image_with_box(SIZE, (320, 320, 448, 352)))  # four cells, each inside of several tiles
    settings = Settings.from_env({})

    def boxes(**options: Any) -> np.ndarray:
        result = predict(served, settings, data, read_options({"tile": TILES, **options}))
        assert isinstance(result, Prediction)
        return result.boxes_xyxy[:, 0]

    assert sorted(boxes()) == [320, 352, 384, 416]
    assert len(boxes(max_det=3)) == 3
    assert boxes(max_det=1, region=[[402, 300], [500, 300], [500, 400], [402, 400]]).tolist() == [416]


def test_timing_is_the_sum_of_all_tiles(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "_detect_tile", lambda *a, real=prediction._detect_tile: (real(*a)[0], (1, 2, 3)))
    timing = predicted(served, {"tile": TILES}).timing
    assert (timing.preprocess, timing.inference) == (10_000, 20_000)
    assert 30_000 <= timing.postprocess < 31_000


def test_tiles_that_do_not_fit_into_the_time_are_refused_with_how_many_do(
    served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(100.0))  # each look at the clock is a second later: a tile takes one
    monkeypatch.setattr(prediction, "monotonic", lambda: float(next(clock)))
    with pytest.raises(DeadlineExceeded, match=r"about 5 of 1e\+03 ms each, got 10: request larger tiles"):
        predicted(served, {"tile": TILES}, deadline=6.5)


def test_tiles_that_fit_into_the_time_are_not_refused(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(100.0))
    monkeypatch.setattr(prediction, "monotonic", lambda: float(next(clock)))
    assert predicted(served, {"tile": TILES}, deadline=30.0).tiles == 10


@pytest.mark.parametrize("task", ["pose", "classify"])
def test_settings_with_tiles_are_refused_for_other_tasks(served: Model, task: str) -> None:
    other = served._replace(metadata=served.metadata._replace(task=task))
    with pytest.raises(InvalidOption, match=f"detect, obb, segment, got a model for {task}"):
        check_tile(other, NINE)


def test_tiles_of_a_pose_model_are_refused(served: Model) -> None:
    pose = served._replace(metadata=served.metadata._replace(task="pose", kpt_shape=(1, 2)))
    with pytest.raises(InvalidOption, match="tile must not be set for a pose model, got 320"):
        predict(pose, Settings.from_env({}), b"", Options(tile=TileOption(320, None, True)))
