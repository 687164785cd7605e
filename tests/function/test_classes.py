"""Classes by id or name."""

from time import process_time

import numpy as np
import pytest

from function import predictor
from function.classes import class_ids, thresholds
from function.errors import InvalidOption
from function.model import Model
from function.request import Options
from function.settings import Settings
from tests.conftest import encode, image_with_box

NAMES = {0: "gauge", 1: "clock", 2: "7"}


@pytest.mark.parametrize(
    ("by_class", "requested", "expected"),
    [
        ({}, {}, [0.25, 0.25, 0.25]),
        ({"gauge": 0.6}, {}, [0.6, 0.25, 0.25]),
        ({"gauge": 0.6}, {"clock": 0.3}, [0.6, 0.3, 0.25]),
        ({"gauge": 0.6}, {"gauge": 0.1}, [0.1, 0.25, 0.25]),
        ({"gauge": 0.6}, {"clock": 0.3, "*": 0.5}, [0.5, 0.3, 0.5]),
        ({}, {"0": 0.1, "7": 0.2}, [0.1, 0.25, 0.2]),
    ],
)
def test_class_without_a_threshold_of_its_own_keeps_the_default(
    by_class: dict[str, float], requested: dict[str, float], expected: list[float]
) -> None:
    assert thresholds(0.25, by_class, requested, NAMES).tolist() == np.float32(expected).tolist()


def test_unknown_class_of_a_threshold_is_refused() -> None:
    with pytest.raises(InvalidOption, match="unknown class 'cat'; available: 0 gauge, 1 clock"):
        thresholds(0.25, {}, {"cat": 0.5}, NAMES)


def test_two_thresholds_of_one_class_are_refused() -> None:
    with pytest.raises(InvalidOption, match=r"one threshold for the class 0 gauge, got 0\.1 and 0\.2"):
        thresholds(0.25, {}, {"gauge": 0.1, "0": 0.2}, NAMES)


@pytest.mark.parametrize("conf", [0.05, 0.5, 0.9])
def test_thresholds_that_are_all_equal_give_the_result_of_one(served: Model, conf: float) -> None:
    image = encode(image_with_box((320, 320), (0, 0, 150, 150)))
    settings = Settings.from_env({})
    one = predictor.predict(served, settings, image, Options(conf=conf))
    each = predictor.predict(served, settings, image, Options(conf={"red": conf, "blue": conf}))
    assert one.scores.tolist() == each.scores.tolist()
    assert one.class_ids.tolist() == each.class_ids.tolist()


def test_threshold_of_a_class_applies_to_no_other(served: Model) -> None:
    image = encode(image_with_box((320, 320), (0, 0, 150, 150)))
    found = predictor.predict(served, Settings.from_env({}), image, Options(conf={"red": 1}))
    assert 0 not in found.class_ids
    other = predictor.predict(served, Settings.from_env({"CONF_THRESHOLD": "0.25,blue:1"}), image, Options())
    assert 0 in other.class_ids


def test_many_names_of_many_classes_are_found_in_one_pass() -> None:
    """Each of 10,000 requested names takes one look-up, not one comparison with each of 5,000 names."""
    names = dict(enumerate(f"class {index}" for index in range(5000)))
    requested = tuple(f" {name} " if index % 2 else name for index, name in names.items()) * 2
    started = process_time()
    assert class_ids(requested, names).tolist() == list(names)
    assert process_time() - started < 0.5
