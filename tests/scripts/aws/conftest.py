"""An `aws` command with responses from a table, and zips to deploy."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import built_zips


class FakeAws:
    """An `aws` command with responses from a table; the text of an exception is its error output."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {"sts get-caller-identity": {"Account": "123456789012"}}
        self.commands: list[list[str]] = []

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command[1:])
        missing = "An error occurred (ResourceNotFoundException) when calling the X operation: none"
        response = self.responses.get(" ".join(command[1:3]), RuntimeError(missing))
        if isinstance(response, Exception):
            return subprocess.CompletedProcess(command, 254, "", f"\n{response}\n")
        return subprocess.CompletedProcess(command, 0, json.dumps(response), "")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    fake = FakeAws()
    monkeypatch.setattr("scripts.aws.cli.subprocess.run", fake.run)
    monkeypatch.setattr("scripts.aws.cli.shutil.which", lambda _: "/bin/aws")
    monkeypatch.setattr("scripts.aws.lambda_function.ROLE_WAIT", 0)
    yield fake


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return built_zips.write(tmp_path / "dist")
