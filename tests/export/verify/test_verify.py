"""Verdict for one image that both models ran on."""

import numpy as np
import pytest

from export import verify
from export.verify import Comparison
from export.verify.boxes import BoxComparison
from export.verify.inputs import ModelInput

IMAGE = ModelInput("drawn", np.zeros((1, 3, 32, 32), dtype=np.float32))
SAME, OTHER = BoxComparison((3, 3), 3, 1.0, 0.0), BoxComparison((3, 2), 2, 1.0, 0.0)
NEAR, FAR, BROKEN = (
    {"boxes px": 1e-4, "scores": 1e-6},
    {"boxes px": 1.0, "scores": 1e-6},
    {"boxes px": np.nan, "scores": 0},
)


@pytest.mark.parametrize(
    ("differences", "boxes", "is_stable", "queries", "verdict"),
    [
        (NEAR, SAME, True, False, "ok"),
        (NEAR, OTHER, True, False, "BOXES DIFFER"),
        (NEAR, OTHER, False, False, "ok (boxes depend on rounding)"),
        (FAR, SAME, True, False, "RAW OUTPUT DIFFERS"),
        (BROKEN, SAME, True, False, "RAW OUTPUT DIFFERS"),
        (FAR, SAME, True, True, verify.OTHER_QUERY),
        (FAR, OTHER, True, True, "RAW OUTPUT DIFFERS"),
        (FAR, OTHER, False, True, "RAW OUTPUT DIFFERS"),
    ],
)
def test_verdict_follows_from_the_measurements(
    differences: dict[str, float], boxes: BoxComparison, is_stable: bool, queries: bool, verdict: str
) -> None:
    assert Comparison(IMAGE, differences, NEAR, boxes, is_stable, queries).verdict == verdict
