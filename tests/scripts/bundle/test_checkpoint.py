"""Task of a .pt, read from the names in its pickle."""

import pickle
import zipfile
from pathlib import Path

import pytest

from scripts.bundle import checkpoint
from scripts.bundle.checkpoint import Declared
from tests.conftest import ROOT

EXAMPLE = ROOT / "example"


def write(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return path


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("best.pt", Declared("detect")),
        ("tasks/segment.pt", Declared("segment")),
        ("tasks/obb.pt", Declared("obb")),
        ("tasks/classify.pt", Declared("classify")),
        ("tasks/semantic.pt", Declared("semantic")),
        ("tasks/depth.pt", Declared("depth")),
        ("tasks/pose.pt", Declared("pose", 4)),
        ("reading/gauge.pt", Declared("pose", 4)),
    ],
)
def test_task_and_points_are_those_of_the_weights(name: str, declared: Declared) -> None:
    assert checkpoint.read(EXAMPLE / name) == declared


def test_number_of_points_is_read_from_any_form_of_the_list(tmp_path: Path) -> None:
    network = b"cultralytics.nn.tasks\nPoseModel\n"
    for protocol in (2, 3):
        for shape in ([17, 3], [17, 2]):
            body = pickle.dumps({"kpt_shape": shape}, protocol)
            path = write(tmp_path / f"{protocol}{shape[1]}.pt", body[:2] + network + b"0" + body[2:])
            assert checkpoint.read(path) == Declared("pose", 17)


def test_pickle_is_not_executed(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    harmful = f"cos\nsystem\n(S'touch {marker}'\ntR.".encode()
    assert checkpoint.read(write(tmp_path / "a.pt", harmful)) == Declared()
    assert not marker.exists()


OTHERS = [b"", b"\xff\xff", b"\x80\x02X\xff\xff\xff\xff", pickle.dumps({"kpt_shape": None}, 2)]


@pytest.mark.parametrize("content", OTHERS)
def test_nothing_is_known_of_a_file_of_another_form(content: bytes, tmp_path: Path) -> None:
    assert checkpoint.read(write(tmp_path / "a.pt", content)) == Declared()
    (tmp_path / "b.pt").write_bytes(content)
    assert checkpoint.read(tmp_path / "b.pt") == Declared()


def test_large_pickle_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MAX_PICKLE", 1000)
    assert checkpoint.read(EXAMPLE / "best.pt") == Declared()
