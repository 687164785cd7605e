import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function import model, predictor
from function.errors import InternalError, InvalidOption
from function.model import Model
from function.predictor import predict
from function.preprocess import letterbox
from function.request import Options
from function.results import Prediction
from function.settings import Settings
from tests.conftest import RED_CELL, encode, image_with_box
from tests.support import color_model


def predicted(served: Model, settings: Settings, data: bytes, **options: object) -> Prediction:
    return predict(served, settings, data, Options(**options), "a.png")


def test_image_without_objects_has_no_detections(served: Model, settings: Settings) -> None:
    prediction = predicted(served, settings, encode(Image.new("RGB", (320, 320), (114, 114, 114))))
    assert prediction.boxes_xyxy.shape == (0, 4)


def test_red_cell_is_detected_at_its_position(served: Model, settings: Settings, red_png: bytes) -> None:
    prediction = predicted(served, settings, red_png)
    assert prediction.boxes_xyxy.tolist() == [list(RED_CELL)]
    assert prediction.class_ids.tolist() == [0]
    assert prediction.scores[0] > 0.99


@pytest.mark.parametrize("conf", [0.001, 0.25, 0.999])
@pytest.mark.parametrize("sides", [("height", "width"), (320, 320)])
def test_model_that_ends_at_its_maps_has_the_same_detections(
    sides: tuple[int | str, int | str], conf: float, settings: Settings, tmp_path: Path
) -> None:
    drawn = image_with_box((640, 250), (64, 64, 192, 128))
    drawn.paste((0, 0, 255), (384, 64, 512, 192))
    expected, found = (
        predicted(model.load(save(tmp_path / "m.onnx", sides), threads=1), settings, encode(drawn), conf=conf)
        for save in (color_model.save, color_model.save_maps)
    )
    assert found.class_ids.tolist() == expected.class_ids.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, rtol=0, atol=1e-3)


def test_infinite_box_in_a_map_is_an_internal_error(
    settings: Settings, red_png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = model.load(color_model.save_maps(tmp_path / "m.onnx"), threads=1)
    run = model.run

    def infinite(*arguments: Any) -> list[Any]:
        boxes, logits = run(*arguments)
        return [boxes * np.float32(np.inf), logits]

    monkeypatch.setattr(predictor.model, "run", infinite)
    with pytest.raises(InternalError, match="NaN or infinity"):
        predicted(served, settings, red_png)


@pytest.mark.parametrize("size", [(640, 640), (640, 320), (320, 640), (160, 96), (1280, 512)])
def test_boxes_are_in_pixels_of_an_image_of_any_size(served: Model, settings: Settings, size) -> None:
    scale = max(size) / 320
    box = tuple(int(side * scale) for side in (0, 0, 64, 32))
    prediction = predicted(served, settings, encode(image_with_box(size, box)))
    assert prediction.size_wh == size
    corners = prediction.boxes_xyxy
    assert [*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)] == pytest.approx(box, abs=1e-3)


