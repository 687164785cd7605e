"""tune.py --local with the real runtime client, and a handler that needs a known time of CPU and memory."""

import json
import platform
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cpus
from scripts import pythons, tune
from scripts.local_lambda import artifacts

PYTHON = next((version for version in ("3.13", "3.12", "3.14") if pythons.find(version)), "3.13")
CPU_MS = 100
PROGRAM = f"""
import time

def lambda_handler(event, context):
    if event["image_name"] == "large.jpg":
        LARGE.append(b"x" * 200_000_000)
    if event["image_name"] == "broken.jpg":
        return {{"statusCode": 415, "body": '{{"error": "no image", "type": "UnsupportedImage"}}'}}
    started = time.process_time()
    while time.process_time() < started + {CPU_MS / 1000}:
        pass
    return {{"statusCode": 200, "body": '{{"conf": "' + event.get("conf", "") + '"}}'}}

LARGE = []
"""

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
    pytest.mark.skipif(not pythons.find(PYTHON), reason=f"no Python {PYTHON} on this machine"),
]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "zips"
    folder.mkdir()
    files = {
        "function.zip": {"function/__init__.py": "", "function/handler.py": PROGRAM},
        "layer.zip": {"python/a.py": ""},
    }
    for name, members in files.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for member, text in members.items():
                entry = zipfile.ZipInfo(member)
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, text)
    arch = artifacts.ARCHITECTURES[platform.machine().lower()]
    (folder / "build.json").write_text(json.dumps({"arch": arch, "python": PYTHON}))
    return folder


def measured(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> dict[str, Any]:
    assert tune.main([*map(str, arguments), "--local", "--json", "--cold", "1", "--warm", "3"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def image(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(b"image")
    return folder / name


@pytest.mark.skipif(not cpus.has_quota(), reason="no cgroup that can limit CPU time")
def test_a_small_size_has_a_small_share_of_a_cpu(
    dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = measured(capsys, 0, image(tmp_path, "a.jpg"), "--dist", dist, "--memory", "256,1769")
    small, large = document["rows"]
    # 256 MB are 0.145 CPUs: 100 ms of CPU time take seven times as long, less the time of one period at the start
    assert small["p50_ms"] >= CPU_MS * 1769 / 256 - 2 * cpus.PERIOD_US / 1000
    assert large["p50_ms"] >= CPU_MS
    assert (document["estimate"], document["cpu_quota"], document["images"]) == (True, True, 1)
    assert (large["cold_starts"], large["calls"]) == (1, 4)
    assert large["init_ms"] > 0


def test_sizes_that_this_machine_cannot_have_are_left_out(
    dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "count", lambda: 2)
    (row,) = measured(capsys, 1, image(tmp_path, "a.jpg"), "--dist", dist, "--memory", "10240")["rows"]
    assert (row["error"], row["p50_ms"]) == ("needs 5.8 CPUs, this machine has 2", None)


def test_more_memory_than_the_size_is_an_error(dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = measured(capsys, 1, image(tmp_path, "large.jpg"), "--dist", dist, "--memory", "128,1769")
    assert "Lambda would end the function" in document["rows"][0]["error"]
    assert document["rows"][1]["error"] == ""
    assert document["cheapest"]["memory"] == document["fastest"]["memory"] == 1769


def test_an_image_that_fails_is_reported(dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [image(tmp_path, "a.jpg"), image(tmp_path, "broken.jpg")]
    document = measured(capsys, 1, *images, "--dist", dist, "--memory", "1769")
    (row,) = document["rows"]
    assert row["error"] == "broken.jpg: 415 UnsupportedImage: no image"
    assert (row["errors"], document["cheapest"]["memory"]) == (1, 1769)


def test_the_table_says_that_it_is_an_estimate(dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(image(tmp_path, "a.jpg")), "--local", "--dist", str(dist), "--memory", "1769", "--warm", "1"]
    assert tune.main(arguments) == 0
    assert capsys.readouterr().out.startswith("An estimate from this machine, which is not one of Lambda: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s3://photos/a.jpg"], "tune: --local must have files, got s3://"),
        (
            ["a.jpg", "--dist", "none"],
            "tune: none/build.json is missing; scripts/build_zip.sh writes it; --dist sets the folder",
        ),
    ],
)
def test_what_cannot_be_estimated_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    image(tmp_path, "a.jpg")
    assert tune.main([*arguments, "--local"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == message
