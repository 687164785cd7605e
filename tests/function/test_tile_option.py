"""The option `tile` and the settings of its defaults."""

from typing import Any

import pytest

from function.errors import InvalidOption, InvalidSetting
from function.request import TileOption, read_options
from function.settings import Settings

VALUES: tuple[tuple[Any, Any], ...] = (
    (640, TileOption(640, None, True)),
    ("640", TileOption(640, None, True)),
    (640.0, TileOption(640, None, True)),
    ({"size": 640, "overlap": 0.3, "full": False}, TileOption(640, 0.3, False)),
    ('{"size": 640, "overlap": 0, "full": true}', TileOption(640, 0.0, True)),
    ({"size": 32, "overlap": None, "full": None}, TileOption(32, None, True)),
    (False, False),
    ("false", False),
)
WRONG: tuple[tuple[Any, str], ...] = (
    (31, "tile must be an integer between 32 and 65500, got 31"),
    (65501, "tile must be an integer between 32 and 65500, got 65501"),
    (0, "tile must be an integer between 32 and 65500, got 0"),
    (640.5, "tile must be an integer between 32 and 65500, got 640.5"),
    ("nan", 'tile must be a size such as 640, or {"size": 640, "overlap": 0.2, "full": true}, or false, got \'nan\''),
    ("NaN", "tile must be an integer between 32 and 65500, got nan"),
    (True, 'tile must be a size such as 640, or {"size": 640, "overlap": 0.2, "full": true}, or false, got true'),
    ([640], "tile must be a size such as 640, "),
    ({}, "size of tile must be an integer between 32 and 65500, got "),
    ({"size": "640"}, "size of tile must be an integer between 32 and 65500, got '640'"),
    ({"size": 640, "overlap": 1}, "overlap of tile must be between 0 and 0.9, got 1"),
    ({"size": 640, "overlap": -0.1}, "overlap of tile must be between 0 and 0.9, got -0.1"),
    ({"size": 640, "full": 1}, "full of tile must be true or false, got 1"),
    ({"size": 640, "step": 1}, "unknown field 'step' of tile; available: size, overlap, full"),
    ('{"size": 640', "tile must be a size such as 640, "),
)


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_tile_is_read_from_json_and_from_text(value: Any, expected: Any) -> None:
    assert read_options({"tile": value}).tile == expected


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_wrong_tile_is_refused_with_what_is_allowed(value: Any, message: str) -> None:
    with pytest.raises(InvalidOption) as error:
        read_options({"tile": value})
    assert str(error.value).startswith(message)


def test_empty_tile_is_not_set() -> None:
    assert read_options({"tile": "", "merge": None}).tile is None


def test_unknown_merge_is_refused() -> None:
    with pytest.raises(InvalidOption, match="merge must be greedy_nmm or nms, got 'nmm'"):
        read_options({"tile": 640, "merge": "nmm"})


def test_overlap_beside_tile_is_the_threshold_of_nms() -> None:
    options = read_options({"tile": 640, "overlap": 0.5})
    assert (options.iou, options.tile) == (0.5, TileOption(640, None, True))


def test_settings_have_the_defaults_of_sahi() -> None:
    settings = Settings.from_env({})
    assert (settings.tile, settings.tile_overlap, settings.tile_merge) == (None, 0.2, None)


def test_settings_are_read_from_the_environment() -> None:
    settings = Settings.from_env({"TILE": " 320 ", "TILE_OVERLAP": "0.5", "TILE_MERGE": "nms"})
    assert (settings.tile, settings.tile_overlap, settings.tile_merge) == (320, 0.5, "nms")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TILE", "31", "an integer between 32 and 65500, got '31'"),
        ("TILE", '{"size": 640}', "an integer between 32 and 65500, got '{\"size\": 640}'"),
        ("TILE_OVERLAP", "0.95", "between 0 and 0.9, got 0.95"),
        ("TILE_OVERLAP", "half", "a number between 0 and 1, got 'half'"),
        ("TILE_MERGE", "nmm", "greedy_nmm or nms, got 'nmm'"),
    ],
)
def test_wrong_setting_is_refused_with_what_is_allowed(name: str, value: str, expected: str) -> None:
    with pytest.raises(InvalidSetting) as error:
        Settings.from_env({name: value})
    assert str(error.value) == f"{name} must be {expected}"
