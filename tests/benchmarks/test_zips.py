"""Zips that are made from other zips."""

import zipfile
from pathlib import Path

from benchmarks import zips


def test_copy_leaves_out_adds_and_replaces_files(tmp_path: Path) -> None:
    zips.write(tmp_path / "a.zip", {"keep": b"1", "x/__pycache__/y.pyc": b"2", "model.onnx": b"3"})
    zips.copy(
        tmp_path / "a.zip", tmp_path / "b.zip", lambda name: zips.BYTECODE not in name, {"model.onnx": b"4", "n": b"5"}
    )
    with zipfile.ZipFile(tmp_path / "b.zip") as copy:
        assert {name: copy.read(name) for name in copy.namelist()} == {"keep": b"1", "model.onnx": b"4", "n": b"5"}
