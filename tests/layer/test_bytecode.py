import contextlib
import importlib.util
import marshal
import sys
from pathlib import Path
from typing import Any

import pytest

from layer import bytecode

SOURCE = 'WORDS = {"b", "a", "c"}\n\n\ndef look(x):\n    """Say."""\n    return x in {"one", "two", None, (1, 2)}\n'
UNCHECKED_HASH = 0b01  # PEP 552: by hash, and the source is not looked at


def compiled(folder: Path, text: str = SOURCE, optimize: int = 0) -> dict[str, bytes]:
    """Every .pyc that comes of a package with one module."""
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "module.py").write_text(text)
    assert bytecode.compile_tree(Path(sys.executable), folder, "/opt/python", optimize) == 2
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")}


def test_a_folder_without_sources_compiles_to_nothing(tmp_path: Path) -> None:
    assert bytecode.compile_tree(Path(sys.executable), tmp_path, "/opt/python") == 0


def test_each_source_has_its_file_where_python_looks_for_it(tmp_path: Path) -> None:
    tag = sys.implementation.cache_tag
    wanted = {f"pkg/__pycache__/{name}.{tag}.pyc" for name in ("__init__", "module")}
    assert compiled(tmp_path).keys() == wanted


def test_the_files_are_of_the_kind_that_no_date_makes_stale(tmp_path: Path) -> None:
    for data in compiled(tmp_path).values():
        assert data[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(data[4:8], "little") == UNCHECKED_HASH


def test_tracebacks_show_the_path_in_lambda(tmp_path: Path) -> None:
    (module,) = (data for name, data in compiled(tmp_path).items() if "module" in name)
    assert marshal.loads(module[16:]).co_filename == "/opt/python/pkg/module.py"


def test_the_bytes_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    assert compiled(tmp_path / "one") == compiled(tmp_path / "a longer name" / "two")


@pytest.mark.parametrize(("optimize", "doc"), [(0, "Say."), (bytecode.NO_DOCSTRINGS, None)])
def test_docstrings_and_asserts_stay_or_go_together(tmp_path: Path, optimize: int, doc: str | None) -> None:
    found = compiled(tmp_path, SOURCE + "assert not WORDS\n", optimize)
    (module,) = (data for name, data in found.items() if name.endswith(f"module.{sys.implementation.cache_tag}.pyc"))
    names: dict[str, Any] = {}
    with contextlib.nullcontext() if optimize else pytest.raises(AssertionError):
        exec(marshal.loads(module[16:]), names)
    assert names["look"].__doc__ == doc


def test_a_source_that_is_no_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def :\n")
    with pytest.raises(bytecode.CompileFailed, match=r"broken\.py"):
        bytecode.compile_tree(Path(sys.executable), tmp_path, "/opt/python")
