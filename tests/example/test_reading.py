"""Crops of gauges for the training of a model that reads them."""

import numpy as np
import pytest

from example.images import Plan
from example.reading import crops
from example.tasks.reading import reading
from function.errors import ReadingFailed
from function.readings import scale


def numbers(label: str) -> np.ndarray:
    (line,) = label.splitlines()
    return np.array(line.split(), np.float64)


@pytest.mark.parametrize("index", range(12))
def test_crop_has_one_gauge_with_four_points_inside(index: int) -> None:
    crop = crops.make(1, index)
    values = numbers(crop.label)
    assert len(values) == 1 + 4 + 4 * 3
    assert values[0] == 0
    assert ((values[1:] >= 0) & (values[1:] <= crops.VISIBLE)).all()
    assert (values[7::3] == crops.VISIBLE).all()


def test_same_seed_gives_the_same_crop() -> None:
    first, again, other = crops.make(1, 3), crops.make(1, 3), crops.make(2, 3)
    assert first.label == again.label != other.label
    assert first.image.tobytes() == again.image.tobytes()


def test_gauge_fills_the_crop_as_in_the_function() -> None:
    sizes = [numbers(crops.make(1, index).label)[3:5].max() for index in range(20)]
    assert 0.7 < float(np.median(sizes)) < 0.95  # a margin of a tenth on both sides: 1 / 1.2


def test_labels_are_read_by_the_function_as_by_the_example() -> None:
    read = 0
    for index in range(20):
        crop = crops.make(1, index)
        points = numbers(crop.label)[5:].reshape(4, 3) * (*crop.image.size, 1)
        try:
            share = scale.share(points)
        except ReadingFailed:
            continue
        assert share == pytest.approx(float(np.clip(reading(points[None, :, :2])[0], 0, 1)), abs=1e-9)
        read += 1
    assert read >= 18


def test_plan_without_gauges_is_an_error() -> None:
    with pytest.raises(LookupError, match="got none"):
        crops.make(1, 0, Plan(dials=0))
