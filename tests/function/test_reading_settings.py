"""Environment variables of readings."""

import re
from pathlib import Path

import pytest

from function import settings
from function.errors import InvalidSetting
from function.reading_settings import PROMPT, ReadingSettings, Scale
from function.settings import Settings

ID = {"READ_MODEL_ID": "eu.amazon.nova-lite-v1:0"}
PATH = {"READ_MODEL_PATH": "dial.onnx"}


def reading(environ: dict[str, str]) -> ReadingSettings:
    found = Settings.from_env(environ).reading
    assert found
    return found


@pytest.mark.parametrize("environ", [{}, {"READ_MODEL_ID": " "}, {"READ_CLASSES": "", "READ_MAX_CROPS": " "}])
def test_detections_are_not_read_by_default(environ: dict[str, str]) -> None:
    assert Settings.from_env(environ).reading is None


def test_defaults() -> None:
    expected = ReadingSettings("eu.amazon.nova-lite-v1:0", None, None, (), PROMPT, 8, None)
    assert reading(ID) == expected
    assert reading(PATH) == expected._replace(model_id=None, model_path="dial.onnx")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"READ_CLASSES": "gauge", "READ_SCALE": "0:1"},
            r"must be set to have detections read, or .* \(build_zip.sh --read-model\), got only READ_CLASSES, ",
        ),
        ({"READ_MAX_CROPS": "3"}, "READ_MODEL_ID or READ_MODEL_PATH must be set"),
        (ID | {"READ_SCALE": "0:10 bar"}, "READ_SCALE must be set only with a pose model, not with READ_MODEL_ID"),
        (ID | {"READ_MODEL_SHA256": "ab" * 32}, "READ_MODEL_SHA256 must be set only with a pose model, not with READ"),
        (PATH | {"READ_PROMPT": "?"}, "READ_PROMPT must be set only with READ_MODEL_ID"),
    ],
)
def test_variable_without_an_effect_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        Settings.from_env(environ)


@pytest.mark.parametrize("name", ["TASK_READER", "LAYER_READER"])
def test_packed_model_reads_if_no_variable_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "reader.onnx"
    path.touch()
    monkeypatch.setattr(settings, name, str(path))
    expected = ReadingSettings(None, str(path), None, (), PROMPT, 8, None, is_packed=True)
    assert reading({}) == expected
    environ = {"READ_SCALE": "0:10 bar", "READ_CLASSES": "gauge", "READ_MAX_CROPS": "2", "READ_MODEL_SHA256": "ab" * 32}
    assert reading(environ) == expected._replace(
        scale=Scale(0, 10, "bar"), classes=("gauge",), max_crops=2, model_sha256="ab" * 32
    )
    with pytest.raises(InvalidSetting, match="READ_PROMPT must be set only with READ_MODEL_ID"):
        Settings.from_env({"READ_PROMPT": "?"})


def test_variables_win_over_the_packed_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reader.onnx"
    path.touch()
    monkeypatch.setattr(settings, "TASK_READER", str(path))
    for environ in (ID, PATH):
        found = reading(environ)
        named = {"READ_MODEL_ID": found.model_id, "READ_MODEL_PATH": found.model_path}
        assert {name: value for name, value in named.items() if value} == environ
        assert not found.is_packed
    with pytest.raises(InvalidSetting, match="READ_SCALE must be set only with a pose model, not with READ_MODEL_ID"):
        Settings.from_env(ID | {"READ_SCALE": "0:10 bar"})


def test_packed_model_of_the_function_is_preferred_as_the_detector_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TASK_READER", "LAYER_READER"):
        (tmp_path / name).touch()
        monkeypatch.setattr(settings, name, str(tmp_path / name))
    assert reading({}).model_path == str(tmp_path / "TASK_READER")


def test_values_are_read() -> None:
    environ = {"READ_CLASSES": "Pressure gauge, 3,", "READ_PROMPT": " How\nmuch? ", "READ_MAX_CROPS": "20"}
    found = reading(ID | environ)
    assert (found.classes, found.prompt, found.max_crops) == (("Pressure gauge", "3"), "How\nmuch?", 20)
    assert reading(PATH | {"READ_MODEL_SHA256": "AB" * 32}).model_sha256 == "ab" * 32


@pytest.mark.parametrize(
    "environ", [{}, {"READ_SCALE": "0:10 bar", "READ_CLASSES": "gauge"}, ID, PATH | {"READ_SCALE": "wrong"}]
)
@pytest.mark.parametrize("is_packed", [True, False])
def test_zero_crops_turn_readings_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], is_packed: bool
) -> None:
    path = tmp_path / "reader.onnx"
    monkeypatch.setattr(settings, "TASK_READER", str(path))
    if is_packed:
        path.touch()
    assert Settings.from_env(environ | {"READ_MAX_CROPS": "0"}).reading is None


def test_number_of_crops_may_be_zero_and_the_message_says_so() -> None:
    with pytest.raises(InvalidSetting, match="READ_MAX_CROPS must be an integer of at least 0, got '-1'"):
        Settings.from_env(ID | {"READ_MAX_CROPS": "-1"})


@pytest.mark.parametrize("text", ["0:10bar", "0 : 1.6MPa", "0:100%", "-1:3°C", "0:10(bar)", "0:10e"])
def test_missing_space_before_the_unit_is_named(text: str) -> None:
    message = rf"READ_SCALE must have a space between .*, such as 0:10 bar, got {re.escape(repr(text))}"
    with pytest.raises(InvalidSetting, match=message):
        Settings.from_env(PATH | {"READ_SCALE": text})


def test_both_models_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="exactly one of READ_MODEL_ID and READ_MODEL_PATH must be set, got both"):
        Settings.from_env(ID | PATH)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("0:10 bar", Scale(0, 10, "bar")),
        (" -1 : 1.6  kg/cm2 ", Scale(-1, 1.6, "kg/cm2")),
        ("0:100", Scale(0, 100, "")),
        ("100:.5 % of full", Scale(100, 0.5, "% of full")),
        ("0:6 °C", Scale(0, 6, "°C")),
        ("", None),
    ],
)
def test_scale_is_read(text: str, scale: Scale | None) -> None:
    assert reading(PATH | {"READ_SCALE": text}).scale == scale


@pytest.mark.parametrize(
    "text", ["10 bar", "0-10 bar", "0:1e5bar", "5:5 bar", "a:b", "0:", ":10", "nan:1", "0:1e5", f"0:{'9' * 400}",
             f"0:{'9' * 308}", f"-1:{'9' * 10}", f"0:0.{'0' * 322}5", "0:0.0000001", "0:1 a\nb", "0:1 " + "x" * 41,
             "٠:١", "0:1,5 bar", "0:10:20"],
)  # fmt: skip
def test_invalid_scale_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"READ_SCALE must be two different numbers and, if .* such as 0:10 bar"):
        Settings.from_env(PATH | {"READ_SCALE": text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("READ_MODEL_ID", "a model"),
        ("READ_MODEL_ID", "a\x00b"),
        ("READ_MODEL_ID", "x" * 2049),
        ("READ_CLASSES", " , ,"),
        ("READ_MAX_CROPS", "-1"),
        ("READ_MAX_CROPS", "all"),
        ("READ_MODEL_SHA256", "ab"),
        ("READ_PROMPT", "x" * 4001),
    ],
)
def test_invalid_value_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_env(ID | {name: value})
