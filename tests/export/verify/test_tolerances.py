"""Tolerances of the export: a model that differs by ten times a tolerance is refused, whatever else agrees."""

import numpy as np
import pytest

from export.verify import Comparison
from export.verify.boxes import BoxComparison
from export.verify.inputs import ModelInput

IMAGE = ModelInput("drawn", np.zeros((1, 3, 32, 32), dtype=np.float32))
SAME = BoxComparison((3, 3), 3, 1.0, 0.0)
# Measured on trained models: 3e-4 px and 2e-6 of a score. Differences below these numbers are rounding.
ROUNDING = {
    "boxes px": 2e-3,
    "scores": 2e-5,
    "keypoints px": 2e-3,
    "visibility": 2e-5,
    "angles": 1e-4,
    "coefficients": 1e-4,
    "prototypes": 1e-4,
}


def is_ok(differences: dict[str, float], rounding: dict[str, float]) -> bool:
    return Comparison(IMAGE, differences, rounding, SAME, is_stable=True).is_ok


@pytest.mark.parametrize("name", ROUNDING)
@pytest.mark.parametrize(("factor", "expected"), [(0.5, True), (0.99, True), (10, False), (100, False)])
def test_difference_of_ten_tolerances_is_refused(name: str, factor: float, expected: bool) -> None:
    assert is_ok({name: factor * ROUNDING[name]}, {name: 0.0}) is expected


@pytest.mark.parametrize(("factor", "expected"), [(5, True), (15, True), (40, False), (200, False)])
def test_difference_of_forty_times_the_rounding_of_torch_is_refused(factor: float, expected: bool) -> None:
    assert is_ok({"boxes px": factor * 1.0}, {"boxes px": 1.0}) is expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (BoxComparison((1, 1), 1, 0.998, 0.001), True),
        (BoxComparison((1, 1), 1, 0.99, 0.0), False),
        (BoxComparison((1, 1), 1, 1.0, 0.01), False),
    ],
)
def test_paired_boxes_agree_within_two_thousandths(comparison: BoxComparison, expected: bool) -> None:
    assert comparison.agrees is expected
