import contextlib
import importlib.util
import marshal
import sys
from pathlib import Path
from typing import Any

import pytest

from layer import bytecode

SOURCE = 'WORDS = {"b", "a", "c"}\n\n\ndef look(x):\n    """Look."""\n    return x in {"one", "two", None, (1, 2)}\n'
UNCHECKED_HASH = 0b01  # PEP 552: by hash, without a check of the source


def compiled(folder: Path, text: str = SOURCE, optimize: int = 0) -> dict[str, bytes]:
    """Return every .pyc of a package with one module."""
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "module.py").write_text(text)
    assert bytecode.compile_tree(Path(sys.executable), folder, "/opt/python", optimize) == 2
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")}


def test_folder_without_sources_has_no_bytecode(tmp_path: Path) -> None:
    assert bytecode.compile_tree(Path(sys.executable), tmp_path, "/opt/python") == 0


def test_bytecode_is_at_the_path_that_python_reads(tmp_path: Path) -> None:
    tag = sys.implementation.cache_tag
    expected = {f"pkg/__pycache__/{name}.{tag}.pyc" for name in ("__init__", "module")}
    assert compiled(tmp_path).keys() == expected


def test_bytecode_is_of_the_unchecked_hash_kind(tmp_path: Path) -> None:
    for data in compiled(tmp_path).values():
        assert data[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(data[4:8], "little") == UNCHECKED_HASH


def test_tracebacks_show_the_path_in_lambda(tmp_path: Path) -> None:
    (module,) = (data for name, data in compiled(tmp_path).items() if "module" in name)
    assert marshal.loads(module[16:]).co_filename == "/opt/python/pkg/module.py"


def test_bytes_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    assert compiled(tmp_path / "one") == compiled(tmp_path / "a longer name" / "two")


@pytest.mark.parametrize(("optimize", "doc"), [(0, "Look."), (bytecode.NO_DOCSTRINGS, None)])
def test_level_2_removes_docstrings_and_assertions(tmp_path: Path, optimize: int, doc: str | None) -> None:
    files = compiled(tmp_path, SOURCE + "assert not WORDS\n", optimize)
    (module,) = (data for name, data in files.items() if name.endswith(f"module.{sys.implementation.cache_tag}.pyc"))
    names: dict[str, Any] = {}
    with contextlib.nullcontext() if optimize else pytest.raises(AssertionError):
        exec(marshal.loads(module[16:]), names)
    assert names["look"].__doc__ == doc


def test_invalid_source_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def :\n")
    with pytest.raises(bytecode.CompileFailed, match=r"broken\.py"):
        bytecode.compile_tree(Path(sys.executable), tmp_path, "/opt/python")
