"""Zips with the present sources, and the look-out for changes."""

import json
import threading
import zipfile
from pathlib import Path

from scripts.server.reload import Reload
from tests.conftest import ROOT
from tests.support import built_zips

LIMIT_S = 10


def build(folder: Path) -> Path:
    dist = built_zips.write(folder / "dist")
    with zipfile.ZipFile(dist / "function.zip", "w") as archive:
        for name in ("function/old.py", "function/__pycache__/handler.cpython-313.pyc", "model.onnx", "LICENSE"):
            archive.writestr(name, name)
    return dist


def test_function_zip_has_the_present_sources_and_the_model_of_the_build(tmp_path: Path) -> None:
    dist = build(tmp_path)
    reload = Reload(dist)
    made = reload.build()
    with zipfile.ZipFile(made / "function.zip") as archive:
        assert archive.read("function/handler.py") == (ROOT / "function" / "handler.py").read_bytes()
        assert archive.read("model.onnx") == b"model.onnx"
        assert {"function/old.py", "function/__pycache__/handler.cpython-313.pyc"}.isdisjoint(archive.namelist())
    assert (made / "layer.zip").read_bytes() == (dist / "layer.zip").read_bytes()
    assert json.loads((made / "build.json").read_text()) == json.loads((dist / "build.json").read_text())
    reload.close()
    assert not made.exists()


def test_each_build_has_a_folder_of_its_own(tmp_path: Path) -> None:
    reload = Reload(build(tmp_path))
    assert reload.build() != reload.build()
    reload.close()


def test_changed_and_new_files_are_seen_and_bytecode_is_not(tmp_path: Path) -> None:
    sources, seen = tmp_path / "function", threading.Semaphore(0)
    sources.mkdir()
    (sources / "a.py").write_text("1")
    reload = Reload(tmp_path, sources)
    reload.watch(seen.release)
    (sources / "a.py").write_text("22")
    assert seen.acquire(timeout=LIMIT_S)
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "a.pyc").write_text("")
    assert not seen.acquire(timeout=1.5)
    (sources / "b.html").write_text("")
    assert seen.acquire(timeout=LIMIT_S)
    reload.close()
