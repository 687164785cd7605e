"""Fixtures of the export tests: the export environment, weights, and commands that run in it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import home
from tests.conftest import ROOT

ENVIRONMENT = home.environments() / "export"


@pytest.fixture(scope="session")
def export_python() -> Path:
    """Return the Python with torch and ultralytics."""
    if not ENVIRONMENT.exists() and not os.environ.get("CI"):
        pytest.skip("no export environment; `python3 scripts/environments.py export` makes it")
    command = [sys.executable, str(ROOT / "scripts" / "environments.py"), "export"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def weights(export_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of tests/support/export_weights.py, which is made once for all workers of a test run."""
    temporary = tmp_path_factory.getbasetemp()
    folder = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "weights"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            making.mkdir(exist_ok=True)  # it exists if another worker failed
            command = [export_python, "-m", "tests.support.export_weights", str(making)]
            subprocess.run(command, cwd=ROOT, check=True)
            making.rename(folder)
    return folder
