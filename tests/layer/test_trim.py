from pathlib import Path

import pytest

from layer import trim
from layer.trim import RULES, Rule
from tests.support.elf_files import shared_object


def fill(tree: Path, *names: str) -> None:
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def names(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_empty_table_removes_no_file(tmp_path: Path) -> None:
    fill(tmp_path, "a/b.py")
    trim.trim(tmp_path, ())
    assert names(tmp_path) == {"a/b.py"}


def test_rule_removes_matches_in_all_folders_except_kept_files(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.py", "p/a.pyi", "p/q/b.pyi", "p/q/keep.pyi")
    removed = trim.trim(tmp_path, (Rule("*.pyi", "types", ("*/keep.pyi",)),))
    assert names(tmp_path) == {"p/a.py", "p/q/keep.pyi"}
    assert removed["*.pyi"] == trim.Removed("types", 2, 2)


def test_rule_without_a_match_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.py")
    with pytest.raises(trim.StaleRule, match=r"'\*\.f90' \(Fortran\) matches no file"):
        trim.trim(tmp_path, (Rule("*.f90", "Fortran"),))


def test_rule_whose_files_are_already_removed_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.pyi")
    with pytest.raises(trim.StaleRule):
        trim.trim(tmp_path, (Rule("p/*", "all"), Rule("*.pyi", "types")))


def test_empty_folders_are_removed(tmp_path: Path) -> None:
    fill(tmp_path, "p/tests/data/a.txt", "p/a.py")
    trim.trim(tmp_path, (Rule("p/tests/*", "tests"),))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.py", "p"]


def test_bundled_library_is_removed_only_if_no_remaining_file_needs_it(tmp_path: Path) -> None:
    shared_object(tmp_path / "p" / "used.so", needed=["liba.so", "libc.so.6"], runpath="$ORIGIN/../p.libs")
    shared_object(tmp_path / "p" / "unused.so", needed=["libd.so"], runpath="$ORIGIN/../p.libs")
    shared_object(tmp_path / "p.libs" / "liba.so", needed=["libb.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libb.so", needed=["liba.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libd.so", needed=["libe.so", "libb.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libe.so")
    removed = trim.trim(tmp_path, (Rule("p/unused.so", "not used"),))
    assert names(tmp_path) == {"p/used.so", "p.libs/liba.so", "p.libs/libb.so"}
    assert removed[trim.ORPHANS].files == 2


def test_every_rule_has_a_reason_and_a_unique_pattern() -> None:
    assert all(len(rule.reason) > 2 for rule in RULES)
    assert len({rule.pattern for rule in RULES}) == len(RULES)
