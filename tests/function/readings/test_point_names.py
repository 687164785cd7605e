"""Names of the keypoints: a pose model with four points of another meaning does not read dials."""

from pathlib import Path

import pytest

from function import model
from function.errors import UnusableModel
from function.readings import dial
from tests.support import dial_model

CAT = "{0: ['tail', 'nose', 'left eye', 'right eye']}"
NAMES = "['center', 'needle tip', 'scale start', 'scale end']"


def require(folder: Path, **metadata: str) -> None:
    path = dial_model.save(folder / "dial.onnx", **metadata)
    dial.require(model.load(path, 1), "READ_MODEL_PATH")


@pytest.mark.parametrize(
    "names",
    [
        f"{{0: {NAMES}}}",
        NAMES,
        "{0: ['Centre', 'Needle_Tip', 'SCALE-START', ' scale  end ']}",
        f"{{0: {NAMES}, 1: ('CENTER', 'needle-tip', 'scale start', 'scale_end')}}",
        "{0: ['pivot', 'Pointer', 'zero', 'MAX']}",
        "{0: ['dial_center', 'needle_end', 'scale_min', 'scale_max']}",
        "{0: ['0', '1', '2', '3']}",  # ultralytics writes them for a data set without names
        "{}",
        "None",
    ],
)
def test_points_of_a_dial_in_any_spelling_and_missing_names_are_accepted(tmp_path: Path, names: str) -> None:
    require(tmp_path, kpt_names=names)


@pytest.mark.parametrize(
    ("names", "got"),
    [
        (CAT, "tail, nose, left eye, right eye"),
        ("{0: ['needle tip', 'center', 'scale start', 'scale end']}", "needle tip, center, scale start, scale end"),
        ("{0: ['center', 'needle tip', 'scale end', 'scale start']}", "center, needle tip, scale end, scale start"),
        (f"{{0: {NAMES}, 1: ['a', 'b', 'c', 'd']}}", "a, b, c, d"),
        ("{0: ['center', 'needle tip', 'scale start']}", "center, needle tip, scale start"),
        ("{0: ['center', 'needle tip', 'scalestart', 'scale\\nend']}", r"center, needle tip, scalestart, scale\\nend"),
    ],
)
def test_other_points_are_refused(tmp_path: Path, names: str, got: str) -> None:
    wanted = "the points center, needle tip, scale start, scale end in this order"
    with pytest.raises(UnusableModel, match=rf"^READ_MODEL_PATH must be a pose model with {wanted}, got {got}$"):
        require(tmp_path, kpt_names=names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("{0: 'center'}", "kpt_names must be lists of names, got {0: 'center'}"),
        ("7", "kpt_names must be lists of names, got 7"),
        ("open('x')", "kpt_names must be a Python literal"),
        ("['" + "x" * 10_001 + "']", "kpt_names must have at most 10000 characters, got 10005"),
    ],
)
def test_entry_that_is_no_list_of_names_is_refused(tmp_path: Path, names: str, message: str) -> None:
    with pytest.raises(UnusableModel, match=message):
        require(tmp_path, kpt_names=names)


def test_message_has_a_limit(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"got x{200}$"):
        require(tmp_path, kpt_names=str(["x" * 900] * 4))
