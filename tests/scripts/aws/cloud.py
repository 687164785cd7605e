"""A server of moto in its own process, commands that use it, and its resources."""

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.soak import s3_server
from tests.conftest import ROOT

KEPT = ("HOME", "YOLO_LAMBDA_HOME")  # variables of this process


class Cloud:
    """An endpoint of moto, commands that use it, and its resources."""

    def __init__(self, url: str) -> None:
        import boto3

        self.url = url
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
            **{name: os.environ[name] for name in KEPT if name in os.environ},
        }
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.functions, self.iam, self.s3, self.logs = (
            boto3.client(name, endpoint_url=url, **keys) for name in ("lambda", "iam", "s3", "logs")
        )

    def run(self, script: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of scripts/."""
        return self.execute(str(ROOT / "scripts" / script), *arguments, stdin=stdin)

    def execute(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program that uses the endpoint."""
        return subprocess.run(
            command, env=self.environ, input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return all resources without dates."""
        functions = self.functions.list_functions(FunctionVersion="ALL")["Functions"]
        layers = [self.functions.list_layer_versions(LayerName=item["LayerName"])["LayerVersions"]
                  for item in self.functions.list_layers()["Layers"]]  # fmt: skip
        aliases = self.functions.list_aliases(FunctionName="yolo")["Aliases"] if functions else []
        groups = self.logs.describe_log_groups()["logGroups"]
        return {
            "functions": [{**item, "LastModified": None} for item in functions],
            "layers": [item for versions in layers for item in versions],
            "aliases": {item["Name"]: item["FunctionVersion"] for item in aliases},
            "weights": {
                item["Name"]: item.get("RoutingConfig", {}).get("AdditionalVersionWeights") for item in aliases
            },
            "log_groups": {item["logGroupName"]: item.get("retentionInDays") for item in groups},
            "roles": [item["RoleName"] for item in self.iam.list_roles()["Roles"]],
        }

    def reset(self) -> None:
        """Remove all resources."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")).close()

    def close(self) -> None:
        for client in (self.functions, self.iam, self.s3, self.logs):
            client.close()


class Step(NamedTuple):
    output: str
    after: dict[str, Any]

    @property
    def function(self) -> Any:
        return next(item for item in self.after["functions"] if item["Version"] == "$LATEST")


class Deployer:
    """deploy.sh and undeploy.sh for one folder of zips."""

    def __init__(self, cloud: Cloud, dist: Path) -> None:
        self.cloud, self.dist = cloud, str(dist)

    def run(self, *options: str) -> str:
        done = self.cloud.run("deploy.sh", "--dist", self.dist, *options)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refused(self, *options: str) -> str:
        before = self.cloud.snapshot()
        done = self.cloud.run("deploy.sh", "--dist", self.dist, *options)
        assert (done.returncode, self.cloud.snapshot()) == (2, before)
        return done.stderr

    def variables(self) -> dict[str, str]:
        """Return the variables of the version that callers of the alias get."""
        functions = self.cloud.functions
        version = functions.get_alias(FunctionName="yolo", Name="live")["FunctionVersion"]
        config = functions.get_function_configuration(FunctionName="yolo", Qualifier=version)
        variables: dict[str, str] = config["Environment"]["Variables"]
        return variables


@contextlib.contextmanager
def connected() -> Iterator[Cloud]:
    """Yield a server without resources, with the managed policies of IAM."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        with s3_server.s3() as url:
            cloud = Cloud(url)
            yield cloud
            cloud.close()


def step(cloud: Cloud, script: str, *arguments: str) -> Step:
    done = cloud.run(script, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return Step(done.stdout, cloud.snapshot())
