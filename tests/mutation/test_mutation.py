"""The mutation test on a small project, and its choice, comparison and judgement of mutants."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutation import judged, mutants
from tests.mutation.judged import Accepted
from tests.mutation.mutants import Mutant

NAMES = [
    "function.postprocess.boxes.x_nms__mutmut_1",
    "function.postprocess.boxes.x_nms__mutmut_2",
    "function.postprocess.obb.x_nms__mutmut_1",
    "function.fetch.x_image__mutmut_1",
    "function.fetch.https.x_connect__mutmut_1",
]
MUTANT = Mutant("function.api.body.xǁParserǁread__mutmut_3", "return a + b", "return a - b", "")


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ([], NAMES),
        (["function.postprocess.boxes"], NAMES[:2]),
        (["function/postprocess/obb.py"], NAMES[2:3]),
        (["function/postprocess/"], NAMES[:3]),
        (["function/fetch/__init__.py"], NAMES[3:]),
        (["function.post"], []),
        ([NAMES[0], "function/fetch/https.py"], [NAMES[0], NAMES[4]]),
    ],
)
def test_modules_select_their_mutants(modules: list[str], expected: list[str]) -> None:
    assert mutants.select(NAMES, modules, None, 0) == expected


def test_sample_depends_only_on_its_seed() -> None:
    assert mutants.select(NAMES, [], 2, 7) == mutants.select(NAMES, [], 2, 7)
    assert {tuple(mutants.select(NAMES, [], 2, seed)) for seed in range(20)} != {tuple(mutants.select(NAMES, [], 2, 7))}
    assert mutants.select(NAMES, [], 99, 7) == NAMES


def test_function_of_a_mutant_has_the_name_in_the_code() -> None:
    assert mutants.function(NAMES[0]) == "function.postprocess.boxes.nms"
    assert mutants.function(MUTANT.name) == "function.api.body.Parser.read"
    assert mutants.module(MUTANT.name) == "function.api.body"


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (Accepted("function.api.body.Parser.read", r"return a \+ b\nreturn a - b", "equal"), "equal"),
        (Accepted("", r"return .*\nreturn .*", "a kind"), "a kind"),
        (Accepted("", r"return a \+ b\nreturn", "the start of a line"), None),
        (Accepted("function.api.body.read", r"(?s).*", "another function"), None),
    ],
)
def test_survivor_is_judged_by_its_function_and_its_lines(accepted: Accepted, expected: str | None) -> None:
    assert judged.reason(MUTANT, [accepted]) == expected


@pytest.mark.parametrize(
    ("removed", "added", "is_judged"),
    [
        ('raise X("a b c", 1)', 'raise X("XXa b cXX", 1)', True),
        ('raise X("a b c", 1)', 'raise X("A B C", 1)', True),
        ('raise X("a b c", 1)', 'raise X("a b c", 2)', False),
        ('raise X("a b c", 1)', "raise X(None, 1)", False),
        ('return x["key"]', 'return x["XXkeyXX"]', False),
        ("zip(a, b, strict=True)", "zip(a, b, strict=False)", True),
        ("zip(a, b, strict=True)", "zip(a, b, )", True),
        ("zip(a, b, strict=False)", "zip(a, b, strict=True)", False),
        ("zip(a, b, strict=True)", "zip(a, strict=True)", False),
    ],
)
def test_kinds_are_texts_of_messages_and_checks_of_equal_lengths(removed: str, added: str, is_judged: bool) -> None:
    mutant = Mutant("function.x.x_f__mutmut_1", removed, added, "")
    assert (judged.reason(mutant, judged.load()) is not None) == is_judged


def test_every_judged_line_is_in_the_code() -> None:
    for path, removed in judged.judged_lines():
        text = path.read_text()
        assert all(line in text for line in removed.splitlines()), f"{path.relative_to(ROOT)}: {removed}"


def test_every_judgement_has_a_reason() -> None:
    assert all(len(accepted.reason.split()) > 3 for accepted in judged.load())


SOURCE = """
def total(first, second):
    return first + second


def table():
    return {"one": total(1, 0)}


TABLE = table()
"""
TESTS = """
import pytest
from function import sums

@pytest.mark.parametrize("text", ["a", "\\u4eea", "c\\\\d"], ids=ascii)
def test_total(text):
    assert sums.total(0, 2) == 2

def test_table():
    assert sums.TABLE == {"one": 1}
"""


@pytest.mark.long
def test_mutants_of_a_small_project_are_killed_by_its_tests_and_by_a_start(tmp_path: Path) -> None:
    for folder in ("function", "tests/function", "tests/golden", "tests/http_clients"):
        (tmp_path / "project" / folder).mkdir(parents=True)
    project, work = tmp_path / "project", tmp_path / "work"
    (project / "function" / "__init__.py").write_text("")
    (project / "function" / "sums.py").write_text(SOURCE)
    (project / "tests" / "function" / "test_sums.py").write_text(TESTS)
    (project / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for name in (*mutants.COPIED, *mutants.COPIED_PAGES):
        if not (project / name).exists():
            (project / name).touch() if "." in name else (project / name).mkdir()
    names = mutants.generate(mutants.prepare(project, work))
    outcome = mutants.run(work, names, 1)
    assert outcome is not None
    alive = [name for name, state in outcome.items() if state != mutants.KILLED]
    assert {mutants.function(name) for name in names} == {"function.sums.total", "function.sums.table"}
    assert {mutants.function(name) for name in alive} == {"function.sums.table"}
    assert not any(mutants.survives_a_start(work, name) for name in alive)
    changed = mutants.difference(work, "function.sums.x_total__mutmut_1")
    assert (changed.removed, changed.added) == ("return first + second", "return first - second")


def test_unknown_module_is_a_usage_error_of_the_parser() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "--sample", "many"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2
