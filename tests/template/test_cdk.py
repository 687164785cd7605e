"""The CDK construct, synthesized as `cdk deploy` would: what it makes of the two zips."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every resource of the example's stack, of zips that hold nothing: the CDK does not look inside."""
    folder = tmp_path_factory.mktemp("cdk")
    (folder / "dist").mkdir()
    for name in ("layer.zip", "function.zip"):
        (folder / "dist" / name).write_bytes(b"PK\x05\x06" + bytes(18))
    (folder / "dist" / "build.json").write_text(json.dumps({"arch": "arm64", "python": "3.12"}))
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "cdk"], capture_output=True, text=True, check=True
    )
    python = found.stdout.splitlines()[-1]
    variables = {**os.environ, "DIST": str(folder / "dist"), "CDK_OUTDIR": str(folder / "out")}
    done = subprocess.run(
        [python, str(ROOT / "example" / "cdk" / "app.py")],
        env=variables, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    template = json.loads((folder / "out" / "Yolo.template.json").read_text())
    return list(template["Resources"].values())


def one(resources: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (resource["Properties"] for resource in resources if resource["Type"] == kind)
    return found


def test_the_function_is_for_what_was_built(resources: list[dict[str, Any]]) -> None:
    function = one(resources, "AWS::Lambda::Function")
    assert (function["Runtime"], function["Architectures"]) == ("python3.12", ["arm64"])
    assert function["Handler"] == "function.handler.lambda_handler"
    assert (function["MemorySize"], function["Timeout"]) == (1769, 30)
    assert function["Environment"]["Variables"] == {"ORT_DISABLE_TELEMETRY": "1"}
    assert len(function["Layers"]) == 1
    layer = one(resources, "AWS::Lambda::LayerVersion")
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.12"], ["arm64"])


def test_callers_are_sent_to_the_alias(resources: list[dict[str, Any]]) -> None:
    assert one(resources, "AWS::Lambda::Alias")["Name"] == "live"
    url = one(resources, "AWS::Lambda::Url")
    assert url["AuthType"] == "AWS_IAM"
    assert url["Qualifier"] == "live"


def test_the_role_may_write_its_log_and_nothing_else(resources: list[dict[str, Any]]) -> None:
    role = one(resources, "AWS::IAM::Role")
    assert "AWSLambdaBasicExecutionRole" in json.dumps(role["ManagedPolicyArns"])
    assert len(role["ManagedPolicyArns"]) == 1
    assert not [resource for resource in resources if resource["Type"] == "AWS::IAM::Policy"]


def test_no_door_is_open_to_everybody(resources: list[dict[str, Any]]) -> None:
    assert not [resource for resource in resources if resource["Type"] == "AWS::Lambda::Permission"]
