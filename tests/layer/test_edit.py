from pathlib import Path

import pytest

from layer import edit
from layer.edit import EDITS, Edit

SOURCE = "import inspect\n\n\ndef f():\n    return inspect\n"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_text(SOURCE)
    return tmp_path


def test_edits_are_applied_in_order(packages: Path) -> None:
    edits = (Edit("p/a.py", "return inspect", "return None", "1"), Edit("p/a.py", "import inspect\n", "", "2"))
    edit.apply(packages, edits)
    assert (packages / "p" / "a.py").read_text() == "\n\ndef f():\n    return None\n"


@pytest.mark.parametrize(("before", "times"), [("import dis", 0), ("inspect", 2)])
def test_edit_whose_text_is_not_there_once_is_an_error(packages: Path, before: str, times: int) -> None:
    with pytest.raises(edit.StaleEdit, match=rf"edit of p/a.py \(why\): its text must occur once, got {times} times"):
        edit.apply(packages, (Edit("p/a.py", before, "", "why"),))
    assert (packages / "p" / "a.py").read_text() == SOURCE


def test_edit_of_a_file_that_does_not_exist_is_an_error(packages: Path) -> None:
    with pytest.raises(edit.StaleEdit, match=r"edit of p/b.py"):
        edit.apply(packages, (Edit("p/b.py", "a", "b", "why"),))


def test_every_edit_has_a_reason() -> None:
    assert all(len(change.reason) > 10 for change in EDITS)
