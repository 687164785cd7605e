"""The model of the NMS benchmark."""

import pytest

from benchmarks import nms_model


@pytest.mark.parametrize("clustered", [False, True])
def test_every_score_is_above_the_confidence(clustered: bool) -> None:
    rows = nms_model.rows(clustered, seed=0)
    assert rows.shape == (1, 84, 33_600)
    assert rows[0, 4:].min() > 0.001