def test_boxes_are_in_pixels_of_the_upright_image(served: Model, settings: Settings) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored rotated, lying on its left side
    upright = image_with_box((192, 320), (0, 0, 32, 32))
    data = encode(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    prediction = predicted(served, settings, data)
    assert prediction.size_wh == (192, 320)
    assert prediction.boxes_xyxy.tolist() == [[0, 0, 32, 32]]


def test_detections_are_sorted_best_first(served: Model, settings: Settings) -> None:
    drawn = image_with_box()
    drawn.paste((150, 0, 0), (128, 128, 160, 160))
    prediction = predicted(served, settings, encode(drawn))
    assert prediction.boxes_xyxy[:, 0].tolist() == [32, 128]
    assert prediction.scores[0] > prediction.scores[1] > 0.5


@pytest.mark.parametrize(("classes", "count"), [((0,), 1), (("red",), 1), ((1,), 0), (("blue",), 0), ((1, "red"), 1)])
def test_classes_are_filtered_by_id_or_name(served: Model, settings: Settings, red_png: bytes, classes, count) -> None:
    assert predicted(served, settings, red_png, classes=classes).scores.size == count


@pytest.mark.parametrize("requested", [2, -1, "green", "2"])
def test_unknown_class_is_rejected(served: Model, settings: Settings, red_png: bytes, requested) -> None:
    with pytest.raises(InvalidOption, match=f"^unknown class {requested!r}; available: 0 red, 1 blue$"):
        predicted(served, settings, red_png, classes=(requested,))


@pytest.mark.parametrize(
    ("requested", "class_id"), [("1", 0), (1, 1), ("0", 0), (0, 0), ("", 1), (" 1 ", 0), (" ", 1), ("00", 0)]
)
def test_text_is_a_class_name_first_and_a_number_an_id(
    tmp_path: Path, settings: Settings, requested: int | str, class_id: int
) -> None:
    numbered = model.load(color_model.save(tmp_path / "m.onnx", names="{0: '1', 1: ''}"), threads=1)
    drawn = image_with_box()
    drawn.paste((0, 0, 255), (128, 128, 160, 160))
    assert predicted(numbered, settings, encode(drawn), classes=(requested,)).class_ids.tolist() == [class_id]


def test_error_for_an_unknown_class_lists_at_most_20_names(tmp_path: Path, settings: Settings, red_png: bytes) -> None:
    names = {class_id: f"class-{class_id}" for class_id in range(2)}
    crowded = model.load(color_model.save(tmp_path / "m.onnx", names=str(names)), threads=1)
    metadata = crowded.metadata._replace(names={class_id: f"class-{class_id}" for class_id in range(80)})
    with pytest.raises(InvalidOption) as caught:
        predicted(crowded._replace(metadata=metadata), settings, red_png, classes=("x",))
    assert str(caught.value).count("class-") == 20
    assert str(caught.value).endswith("19 class-19, and 60 more")


@pytest.mark.parametrize(
    ("options", "ignored"),
    [
        ({}, ()),
        ({"conf": 0.3}, ("conf",)),
        ({"conf": 0.4}, ()),
        ({"conf": 0.5, "classes": (0,), "max_det": 9}, ()),
        ({"conf": 0.1, "iou": 0.5, "agnostic": False}, ("conf", "iou", "agnostic")),
    ],
)
def test_option_without_an_effect_on_an_embedded_nms_is_listed(
    served: Model, settings: Settings, red_png: bytes, options: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    metadata, layout = served.metadata._replace(nms_conf=0.4), served.layout._replace(needs_nms=False)
    embedded = served._replace(metadata=metadata, layout=layout)
    assert predicted(embedded, settings, red_png, **options).ignored == ignored


def test_masks_are_listed_for_a_model_without_masks(served: Model, settings: Settings, red_png: bytes) -> None:
    assert predicted(served, settings, red_png, masks="none", conf=0.1, iou=0.2).ignored == ("masks",)


def test_name_of_two_classes_selects_both(tmp_path: Path, settings: Settings) -> None:
    twins = model.load(color_model.save(tmp_path / "m.onnx", names="{0: 'dial', 1: 'dial'}"), threads=1)
    drawn = image_with_box()
    drawn.paste((0, 0, 255), (128, 128, 160, 160))
    assert sorted(predicted(twins, settings, encode(drawn), classes=("dial",)).class_ids) == [0, 1]


def test_options_override_settings(served: Model, settings: Settings) -> None:
    data = encode(image_with_box(box=(0, 0, 320, 320)))
    assert predicted(served, settings, data).scores.size == 100
    assert predicted(served, settings, data, max_det=7).scores.size == 7
    assert predicted(served, settings._replace(max_det=5), data).scores.size == 5
    assert predicted(served, settings, data, conf=1).scores.size == 0
    assert predicted(served, settings._replace(conf=1.0), data).scores.size == 0


def test_static_model_detects_at_the_same_coordinates(tmp_path, settings: Settings) -> None:
    static = model.load(color_model.save(tmp_path / "m.onnx", sides=(320, 320)), threads=1)
    prediction = predicted(static, settings, encode(image_with_box((640, 384), (0, 0, 64, 64))))
    assert prediction.boxes_xyxy.tolist() == [[0, 0, 64, 64]]


def test_timing_has_every_step(served: Model, settings: Settings, red_png: bytes) -> None:
    assert all(milliseconds > 0 for milliseconds in predicted(served, settings, red_png).timing)


def test_same_image_twice_gives_equal_results(served: Model, settings: Settings) -> None:
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 177, 3), dtype=np.uint8)).save(data, "PNG")
    first, second = (predicted(served, settings, data.getvalue(), conf=0.0001) for _ in range(2))
    np.testing.assert_array_equal(first.boxes_xyxy, second.boxes_xyxy)
    np.testing.assert_array_equal(first.scores, second.scores)


@pytest.mark.parametrize("size", [(1280, 1280), (2560, 1280), (1283, 1277)])
def test_fast_decode_boxes_are_in_pixels_of_the_full_image(served: Model, size: tuple[int, int]) -> None:
    scale = max(size) / 320
    box = tuple(int(side * scale) for side in (32, 32, 64, 64))
    data = encode(image_with_box(size, box), "JPEG", quality=95)
    prediction = predicted(served, Settings.from_env({"FAST_DECODE": "1"}), data)
    assert prediction.size_wh == size
    assert prediction.boxes_xyxy[0].tolist() == pytest.approx(box, abs=scale)


def test_without_fast_decode_the_image_is_decoded_at_full_size(
    served: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.draft", lambda *_: 1 / 0)
    data = encode(image_with_box((1280, 1280)), "JPEG")
    predicted(served, settings, data)
    with pytest.raises(ZeroDivisionError):
        predicted(served, Settings.from_env({"FAST_DECODE": "1"}), data)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 4])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_output_with_nan_or_infinity_is_an_internal_error(
    served: Model, settings: Settings, red_png: bytes, monkeypatch: pytest.MonkeyPatch, row: int, number: float
) -> None:
    output = np.full((1, 6, 4), 0.5, dtype=np.float32)
    output[0, row, 0] = number
    monkeypatch.setattr(model, "run", lambda *_: [output])
    if row == 4 and np.isnan(number):  # NaN is not above the threshold
        assert predicted(served, settings, red_png).scores.size < 4
        return
    with pytest.raises(InternalError, match="contains NaN or infinity"):
        predicted(served, settings, red_png)


@pytest.mark.parametrize(("environ", "shape_hw"), [({}, (1280, 1280)), ({"FAST_DECODE": "1"}, (320, 320))])
def test_fast_decode_decodes_no_more_pixels_than_the_model_needs(
    served: Model, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], shape_hw: tuple[int, int]
) -> None:
    decoded: list[tuple[int, ...]] = []
    to_tensor = letterbox.to_tensor
    monkeypatch.setattr(letterbox, "to_tensor", lambda rgb, fit: decoded.append(rgb.shape[:2]) or to_tensor(rgb, fit))
    predicted(served, Settings.from_env(environ), encode(image_with_box((1280, 1280)), "JPEG"))
    assert decoded == [shape_hw]
