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


def test_a_table_without_rules_leaves_every_file(tmp_path: Path) -> None:
    fill(tmp_path, "a/b.py")
    trim.trim(tmp_path, ())
    assert names(tmp_path) == {"a/b.py"}


def test_a_rule_takes_what_it_matches_across_folders_but_not_what_it_keeps(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.py", "p/a.pyi", "p/q/b.pyi", "p/q/keep.pyi")
    taken = trim.trim(tmp_path, (Rule("*.pyi", "types", ("*/keep.pyi",)),))
    assert names(tmp_path) == {"p/a.py", "p/q/keep.pyi"}
    assert taken["*.pyi"] == trim.Trimmed("types", 2, 2)


def test_a_rule_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.py")
    with pytest.raises(trim.StaleRule, match=r"'\*\.f90' \(Fortran\) takes no file"):
        trim.trim(tmp_path, (Rule("*.f90", "Fortran"),))


def test_a_rule_whose_files_an_earlier_one_took_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "p/a.pyi")
    with pytest.raises(trim.StaleRule):
        trim.trim(tmp_path, (Rule("p/*", "all"), Rule("*.pyi", "types")))


def test_folders_that_became_empty_go(tmp_path: Path) -> None:
    fill(tmp_path, "p/tests/data/a.txt", "p/a.py")
    trim.trim(tmp_path, (Rule("p/tests/*", "tests"),))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.py", "p"]


def test_a_bundled_library_goes_only_when_nothing_left_needs_it(tmp_path: Path) -> None:
    shared_object(tmp_path / "p" / "used.so", needed=["liba.so", "libc.so.6"], runpath="$ORIGIN/../p.libs")
    shared_object(tmp_path / "p" / "dropped.so", needed=["libd.so"], runpath="$ORIGIN/../p.libs")
    shared_object(tmp_path / "p.libs" / "liba.so", needed=["libb.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libb.so", needed=["liba.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libd.so", needed=["libe.so", "libb.so"], runpath="$ORIGIN")
    shared_object(tmp_path / "p.libs" / "libe.so")
    taken = trim.trim(tmp_path, (Rule("p/dropped.so", "not used"),))
    assert names(tmp_path) == {"p/used.so", "p.libs/liba.so", "p.libs/libb.so"}
    assert taken[trim.ORPHANS].files == 2


def test_every_rule_has_a_reason_and_a_pattern_of_its_own() -> None:
    assert all(len(rule.why) > 2 for rule in RULES)
    assert len({rule.pattern for rule in RULES}) == len(RULES)
