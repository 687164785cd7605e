"""Runs of batch.py against a server with the wire format of Lambda's API."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.scripts.batches.bulk_world import server, world  # noqa: F401  (fixtures)
from tests.support.fake_lambda import FakeLambda

PROGRAM = """
import sys
from scripts.batches import command, options, run
run.ROUND_WAITS = (0, 0.1, 0.1, 0.1, 0.1)
sys.exit(command.execute(options.parse(sys.argv[1:]), sys.argv[1:]))  # without the change to the environment `aws`
"""


class Batch:
    """batch.py as a process."""

    def __init__(self, api: FakeLambda, folder: Path) -> None:
        self.api, self.folder = api, folder
        names = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
        self.environment = {name: os.environ[name] for name in names if name in os.environ} | {
            "AWS_ENDPOINT_URL_LAMBDA": api.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        }  # fmt: skip

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-c", PROGRAM, *map(str, arguments)]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        environment = self.environment | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            self.command(*arguments), env=environment, cwd=self.folder, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def manifest(self, count: int) -> Path:
        path = self.folder / "images.txt"
        path.write_text("".join(f"{source}\n" for source in sources(count)))
        return path


def sources(count: int) -> list[str]:
    return [f"s3://photos/in/{number:06}.jpg" for number in range(count)]


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file; fail unless every line is one."""
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    with FakeLambda() as api:
        yield Batch(api, tmp_path)
