"""Readings by a pose model of READ_MODEL_PATH."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from function import settings as function_settings
from function import storage
from function.errors import NotFound, ReadingFailed, UnusableModel
from function.model import Model
from function.readings import dial
from function.results import Reading
from function.settings import Settings
from tests.support import color_model, dial_model, tensor_models

CROP = Image.new("RGB", (100, 100), (200, 200, 200))


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., tuple[Model, Settings]]:
    """Write and load a pose model; `environ` has environment variables."""

    def make(environ: dict[str, str] | None = None, **options: Any) -> tuple[Model, Settings]:
        path = dial_model.save(tmp_path / "dial.onnx", **options)
        settings = Settings.from_env({"READ_MODEL_PATH": str(path), **(environ or {})})
        assert settings.reading
        return dial.load(settings.reading, settings), settings

    return make


def read(loaded: tuple[Model, Settings]) -> Any:
    settings = loaded[1]
    assert settings.reading
    (outcome,) = dial.read(loaded[0], [CROP], settings.reading, settings)
    return outcome


def test_value_follows_from_the_points_and_the_scale(load: Callable[..., Any]) -> None:
    outcome = read(load({"READ_SCALE": "0:10 bar"}))
    assert isinstance(outcome, Reading)
    assert (outcome.text, outcome.model) == ("8.3 bar", "dial.onnx")  # 225 of 270 degrees
    assert outcome.latency_ms > 0


def test_without_a_scale_the_text_is_a_share(load: Callable[..., Any]) -> None:
    assert read(load()).text == "0.83"


def test_crop_of_another_shape_has_the_same_angles(load: Callable[..., Any]) -> None:
    loaded, settings = load()
    (outcome,) = dial.read(loaded, [Image.new("RGB", (100, 80))], settings.reading, settings)
    assert isinstance(outcome, Reading)
    assert outcome.text == "0.83"


def test_low_confidence_of_a_point_is_an_error(load: Callable[..., Any]) -> None:
    outcome = read(load(confidences=[0.9, 0.3, 0.9, 0.9]))
    assert isinstance(outcome, ReadingFailed)
    assert "needle tip" in str(outcome)


def test_crop_without_a_dial_is_an_error(load: Callable[..., Any]) -> None:
    outcome = read(load(score=0.01))
    assert isinstance(outcome, ReadingFailed)
    assert str(outcome) == "the crop must show a dial, got none"


def test_threshold_of_the_detector_does_not_apply(load: Callable[..., Any]) -> None:
    assert isinstance(read(load({"CONF_THRESHOLD": "0.95"}, score=0.3)), Reading)


def test_checksum_is_checked_and_a_missing_one_is_a_warning(
    load: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = dial_model.save(tmp_path / "same.onnx")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    load({"READ_MODEL_SHA256": digest})
    assert "READ_MODEL_SHA256" not in caplog.text
    load()
    assert f"is not checked: set READ_MODEL_SHA256 to {digest}" in caplog.text
    with pytest.raises(UnusableModel, match="READ_MODEL_SHA256"):
        load({"READ_MODEL_SHA256": "ab" * 32})


@pytest.mark.parametrize("points", [((1, 2),) * 3, ((1, 2),) * 17])
def test_pose_model_with_other_points_is_refused(load: Callable[..., Any], points: Any) -> None:
    with pytest.raises(UnusableModel, match=f"got pose with {len(points)} points"):
        load(points=points)


def test_other_models_are_refused(tmp_path: Path) -> None:
    for path, got in (
        (color_model.save(tmp_path / "detect.onnx"), "detect"),
        (tensor_models.add(tmp_path / "add.onnx"), "a generic ONNX model"),
    ):
        settings = Settings.from_env({"READ_MODEL_PATH": str(path)})
        assert settings.reading
        with pytest.raises(UnusableModel, match=f"must be a pose model with the points .*, got {got}"):
            dial.load(settings.reading, settings)


def test_packed_model_is_read_and_its_checksum_only_if_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = dial_model.save(tmp_path / "reader.onnx")
    monkeypatch.setattr(function_settings, "TASK_READER", str(path))
    settings = Settings.from_env({"READ_SCALE": "0:10 bar"})
    assert settings.reading
    (outcome,) = dial.read(dial.load(settings.reading, settings), [CROP], settings.reading, settings)
    assert isinstance(outcome, Reading)
    assert (outcome.text, outcome.model) == ("8.3 bar", "reader.onnx")
    assert "is not checked" not in caplog.text
    with pytest.raises(UnusableModel, match=r"the sha256 of .*reader.onnx must be abab.* \(READ_MODEL_SHA256\)"):
        dial.load(settings.reading._replace(model_sha256="ab" * 32), settings)


def test_packed_model_of_another_kind_is_refused_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = color_model.save(tmp_path / "reader.onnx")
    monkeypatch.setattr(function_settings, "TASK_READER", str(path))
    settings = Settings.from_env({})
    assert settings.reading
    with pytest.raises(UnusableModel, match=r"/reader.onnx must be a pose model with the points .*, got detect"):
        dial.load(settings.reading, settings)


@pytest.mark.parametrize("path", ["/nonexistent/dial.onnx", "s3://models", "s3://models/"])
def test_missing_file_names_the_variable(path: str) -> None:
    settings = Settings.from_env({"READ_MODEL_PATH": path})
    assert settings.reading
    with pytest.raises(UnusableModel, match="READ_MODEL_PATH"):
        dial.load(settings.reading, settings)


def test_model_in_a_bucket_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = dial_model.save(tmp_path / "dial.onnx").read_bytes()

    def fake_read(bucket: str, key: str, *_: object) -> SimpleNamespace:
        if (bucket, key) != ("models", "v1/dial.onnx"):
            raise NotFound(f"s3://{bucket}/{key}: no such object")
        return SimpleNamespace(data=data)

    monkeypatch.setattr(storage, "read", fake_read)
    settings = Settings.from_env({"READ_MODEL_PATH": "s3://models/v1/dial.onnx"})
    assert settings.reading
    loaded = dial.load(settings.reading, settings)
    (outcome,) = dial.read(loaded, [CROP], settings.reading, settings)
    assert isinstance(outcome, Reading)
    assert outcome.model == "dial.onnx"
    missing = settings.reading._replace(model_path="s3://models/other.onnx")
    with pytest.raises(UnusableModel, match="no such object"):
        dial.load(missing, settings)
