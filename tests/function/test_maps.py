"""Semantic segmentation and depth from the encoded image to the response, with models whose outputs are known.

Input and image have the same size. Maps of trained models are compared with Ultralytics in tests/golden.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function import draw, model, predictor
from function.api import map_fields, response
from function.draw import maps
from function.draw.colors import of_class
from function.errors import InternalError, InvalidOption, TooLarge, UnusableModel
from function.metadata import ModelMetadata
from function.model import Model
from function.postprocess.depth import DepthMap
from function.request import Options
from function.results import UNTIMED, Depth, Semantic
from function.settings import Settings
from tests.conftest import encode, image_with_box
from tests.support import fixed_output_model

SIDE = 64
IMAGE = encode(image_with_box((SIDE, SIDE), (0, 0, 8, 8)))
NAMES = "{0: 'wall', 1: 'gauge', 2: 'clock'}"
METADATA = ModelMetadata("depth", {0: "depth"}, (64, 64), 32, True, "0" * 64)


def load(folder: Path, task: str, output: np.ndarray, names: str = NAMES) -> Model:
    entries = {"task": task, "names": names, "stride": "32", "imgsz": f"[{SIDE}, {SIDE}]"}
    served = model.load(fixed_output_model.save(folder / "m.onnx", [output], entries, side=SIDE), threads=1)
    assert isinstance(served, Model)
    return served


def predict(served: Model, **options: Any) -> Any:
    return predictor.predict(served, Settings.from_env({}), IMAGE, Options(**options))


def decoded(field: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(field["png"]))))


def halves() -> np.ndarray:
    """(1, 3, 8, 8) logits: class 1 on the left, class 2 on the right half."""
    logits = np.zeros((1, 3, 8, 8), np.float32)
    logits[0, 1, :, :4] = logits[0, 2, :, 4:] = 1
    return logits


def quarter_of_ids() -> np.ndarray:
    ids = np.zeros((1, SIDE, SIDE), np.float32)
    ids[0, :32, :32] = 2
    return ids


def test_logits_become_the_class_of_every_pixel(tmp_path: Path) -> None:
    result = predict(load(tmp_path, "semantic", halves()))
    assert isinstance(result, Semantic)
    assert result.ids.shape == (SIDE, SIDE)
    assert (result.ids[:, :32] == 1).all()
    assert (result.ids[:, 32:] == 2).all()


def test_class_ids_become_the_map(tmp_path: Path) -> None:
    result = predict(load(tmp_path, "semantic", quarter_of_ids()))
    assert result.ids[:32, :32].tolist() == [[2] * 32] * 32
    assert result.counts == [(0, SIDE * SIDE * 3 // 4), (2, SIDE * SIDE // 4)]


def test_response_has_shares_and_an_indexed_png(tmp_path: Path) -> None:
    body = response.result_body(predict(load(tmp_path, "semantic", quarter_of_ids())))
    field = body["semantic"]
    assert field["classes"] == [
        {"class_name": "wall", "class_id": 0, "share": 0.75},
        {"class_name": "clock", "class_id": 2, "share": 0.25},
    ]
    assert {name: value for name, value in field["map"].items() if name != "png"} == {"width": SIDE, "height": SIDE}
    opened = Image.open(io.BytesIO(base64.b64decode(field["map"]["png"])))
    assert opened.mode == "P"
    assert opened.convert("RGB").getpixel((0, 0)) == of_class(2)
    assert (decoded(field["map"]) == quarter_of_ids()[0]).all()


def test_pixels_of_other_classes_are_255_in_the_map(tmp_path: Path) -> None:
    served = load(tmp_path, "semantic", quarter_of_ids())
    result = predict(served, classes=("clock",))
    assert np.unique(result.ids).tolist() == [2, 255]
    assert result.counts == [(2, SIDE * SIDE // 4)]
    assert result.ignored == ()


def test_class_255_and_pixels_of_other_classes_are_different_values(tmp_path: Path) -> None:
    ids = quarter_of_ids()
    ids[ids == 2] = 255
    served = load(tmp_path, "semantic", ids, str({number: f"class {number}" for number in range(256)}))
    result = predict(served, classes=(255,))
    assert np.unique(result.ids).tolist() == [255, 65535]
    assert result.counts == [(255, SIDE * SIDE // 4)]
    field = map_fields.fields(result, None)["semantic"]["map"]
    assert (decoded(field) == result.ids).all()
    annotated = Image.new("RGB", (SIDE, SIDE), (100, 100, 100))
    maps.draw(annotated, "semantic", field)
    assert annotated.getpixel((63, 63)) == (50, 50, 50)
    assert annotated.getpixel((0, 0)) != (50, 50, 50)


def test_one_class_is_where_its_logit_is_above_zero(tmp_path: Path) -> None:
    logits = np.full((1, 1, 8, 8), -1, np.float32)
    logits[..., :4] = 1
    result = predict(load(tmp_path, "semantic", logits, "{0: 'gauge'}"), classes=(0,))
    assert (result.ids[:, :32] == 1).all()
    assert (result.ids[:, 32:] == 0).all()
    assert response.result_body(result)["semantic"]["classes"] == [{"class_name": "gauge", "class_id": 0, "share": 0.5}]
    assert result.ignored == ("classes",)


@pytest.mark.parametrize("task", ["semantic", "depth"])
def test_options_of_boxes_are_ignored(tmp_path: Path, task: str) -> None:
    output = halves() if task == "semantic" else np.ones((1, 1, 8, 8), np.float32)
    served = load(tmp_path, task, output)
    options = {"conf": 0.9, "iou": 0.1, "max_det": 1, "agnostic": True, "masks": "rle"}
    assert set(predict(served, **options).ignored) == set(options)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e31])
@pytest.mark.parametrize("task", ["semantic", "depth"])
def test_output_that_is_not_finite_is_an_error(tmp_path: Path, task: str, value: float) -> None:
    served = load(tmp_path, task, np.zeros((1, 3 if task == "semantic" else 1, 8, 8), np.float32))
    outputs = [np.full((1, 3 if task == "semantic" else 1, 8, 8), value, np.float32)]

    class Session:
        def __getattr__(self, name: str) -> Any:
            return getattr(served.session, name)

        def run(self, *_: Any) -> list[np.ndarray]:
            return outputs

    with pytest.raises(InternalError, match="NaN, infinity or a number beyond"):
        predict(served._replace(session=Session()))  # type: ignore[arg-type]


def test_class_id_without_a_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="class id"):
        predict(load(tmp_path, "semantic", quarter_of_ids() * 2))


@pytest.mark.parametrize(("task", "shape"), [("semantic", (1, 5, 8, 8)), ("depth", (1, 2, 8, 8)), ("depth", (1, 64))])
def test_output_of_another_shape_is_refused(tmp_path: Path, task: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusableModel, match=f"the output of a {task} model with C = 3 must be"):
        load(tmp_path, task, np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(1, 1, SIDE, SIDE), (1, SIDE, SIDE)])
def test_depth_is_scale_times_value_plus_offset(tmp_path: Path, shape: tuple[int, ...]) -> None:
    distances = np.linspace(0.5, 4, SIDE * SIDE, dtype=np.float32).reshape(shape)
    body = response.result_body(predict(load(tmp_path, "depth", distances, "{0: 'depth'}")))
    field = body["depth"]
    assert (field["min"], field["max"]) == (0.5, 4)
    steps = decoded(field["map"])
    assert steps.dtype == np.uint16
    actual = steps * field["map"]["scale"] + field["map"]["offset"]
    np.testing.assert_allclose(actual, distances.reshape(SIDE, SIDE), rtol=0.001)


def test_constant_depth_has_the_scale_zero(tmp_path: Path) -> None:
    result = predict(load(tmp_path, "depth", np.full((1, 1, 8, 8), 2.5, np.float32)))
    assert (result.depth.scale, result.depth.offset) == (0, 2.5)
    assert not result.depth.steps.any()


def noise(width: int, height: int) -> Depth:
    steps = np.random.default_rng(1).integers(0, 65536, (height, width), np.uint16)
    return Depth(None, (width, height), DepthMap(steps, 1e-4, 0.5, 0.5, 7.0535), METADATA, UNTIMED)


def test_map_of_12_megapixels_fits_into_a_response() -> None:
    body = response.result_body(noise(4000, 3000), response.MAX_BODY_BYTES)
    assert len(json.dumps(body)) <= response.MAX_BODY_BYTES
    field = body["depth"]["map"]
    assert field["reduced"] == {"scale": round(field["width"] / 4000, 4)}
    assert decoded(field).shape == (field["height"], field["width"])
    assert field["width"] > 1000


def test_map_is_not_reduced_without_a_limit() -> None:
    result = noise(400, 300)
    field = response.result_body(result)["depth"]["map"]
    assert "reduced" not in field
    assert (decoded(field) == result.depth.steps).all()


def test_reduced_map_has_pixels_of_the_map() -> None:
    steps = np.repeat(np.arange(256, dtype=np.uint16), 1000).reshape(512, 500)
    result = Depth(None, (500, 512), DepthMap(steps, 1.0, 0.0, 0.0, 255.0), METADATA, UNTIMED)
    field = map_fields.fields(result, 3500)["depth"]["map"]
    rows = ((np.arange(field["height"]) + 0.5) * 512 / field["height"]).astype(int)
    assert (decoded(field)[:, 0] == steps[rows, 0]).all()


def test_response_without_room_for_a_map_is_an_error() -> None:
    with pytest.raises(TooLarge, match="room for a map"):
        map_fields.fields(noise(100, 100), 2050)


def test_annotated_image_shows_the_classes(tmp_path: Path) -> None:
    body = response.result_body(predict(load(tmp_path, "semantic", quarter_of_ids())))
    annotated = draw.annotate(Image.new("RGB", (SIDE, SIDE)), body)
    assert annotated.getpixel((5, 5)) == tuple(value // 2 for value in of_class(2))
    assert annotated.getpixel((60, 60)) == tuple(value // 2 for value in of_class(0))


def test_annotated_image_shows_near_pixels_red_and_far_ones_blue(tmp_path: Path) -> None:
    distances = np.full((1, 1, SIDE, SIDE), 5, np.float32)
    distances[..., :32] = 1
    body = response.result_body(predict(load(tmp_path, "depth", distances)))
    annotated = np.asarray(draw.annotate(Image.new("RGB", (SIDE, SIDE)), body)).astype(int)
    assert annotated[30, 5, 0] > annotated[30, 5, 2]
    assert annotated[30, 60, 2] > annotated[30, 60, 0]


def respond(handler: Any, served: Model, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(handler, "MODEL", served)
    reply = handler.lambda_handler(event, Context())
    body: dict[str, Any] = json.loads(reply["body"])
    return body


class Context:
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def test_list_of_images_has_a_map_for_each(handler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = load(tmp_path, "semantic", quarter_of_ids())
    image = {"image_data": base64.b64encode(IMAGE).decode()}
    body = respond(handler, served, {"images": [image, image | {"classes": ["clock"]}]}, monkeypatch)
    first, second = (row["semantic"] for row in body["results"])
    assert [row["class_name"] for row in first["classes"]] == ["wall", "clock"]
    assert [row["class_name"] for row in second["classes"]] == ["clock"]


def test_annotated_image_is_beside_the_map(handler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = load(tmp_path, "depth", np.ones((1, 1, 8, 8), np.float32))
    body = respond(
        handler, served, {"image_data": base64.b64encode(IMAGE).decode(), "annotate": True, "conf": 0.5}, monkeypatch
    )
    assert (body["annotated_image"]["width"], body["depth"]["map"]["width"]) == (SIDE, SIDE)
    assert body["ignored"] == ["conf"]


def test_four_large_maps_fit_into_one_response() -> None:
    maps = [noise(1500, 1200) for _ in range(4)]
    share = response.MAX_BODY_BYTES // len(maps)
    assert sum(len(json.dumps(response.result_body(one, share))) for one in maps) <= response.MAX_BODY_BYTES


def test_unknown_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="unknown class"):
        predict(load(tmp_path, "semantic", halves()), classes=("cat",))
