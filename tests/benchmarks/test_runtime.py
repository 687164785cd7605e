"""Small runs of the benchmarks: built zips under the real runtime client, with the probe, and in one process."""

import json
import platform
import statistics
from pathlib import Path

import pytest

from benchmarks import NotMeasured, cli, cold_start, floor, in_process, inputs, nms, prepare, zips
from benchmarks.cold_start import Setting
from benchmarks.contenders import Contender
from benchmarks.models import BenchmarkModel
from layer import build
from layer.targets import Target
from scripts import manifest, pythons
from scripts.local_lambda.artifacts import ARCHITECTURES
from tests.benchmarks.measurements import RESOURCES
from tests.conftest import ROOT, encode, image_with_box
from tests.support import color_model

MODEL = BenchmarkModel("colors", 64, Path("a.pt"), Path("a.onnx"), 0.25)
PYTHON = next((version for version in ("3.13", "3.12", "3.14") if pythons.find(version)), None)

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.build,
    pytest.mark.alone,
    pytest.mark.skipif(PYTHON is None, reason="this machine has no Python version of the layer"),
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Contender:
    """Return zips with the color model as a contender."""
    assert PYTHON
    dist = tmp_path_factory.mktemp("dist")
    target = Target(ARCHITECTURES[platform.machine().lower()], PYTHON)
    packages = build.cached_packages(target, pythons.find(PYTHON), ROOT / "build" / "layer")
    zips.write(dist / "layer.zip", zips.files_below(packages, "python/"))
    model = color_model.save(dist / "model.onnx")
    zips.write(dist / "function.zip", {**zips.files_below(ROOT / "function", "function/"), zips.MODEL: model})
    manifest.write(dist, {"arch": target.arch, "python": target.python})
    return Contender("this project", "the zips", dist, prepare.probe(PYTHON))


@pytest.fixture(scope="module")
def plain(built: Contender) -> Contender:
    """Return the same function with boto3 at module level, as in tutorials."""
    dist = built.dist.with_name(f"{built.dist.name}-plain")
    dist.mkdir()
    (dist / "layer.zip").symlink_to(built.dist / "layer.zip")
    zips.copy(built.dist / "function.zip", dist / "function.zip", replaced={"plain.py": prepare.BASELINES / "plain.py"})
    manifest.write(dist, prepare.target_of(built.dist)._asdict())
    environ = prepare.CREDENTIALS
    return Contender("plain", "", dist, built.probe, "plain.lambda_handler", environ)


def test_floor_starts_sooner_than_the_function(built: Contender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "BUILD", built.dist.with_name("build"))
    both = (prepare.without_probe(built), prepare.floor(MODEL, built))
    measured = floor.measure("colors", both, RESOURCES, runs=3)
    assert min(measured.floor_ms) > 0
    assert statistics.median(measured.floor_ms) < statistics.median(measured.ready_ms)
    (document,) = floor.fields([measured])
    assert document["ratio"]["median"] > 1
    assert (document["model"], document["cpus"]) == ("colors", RESOURCES.cpus)


def test_start_has_every_step_and_they_add_up(built: Contender, plain: Contender) -> None:
    event = inputs.event(encode(image_with_box(), "JPEG"))
    setting = Setting("colors", RESOURCES, dropped=True, runs=1, warm_runs=1)
    result = cold_start.measure(setting, [built, prepare.without_probe(built), plain], event, lambda line: None)
    (start,), (no_probe,), (boto3,) = (runs.starts for runs in result.runs)
    assert sum(start.steps.values()) == pytest.approx(start.first_response_ms)
    assert start.steps.keys() == boto3.steps.keys() - {"boto3"} == {
        "interpreter", "runtime client", "numpy", "pillow", "onnxruntime", "own code", "settings", "session",
        "first run", "response, network", "response, rest",
    }  # fmt: skip
    assert all(ms > 0 for ms in start.steps.values())
    assert no_probe.steps == {}
    assert start.boxes == no_probe.boxes == boto3.boxes
    assert len(start.boxes) == 1
    (warm,) = result.of("this project").warm
    assert sum(warm.steps.values()) == pytest.approx(warm.invoke_ms)
    assert min(warm.steps.values()) > 0
    assert result.of("this project").resident_share < 0.5


def test_contender_without_detections_stops_the_benchmark(built: Contender) -> None:
    setting = Setting("colors", RESOURCES, dropped=False, runs=1, warm_runs=0)
    with pytest.raises(NotMeasured, match="; 0 match"):
        cold_start.measure(
            setting, [built], inputs.event(encode(image_with_box(), "JPEG"), "conf=1"), lambda line: None
        )


def test_handler_that_does_not_start_stops_the_benchmark(built: Contender) -> None:
    broken = built._replace(name="broken", handler="nothing.here")
    setting = Setting("colors", RESOURCES, dropped=False, runs=1, warm_runs=0)
    with pytest.raises(NotMeasured, match="broken does not start"):
        cold_start.measure(setting, [broken], {}, lambda line: None)


def test_memory_and_times_are_measured_inside_of_the_process(built: Contender) -> None:
    with in_process.running(built.dist, 1, {}) as function:
        measured = function.invoke(inputs.event(encode(image_with_box(), "JPEG")))
        function.reset_peak()
        with pytest.raises(NotMeasured, match="415"):
            function.invoke(inputs.event(b"not an image"))
    assert measured["count"] == 1
    assert measured["after"]["peak"] >= measured["after"]["resident"] > 10 << 20
    assert set(measured["timing_ms"]) == {"read", "preprocess", "inference", "postprocess"}


def test_nms_benchmark_counts_the_kept_boxes(built: Contender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nms, "BUILD", tmp_path)
    monkeypatch.setattr(nms, "IOUS", (0.7,))
    costs = nms.measure(built, runs=1)
    assert [cost.kept for cost in costs] == [300, 300]
    assert all(cost.ms > cost.idle_ms for cost in costs)
    assert json.loads(json.dumps(nms.fields(costs)))["costs"][0]["above_bytes"] > 0


def test_comparison_of_a_build_with_itself_has_a_ratio_near_1(built: Contender, tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(encode(image_with_box(), "JPEG"))
    results = tmp_path / "results.json"
    arguments = [str(built.dist), str(built.dist), "--runs", "5", "--image", str(image), "--json", str(results)]
    assert cli.main(["compare", *arguments]) == 0
    document = json.loads(results.read_text())
    assert document["kind"] == "compare"
    ratio = document["ratios_b_to_a"]["first_response"]
    assert 0.5 < ratio["low"] <= ratio["median"] <= ratio["high"] < 2
    assert set(document["settings"][0]["contenders"]) == {"A", "B"}
