"""The parameters of template.yaml against the tables of docs/deploy.md, both ways."""

import re

import pytest

from tests.docs import pages
from tests.support import template_stack

HEADING = "### All parameters"
CODE = re.compile(r"`([^`]*)`")


def rows() -> list[tuple[list[str], list[str]]]:
    """Return the names and the defaults of each row of the table."""
    text = (pages.DOCS / "deploy.md").read_text("utf-8").partition(f"{HEADING}\n")[2].partition("\n### ")[0]
    cells = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [
        (CODE.findall(names), [value.strip(" `").replace("empty", "") for value in defaults.split(", ")])
        for names, defaults, _ in cells
    ]


def test_every_parameter_is_in_the_table() -> None:
    named = [name for names, _ in rows() for name in names]
    assert sorted(named) == sorted(template_stack.source()["Parameters"])


@pytest.mark.parametrize(("names", "defaults"), rows(), ids=lambda values: values[0] or "empty")
def test_defaults_of_the_table_are_those_of_the_template(names: list[str], defaults: list[str]) -> None:
    declared = template_stack.source()["Parameters"]
    assert [str(declared[name]["Default"]) for name in names] == defaults


def test_parameters_of_the_examples_exist() -> None:
    text = (pages.DOCS / "deploy.md").read_text("utf-8").partition("`--parameter-overrides` changes that:")[2]
    examples = text.partition(HEADING)[0]
    named = {name for code in CODE.findall(examples) for name in re.findall(r"(?:^|[ '])([A-Z][A-Za-z0-9]+)=", code)}
    assert {"ReadModelId", "Uploads", "Page"} <= named <= set(template_stack.source()["Parameters"])
