"""S3 of moto as a server, the function, its state machine behind an endpoint, and batch.py as a process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from function import storage
from tests.conftest import ROOT
from tests.support.bulk import Function, definition, machine
from tests.support.fake_step_functions import FakeStepFunctions

PROGRAM = """
import sys
from scripts.batches import command, options
sys.exit(command.execute(options.parse(sys.argv[1:]), sys.argv[1:]))  # without the change to the environment `aws`
"""
GOLDEN = ROOT / "tests" / "golden"
IMAGES = ("alpha.png", "cmyk.jpg", "gray.jpg", "photo-cat.jpg", "small.bmp")
SOURCES = [f"s3://photos/in/{name}" for name in IMAGES]
AWS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}  # fmt: skip


class World:
    """S3, the function, the state machine, and batch.py as a process.

    Attributes:
        s3: client of boto3.
        function: behind the alias.
        api: Step Functions.
        folder: of the results.
    """

    def __init__(self, s3: Any, function: Function, api: FakeStepFunctions, folder: Path, url: str) -> None:
        self.s3, self.function, self.api, self.folder = s3, function, api, folder
        self.out = folder / "results.jsonl"
        names = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
        self._environment = {name: os.environ[name] for name in names if name in os.environ} | AWS
        self._environment |= {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_SFN": api.url, "PYTHONPATH": str(ROOT)}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self._environment, cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run batch.py, and the executions that it starts."""
        with self.start(*arguments) as process:
            while process.poll() is None:
                self.api.run_next()
                time.sleep(0.02)
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def via_map(self, *arguments: object, source: str = "s3://photos/in/") -> subprocess.CompletedProcess[str]:
        return self.run(source, "--out", self.out, "--via", "map", *arguments)

    def by_source(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the file; fail unless each source has one line."""
        lines = [json.loads(line) for line in self.out.read_bytes().splitlines()]
        assert len({row["source"] for row in lines}) == len(lines)
        return {row["source"]: row for row in lines}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of moto as a server."""
    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def world(server: str, handler: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": server}.items():
        monkeypatch.setenv(name, value)
    storage._client.cache_clear()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="photos")
    for name in IMAGES:
        s3.put_object(Bucket="photos", Key=f"in/{name}", Body=(GOLDEN / name).read_bytes())
    function = Function(handler)
    with FakeStepFunctions(machine(s3, function), definition()) as api:
        yield World(s3, function, api, tmp_path, server)
    storage._client.cache_clear()
    bucket = boto3.resource("s3").Bucket("photos")
    bucket.objects.all().delete()
    bucket.delete()
