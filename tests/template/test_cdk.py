"""The CDK construct, synthesized as by `cdk deploy`: its resources for the two zips."""

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
    """Resources of the example's stack, from empty zips: the CDK does not read them."""
    folder = tmp_path_factory.mktemp("cdk")
    (folder / "dist").mkdir()
    for name in ("layer.zip", "function.zip"):
        (folder / "dist" / name).write_bytes(b"PK\x05\x06" + bytes(18))
    (folder / "dist" / "build.json").write_text(json.dumps({"arch": "arm64", "python": "3.12"}))
    listed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "cdk"], capture_output=True, text=True, check=True
    )
    python = listed.stdout.splitlines()[-1]
    variables = {**os.environ, "DIST": str(folder / "dist"), "CDK_OUTDIR": str(folder / "out")}
    finished = subprocess.run(
        [python, str(ROOT / "example" / "cdk" / "app.py")],
        env=variables, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    template = json.loads((folder / "out" / "Yolo.template.json").read_text())
    return list(template["Resources"].values())


def single(resources: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (properties,) = (resource["Properties"] for resource in resources if resource["Type"] == kind)
    return properties


def test_function_has_the_python_version_and_architecture_of_the_zips(resources: list[dict[str, Any]]) -> None:
    function = single(resources, "AWS::Lambda::Function")
    assert (function["Runtime"], function["Architectures"]) == ("python3.12", ["arm64"])
    assert function["Handler"] == "function.handler.lambda_handler"
    assert (function["MemorySize"], function["Timeout"]) == (1769, 30)
    assert function["Environment"]["Variables"] == {"ORT_DISABLE_TELEMETRY": "1"}
    assert len(function["Layers"]) == 1
    layer = single(resources, "AWS::Lambda::LayerVersion")
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.12"], ["arm64"])


def test_url_calls_the_alias(resources: list[dict[str, Any]]) -> None:
    assert single(resources, "AWS::Lambda::Alias")["Name"] == "live"
    url = single(resources, "AWS::Lambda::Url")
    assert url["AuthType"] == "AWS_IAM"
    assert url["Qualifier"] == "live"


def test_role_may_only_write_its_log(resources: list[dict[str, Any]]) -> None:
    role = single(resources, "AWS::IAM::Role")
    assert "AWSLambdaBasicExecutionRole" in json.dumps(role["ManagedPolicyArns"])
    assert len(role["ManagedPolicyArns"]) == 1
    assert not [resource for resource in resources if resource["Type"] == "AWS::IAM::Policy"]


def test_no_endpoint_is_public(resources: list[dict[str, Any]]) -> None:
    assert not [resource for resource in resources if resource["Type"] == "AWS::Lambda::Permission"]
