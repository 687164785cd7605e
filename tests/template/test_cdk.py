"""The CDK construct, synthesized as by `cdk deploy`: its resources for the two zips."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The example's stack, from empty zips: the CDK does not read them."""
    folder = tmp_path_factory.mktemp("cdk")
    return synthesized(ROOT / "example" / "cdk" / "app.py", folder)


def synthesized(app: Path, folder: Path) -> dict[str, Any]:
    """Run an application on empty zips in the environment of the CDK; return the template of its stack `Yolo`."""
    (folder / "dist").mkdir()
    for name in ("layer.zip", "function.zip"):
        (folder / "dist" / name).write_bytes(b"PK\x05\x06" + bytes(18))
    (folder / "dist" / "build.json").write_text(json.dumps({"arch": "arm64", "python": "3.12"}))
    listed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "cdk"], capture_output=True, text=True, check=True
    )
    python = listed.stdout.splitlines()[-1]
    variables = {
        **os.environ,
        "DIST": str(folder / "dist"),
        "CDK_OUTDIR": str(folder / "out"),
        "PYTHONPATH": str(ROOT / "example" / "cdk"),
    }
    finished = subprocess.run(
        [python, str(app)], env=variables, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    parsed: dict[str, Any] = json.loads((folder / "out" / "Yolo.template.json").read_text())
    return parsed


@pytest.fixture
def resources(template: dict[str, Any]) -> list[dict[str, Any]]:
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


def test_outputs_name_what_callers_need(template: dict[str, Any]) -> None:
    assert template["Outputs"].keys() == {"FunctionName", "Alias", "Url"}
    [function] = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::Lambda::Function"]
    [alias] = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::Lambda::Alias"]
    assert template["Outputs"]["FunctionName"]["Value"] == {"Ref": function}
    assert template["Outputs"]["Alias"]["Value"] == {"Ref": alias}


def test_versions_and_layers_stay_and_the_log_is_deleted(resources: list[dict[str, Any]]) -> None:
    policies = {resource["Type"]: resource.get("DeletionPolicy", "Delete") for resource in resources}
    kept = {"AWS::Lambda::Version", "AWS::Lambda::LayerVersion"}
    assert {kind for kind, policy in policies.items() if policy == "Retain"} == kept


def test_log_of_the_function_ends_after_a_month(resources: list[dict[str, Any]]) -> None:
    assert single(resources, "AWS::Logs::LogGroup") == {"RetentionInDays": 30}  # no name: two stacks do not collide
    logging = single(resources, "AWS::Lambda::Function")["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    assert logging["LogGroup"]["Ref"].startswith("YoloLog")


def test_concurrency_is_not_reserved(resources: list[dict[str, Any]]) -> None:
    assert "ReservedConcurrentExecutions" not in single(resources, "AWS::Lambda::Function")


def test_retention_concurrency_and_variables_are_arguments(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from pathlib import Path\n"
        "from aws_cdk import App, Stack\n"
        "from aws_cdk.aws_logs import RetentionDays\n"
        "from yolo import YoloFunction\n"
        "app = App()\n"
        "YoloFunction(Stack(app, 'Yolo'), 'Gauges', dist=Path('dist'), memory_mb=3008,\n"
        "             log_retention=RetentionDays.ONE_WEEK, reserved_concurrency=5, CONF_THRESHOLD='0.4')\n"
        "app.synth()\n"
    )
    resources = list(synthesized(tmp_path / "app.py", tmp_path)["Resources"].values())
    function = single(resources, "AWS::Lambda::Function")
    assert (function["ReservedConcurrentExecutions"], function["MemorySize"]) == (5, 3008)
    assert function["Environment"]["Variables"] == {"ORT_DISABLE_TELEMETRY": "1", "CONF_THRESHOLD": "0.4"}
    assert single(resources, "AWS::Logs::LogGroup")["RetentionInDays"] == 7
