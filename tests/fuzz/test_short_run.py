"""A search of two minutes over all targets finds nothing."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

MINUTES, SEED, JOBS = "2", "20261127", "2"


@pytest.mark.fuzz
@pytest.mark.alone
def test_a_search_of_two_minutes_finds_nothing(tmp_path: Path) -> None:
    command = ["scripts/fuzz.sh", "--minutes", MINUTES, "--seed", SEED, "--jobs", JOBS, "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1500)
    reports = "\n".join(path.read_text("utf-8") for path in tmp_path.glob("*/findings/*.txt"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{reports}"
