"""The corpus keeps the property: seeds, inputs that reached new code, and past findings."""

import json
import subprocess
import sys
from typing import Any

import pytest

from scripts.fuzz.targets import TARGETS
from tests.conftest import ROOT
from tests.fuzz import corpus


@pytest.fixture(scope="module")
def replayed() -> list[dict[str, Any]]:
    """A line for each input of the corpus: target, file and problem."""
    command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps({"target": "all", "replay": []})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_keeps_the_property(replayed: list[dict[str, Any]], target: str) -> None:
    problems = [line["problem"] for line in replayed if line["target"] == target and line["problem"]]
    assert not problems, problems[0]


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_is_replayed(replayed: list[dict[str, Any]], target: str) -> None:
    names = [line["file"] for line in replayed if line["target"] == target]
    assert len(names) >= 2
    assert names == [path.name for path in corpus.files(target)]


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for name in TARGETS for path in corpus.files(name)) < corpus.MAX_BYTES
