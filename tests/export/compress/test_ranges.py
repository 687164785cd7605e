"""Ranges of activations."""

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.compress import ranges
from export.compress.predictions import Array

VALUES = np.random.default_rng(0).normal(size=200_000).astype(np.float32)


def counts_of(values: Array) -> tuple[Array, ranges.Range]:
    extremes = float(values.min()), float(values.max())
    return ranges.histogram(values, extremes), extremes


def test_histogram_has_every_value_and_both_bounds() -> None:
    counts = ranges.histogram(np.array([-1, 0, 1], np.float32), (-1.0, 1.0))
    assert (counts[0], counts[ranges.BINS // 2], counts[-1], counts.sum()) == (1, 1, 1, 3)


def test_values_that_are_all_the_same_are_in_one_bin() -> None:
    assert ranges.histogram(np.ones(7, np.float32), (1.0, 1.0))[0] == 7


@pytest.mark.parametrize("method", [ranges.percentile, ranges.entropy])
def test_rare_outlier_is_left_out(method: type[ranges.percentile]) -> None:
    low, high = method(*counts_of(np.append(VALUES, np.float32(40))))
    assert VALUES.min() - 0.1 <= low < -2
    assert 2 < high < 12


@pytest.mark.parametrize("method", [ranges.percentile, ranges.entropy])
def test_values_without_outliers_keep_their_range(method: type[ranges.percentile]) -> None:
    values = np.linspace(-3, 5, 100_000, dtype=np.float32)
    assert method(*counts_of(values)) == pytest.approx((-3, 5), abs=0.01)


@pytest.mark.parametrize("method", [ranges.percentile, ranges.entropy])
def test_constant_values_have_an_empty_range(method: type[ranges.percentile]) -> None:
    assert method(*counts_of(np.full(10, 2, np.float32))) == (2, 2)


def doubling() -> onnx.ModelProto:
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
    output = helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)
    node = helper.make_node("Add", ["images", "images"], ["sum"])
    return helper.make_model(
        helper.make_graph([node], "doubling", [image], [output]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )


def test_ranges_are_over_images_of_different_sizes() -> None:
    def tensors() -> Iterator[Array]:
        yield np.full((1, 3, 4, 8), -1, np.float32)
        yield np.full((1, 3, 8, 2), 3, np.float32)

    measured = ranges.measure(doubling(), {"images", "sum"}, tensors)
    assert set(measured) == {"MinMax", "Percentile", "Entropy"}
    assert measured["MinMax"] == {"images": (-1, 3), "sum": (-2, 6)}
