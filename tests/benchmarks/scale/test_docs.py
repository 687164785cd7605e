"""The table of the documentation against the simulation."""

import re

import pytest

from benchmarks.scale.report import Row, duration, row
from benchmarks.scale.ways import NAMES, Plan
from tests.conftest import ROOT


def documented() -> dict[tuple[int, str], list[str]]:
    """Return the cells of the table by images and way."""
    text = (ROOT / "docs" / "performance.md").read_text("utf-8")
    rows: dict[tuple[int, str], list[str]] = {}
    images = 0
    for line in re.findall(r"^\| ?([0-9,]* \| (?:direct|map|queue|s3batch).*) \|$", text, re.MULTILINE):
        number, ways, *cells = (cell.strip() for cell in line.split("|"))
        images = int(number.replace(",", "")) if number else images
        rows |= {(images, way): cells for way in ways.split(", ")}
    return rows


def same(cell: str, value: float) -> bool:
    return float(cell.replace(",", "")) == pytest.approx(value, rel=0.02, abs=0.005)


def shown(made: Row) -> list[bool]:
    time, environments, oldest, usd, limit = documented()[made.plan.images, made.way]
    return [
        time in (duration(made.run.seconds), f"{made.run.seconds:.0f} s"),
        same(environments, made.run.environments),
        oldest == (f"{made.run.oldest_s:.0f} s" if made.way == "queue" else ""),
        same(usd, made.cost.total),
        limit == next(iter(made.run.limits)),
    ]


@pytest.mark.parametrize("images", [10**4, 10**6, 10**8])
@pytest.mark.parametrize("way", NAMES)
def test_row_of_the_documentation_is_that_of_the_simulation(way: str, images: int) -> None:
    assert shown(row(way, Plan(images))) == [True] * 5
