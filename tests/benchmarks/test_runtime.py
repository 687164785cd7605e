"""The benchmark for real, small: built zips under the real runtime client, with the probe and in a process."""

import json
import platform
from pathlib import Path

import pytest

from benchmarks import NotMeasured, cold_start, in_process, inputs, nms, prepare, zips
from benchmarks.cold_start import Setting
from benchmarks.contenders import Contender, Place
from layer import build
from layer.targets import Target
from scripts import environments
from scripts.local_lambda.artifacts import ARCHITECTURES
from tests.conftest import ROOT, encode, picture
from tests.support import color_model

PYTHON = next((one for one in ("3.13", "3.12", "3.14") if environments.find(one)), None)
PLACE = Place(1, 1769)

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.build,
    pytest.mark.skipif(PYTHON is None, reason="no Python of the layer's on this machine"),
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Contender:
    """Zips with the color model, as the benchmark enters them."""
    assert PYTHON
    dist = tmp_path_factory.mktemp("dist")
    target = Target(ARCHITECTURES[platform.machine().lower()], PYTHON)
    packages = build.kept(target, environments.find(PYTHON), ROOT / "build" / "layer")
    zips.write(dist / "layer.zip", zips.below(packages, "python/"))
    model = color_model.save(dist / "model.onnx")
    zips.write(dist / "function.zip", {**zips.below(ROOT / "function", "function/"), zips.MODEL: model})
    zips.describe(dist, target.arch, target.python)
    return Contender("ours", "the zips", dist, prepare.probe(PYTHON))


@pytest.fixture(scope="module")
def plain(ours: Contender) -> Contender:
    """The same handler behind the tutorials' first lines."""
    dist = ours.dist.with_name(f"{ours.dist.name}-plain")
    dist.mkdir()
    (dist / "layer.zip").symlink_to(ours.dist / "layer.zip")
    zips.changed(ours.dist / "function.zip", dist / "function.zip", added={"plain.py": prepare.PEERS / "plain.py"})
    zips.describe(dist, prepare.target_of(ours.dist).arch, prepare.target_of(ours.dist).python)
    environ = prepare.CREDENTIALS
    return Contender("plain", "", dist, ours.probe, "plain.lambda_handler", environ)


def test_a_start_has_every_step_and_they_add_up(ours: Contender, plain: Contender) -> None:
    sent = inputs.event(encode(picture(), "JPEG"))
    setting = Setting("colors", PLACE, dropped=True, runs=1, warm_runs=1)
    seen = cold_start.measure(setting, [ours, prepare.bare(ours), plain], sent, lambda line: None)
    (start,), (bare,), (boto3,) = (runs.starts for runs in seen.runs)
    assert sum(start.steps.values()) == pytest.approx(start.first_answer_ms)
    assert start.steps.keys() == boto3.steps.keys() - {"boto3"} == {
        "interpreter", "runtime client", "numpy", "pillow", "onnxruntime", "own code", "settings", "session",
        "first run", "answer, network", "answer, rest",
    }  # fmt: skip
    assert all(ms > 0 for ms in start.steps.values())
    assert bare.steps == {}
    assert start.boxes == bare.boxes == boto3.boxes
    assert len(start.boxes) == 1
    (warm,) = seen.of("ours").warm
    assert sum(warm.steps.values()) == pytest.approx(warm.invoke_ms)
    assert min(warm.steps.values()) > 0
    assert seen.of("ours").resident_share < 0.5


def test_a_contender_that_finds_nothing_stops_the_benchmark(ours: Contender) -> None:
    setting = Setting("colors", PLACE, dropped=False, runs=1, warm_runs=0)
    with pytest.raises(NotMeasured, match="0 of them the same"):
        cold_start.measure(setting, [ours], inputs.event(encode(picture(), "JPEG"), "conf=1"), lambda line: None)


def test_a_handler_that_does_not_start_stops_the_benchmark(ours: Contender) -> None:
    broken = ours._replace(name="broken", handler="nothing.here")
    setting = Setting("colors", PLACE, dropped=False, runs=1, warm_runs=0)
    with pytest.raises(NotMeasured, match="broken does not start"):
        cold_start.measure(setting, [broken], {}, lambda line: None)


def test_what_an_answer_costs_is_told_from_within(ours: Contender) -> None:
    with in_process.served(ours.dist, 1, {}) as function:
        told = function.ask(inputs.event(encode(picture(), "JPEG")))
        function.forget_peak()
        with pytest.raises(NotMeasured, match="415"):
            function.ask(inputs.event(b"no picture"))
    assert told["count"] == 1
    assert told["after"]["peak"] >= told["after"]["resident"] > 10 << 20
    assert set(told["timing_ms"]) == {"read", "preprocess", "inference", "postprocess"}


def test_the_crowd_is_served_and_counted(ours: Contender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nms, "BUILD", tmp_path)
    monkeypatch.setattr(nms, "IOUS", (0.7,))
    found = nms.measure(ours, runs=1)
    assert [one.kept for one in found] == [300, 300]
    assert all(one.ms > one.idle_ms for one in found)
    assert json.loads(json.dumps(nms.document(found)))[0]["above_bytes"] > 0
