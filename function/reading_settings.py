"""Settings of readings: the texts that a second model gives for detections. `Settings` reads the environment variables.

Loaded only if one of the variables READ_* is set, or a model that reads is in one of the zips.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from function.errors import InvalidSetting, shown

PROMPT = (
    "The image shows one measuring instrument. Reply with its reading only: the value and the unit, "
    "such as 4.2 bar. If it cannot be read, reply: not readable."
)
MAX_PROMPT = 4000  # characters; every reading sends and pays them
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,2047}", re.ASCII)  # an id, or an ARN; Bedrock API, `Converse`
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
SCALE = re.compile(rf"({NUMBER})\s*:\s*({NUMBER})(?:\s+(\S.*))?", re.ASCII)
# A unit without the space before it. `0:1e5` is another mistake: a number with an exponent.
JOINED_UNIT = re.compile(rf"{NUMBER}\s*:\s*{NUMBER}(?![eE][+-]?\d)[^\s\d.,:+-].*", re.ASCII)
MAX_UNIT = 40  # characters
MAX_VALUE, MIN_RANGE = 1e9, 1e-6  # of the values of a scale: float64 has 15 digits
OF_POSE_MODELS = ("READ_MODEL_SHA256", "READ_SCALE")


class Scale(NamedTuple):
    """Values at the two ends of a scale."""

    start: float
    end: float
    unit: str  # "" for none


class ReadingSettings(NamedTuple):
    """Which detections are read, and with what; exactly one of `model_id` and `model_path` is not None."""

    model_id: str | None  # Bedrock model, inference profile or ARN
    model_path: str | None  # ONNX pose model: file or s3://bucket/key; the file in a zip if no variable names a model
    model_sha256: str | None  # expected checksum of that file; None: not checked
    classes: tuple[str, ...]  # names or ids; (): every class
    prompt: str
    max_crops: int  # of one image
    scale: Scale | None  # None: a reading is a share of the scale, 0..1
    is_packed: bool = False  # `model_path` is the file in a zip

    @property
    def file_name(self) -> str:
        """Name of the file of the pose model, for callers; "" for Bedrock."""
        return (self.model_path or "").rpartition("/")[2]

    @property
    def origin(self) -> str:
        """Name of the model for messages: the variable that names it, or the path of the file in a zip."""
        if self.is_packed:
            return str(self.model_path)
        return "READ_MODEL_ID" if self.model_id else "READ_MODEL_PATH"


def parse(values: Mapping[str, str], max_crops: int, sha256: str | None, packed: str | None = None) -> ReadingSettings:
    """Return the settings of readings.

    Args:
        values: text of the variables READ_*, without spaces at its ends; an empty text means "not set".
        max_crops: READ_MAX_CROPS, parsed.
        sha256: READ_MODEL_SHA256, parsed.
        packed: path of a pose model in one of the zips, which is used if no variable names a model; None: none.

    Raises:
        InvalidSetting: a variable has an invalid value or no effect, or two of them exclude each other.
    """
    model_id, model_path = values["READ_MODEL_ID"] or None, values["READ_MODEL_PATH"] or None
    if model_id and model_path:
        raise InvalidSetting("exactly one of READ_MODEL_ID and READ_MODEL_PATH must be set, got both")
    is_packed = bool(packed) and not (model_id or model_path)
    _check_effect(values, has_pose_model=is_packed or bool(model_path))
    if model_id and not MODEL_ID.fullmatch(model_id):
        raise InvalidSetting(f"READ_MODEL_ID must be a model id, inference profile or ARN, got {shown(model_id)}")
    if len(values["READ_PROMPT"]) > MAX_PROMPT:
        length = len(values["READ_PROMPT"])
        raise InvalidSetting(f"READ_PROMPT must have at most {MAX_PROMPT} characters, got {length}")
    classes = tuple(name.strip() for name in values["READ_CLASSES"].split(",") if name.strip())
    if values["READ_CLASSES"] and not classes:
        raise InvalidSetting(f"READ_CLASSES must be class names with commas, got {shown(values['READ_CLASSES'])}")
    prompt = values["READ_PROMPT"] or PROMPT
    path = packed if is_packed else model_path
    return ReadingSettings(model_id, path, sha256, classes, prompt, max_crops, _scale(values["READ_SCALE"]), is_packed)


def _check_effect(values: Mapping[str, str], has_pose_model: bool) -> None:
    """Check that there is a model that reads, and that every variable that is set belongs to it.

    A variable without an effect would be a mistake that nobody sees.
    """
    if not (values["READ_MODEL_ID"] or has_pose_model):
        names = ", ".join(name for name, value in values.items() if value)
        raise InvalidSetting(
            "READ_MODEL_ID or READ_MODEL_PATH must be set to have detections read, or the zips have a model that reads "
            f"(build_zip.sh --read-model), got only {names}"
        )
    for name in () if has_pose_model else OF_POSE_MODELS:
        if values[name]:
            raise InvalidSetting(
                f"{name} must be set only with a pose model, not with READ_MODEL_ID, got {shown(values[name])}"
            )
    if values["READ_PROMPT"] and not values["READ_MODEL_ID"]:
        raise InvalidSetting(f"READ_PROMPT must be set only with READ_MODEL_ID, got {shown(values['READ_PROMPT'])}")


def _scale(text: str) -> Scale | None:
    if not text:
        return None
    if match := SCALE.fullmatch(text):
        scale = Scale(float(match[1]), float(match[2]), match[3] or "")
        is_usable = max(abs(scale.start), abs(scale.end)) <= MAX_VALUE and abs(scale.end - scale.start) >= MIN_RANGE
        if is_usable and scale.unit.isprintable() and len(scale.unit) <= MAX_UNIT:
            return scale
    if JOINED_UNIT.fullmatch(text):
        raise InvalidSetting(
            f"READ_SCALE must have a space between its numbers and the unit, such as 0:10 bar, got {shown(text)}"
        )
    raise InvalidSetting(
        f"READ_SCALE must be two different numbers and, if there is one, a unit, such as 0:10 bar, got {shown(text)}; "
        f"the numbers must be at most {MAX_VALUE:g} and {MIN_RANGE:g} apart, the unit at most {MAX_UNIT} characters"
    )
