"""The fault table of the documentation is that of the tests."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.table import ENVIRONMENT_FAULTS, S3_FAULTS, SOURCES

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
TESTS = {
    node.name
    for path in Path(__file__).parent.glob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef)
}


def table(rows: list[tuple[str, ...]]) -> str:
    heading, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([heading, "|" + "---|" * len(rows[0]), *others]) + "\n\n"


def test_documented_outcomes_of_s3_are_those_of_the_tests() -> None:
    rows = [("fault of S3", *SOURCES.values()), *((row.fault, *row.outcomes.values()) for row in S3_FAULTS)]
    assert table(rows) in PAGE


def test_documented_outcomes_of_the_environment_are_those_of_the_tests() -> None:
    rows = [("fault of the environment", "outcome"), *((row.fault, row.outcome) for row in ENVIRONMENT_FAULTS)]
    assert table(rows) in PAGE


@pytest.mark.parametrize("test", [row.test for row in ENVIRONMENT_FAULTS if row.test])
def test_each_outcome_of_the_environment_has_its_test(test: str) -> None:
    assert test in TESTS
