"""Prediction of the simulation against runs of the built zips with four environments, through boto3."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import scale
from tests.conftest import ROOT

BATCH = 8
TOLERANCE = 0.2  # share of the time of the run


def build(model: Path, dist: Path) -> Path:
    subprocess.run([str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(dist)], check=True, timeout=600)
    return dist


@pytest.mark.build
@pytest.mark.runtime
@pytest.mark.alone
def test_prediction_for_1000_images_is_within_a_fifth_of_the_run(tmp_path: Path, model_path: Path) -> None:
    _, (check,) = scale.measured(build(model_path, tmp_path / "dist"), BATCH, [1000])
    assert abs(check.error) < TOLERANCE, check.text()


@pytest.mark.torch
@pytest.mark.runtime
@pytest.mark.alone
@pytest.mark.long
def test_predictions_for_the_example_are_within_a_fifth_of_the_runs(tmp_path: Path) -> None:
    dist = build(ROOT / "example" / "best.pt", tmp_path / "dist")
    _, checks = scale.measured(dist, BATCH, [1000, 10_000])
    assert [check.images for check in checks] == [1000, 10_000]
    assert all(abs(check.error) < TOLERANCE for check in checks), [check.text() for check in checks]
