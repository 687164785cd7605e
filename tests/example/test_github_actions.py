"""example/github-actions/: the workflow that deploys a canary, read as GitHub does, and its steps with a fake `aws`."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.docs import commands
from tests.docs.commands import Command

FOLDER = ROOT / "example" / "github-actions"
WORKFLOW = FOLDER / "deploy.yml"
OWN_WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: ([\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", re.MULTILINE)
NAMED = list(commands.named_in(WORKFLOW))


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return parsed


def steps(workflow: dict[Any, Any], job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow["jobs"][job]["steps"]
    return found


def run_step(script: str, folder: Path, aws: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a step as GitHub does, with programs of the test in place of `aws` and `sleep`."""
    for name, body in (("aws", aws), ("sleep", "")):
        (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (folder / name).chmod(0o755)
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "FUNCTION": "yolo", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=variables, cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_only_the_job_that_deploys_gets_a_token(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["build"]
    deploy = workflow["jobs"]["deploy"]
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    assert (deploy["environment"], deploy["needs"]) == ("production", "build")
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert "secrets." not in WORKFLOW.read_text()


def test_every_action_is_pinned_to_the_commit_that_the_project_uses() -> None:
    text = WORKFLOW.read_text()
    pinned = dict(PINNED.findall(text))
    assert len(PINNED.findall(text)) == text.count("uses: ") == 7
    own = dict(match for path in OWN_WORKFLOWS for match in PINNED.findall(path.read_text()))
    assert {name: commit for name, commit in pinned.items() if name.startswith("actions/")}.items() <= own.items()
    assert set(pinned) - set(own) == {"aws-actions/configure-aws-credentials"}


def test_steps_are_in_the_order_that_is_safe(workflow: dict[Any, Any]) -> None:
    built = [step.get("run", "").split(" ")[0] for step in steps(workflow, "build")]
    assert built.index("scripts/build_zip.sh") < built.index("scripts/compare.py")
    text = [step.get("run", "") for step in steps(workflow, "deploy")]
    words = ("--canary 10", "get-alias", "scripts/call.py", "get-metric-statistics", "--promote", "--rollback")
    order = [next(number for number, run in enumerate(text) if word in run) for word in words]
    assert order == sorted(order)


def test_rollback_is_only_for_a_failure_with_a_canary(workflow: dict[Any, Any]) -> None:
    conditions = {step["run"].split()[-1]: step.get("if", "") for step in steps(workflow, "deploy") if "run" in step}
    assert conditions["--promote"] == "steps.new.outputs.version != 'None'"
    rollback = conditions["--rollback"]
    assert "failure()" in rollback and "steps.new.outputs.version && steps.new.outputs.version != 'None'" in rollback


@pytest.mark.parametrize("command", NAMED, ids=lambda command: " ".join(command.words))
def test_commands_are_accepted_with_their_options(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    named, arguments = commands.split(command)
    assert os.access(ROOT / named, os.X_OK)
    try:
        commands.parser(named).parse_args(arguments)
    except SystemExit as stop:
        pytest.fail(f"{stop.code}: {capsys.readouterr().err}")


def test_all_commands_of_the_deployment_are_found() -> None:
    files = {command.words[0] for command in NAMED}
    assert files == {"scripts/build_zip.sh", "scripts/compare.py", "scripts/deploy.sh", "scripts/call.py"}


@pytest.mark.parametrize("name", ["MODEL", "GOLDEN"])
def test_files_of_the_example_exist(name: str, workflow: dict[Any, Any]) -> None:
    assert (ROOT / workflow["env"][name]).exists()
    assert list((ROOT / workflow["env"]["GOLDEN"]).glob("*.jpg"))


@pytest.mark.parametrize(("printed", "version"), [("7", "7"), ("None", "None")])
def test_version_of_the_canary_is_an_output(
    printed: str, version: str, workflow: dict[Any, Any], tmp_path: Path
) -> None:
    [step] = [step for step in steps(workflow, "deploy") if step.get("id") == "new"]
    output = tmp_path / "output"
    done = run_step(step["run"], tmp_path, f"echo {printed}", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stderr
    assert output.read_text() == f"version={version}\n"


def test_version_is_read_from_the_weights_of_the_alias(workflow: dict[Any, Any], tmp_path: Path) -> None:
    jmespath = pytest.importorskip("jmespath")
    [step] = [step for step in steps(workflow, "deploy") if step.get("id") == "new"]
    run_step(step["run"], tmp_path, 'printf "%s\\n" "$@" > arguments', GITHUB_OUTPUT=str(tmp_path / "output"))
    query = (tmp_path / "arguments").read_text().splitlines()[-1]
    assert jmespath.search(query, {"RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}}}) == "7"
    assert jmespath.search(query, {"FunctionVersion": "6"}) is None
    assert jmespath.search(query, {"RoutingConfig": {"AdditionalVersionWeights": {}}}) is None


@pytest.mark.parametrize(
    ("calls", "errors", "passes"),
    [("12.0", "0.0", True), ("12", "0", True), ("0", "0", False), ("12.0", "1.0", False), ("", "", False)],
)
def test_canary_passes_with_calls_and_without_errors(
    calls: str, errors: str, passes: bool, workflow: dict[Any, Any], tmp_path: Path
) -> None:
    [step] = [step for step in steps(workflow, "deploy") if "get-metric-statistics" in step.get("run", "")]
    aws = f'echo "$@" >> calls; case "$*" in *Invocations*) echo "{calls}" ;; *Errors*) echo "{errors}" ;; esac'
    done = run_step(step["run"], tmp_path, aws, VERSION="7")
    assert (done.returncode == 0) == passes, done.stderr
    first = (tmp_path / "calls").read_text().splitlines()[0]
    for dimension in ("FunctionName,Value=yolo", "Resource,Value=yolo:live", "ExecutedVersion,Value=7"):
        assert f"Name={dimension}" in first


def test_role_trusts_one_environment_of_one_repository(workflow: dict[Any, Any]) -> None:
    [statement] = json.loads((FOLDER / "trust-policy.json").read_text())["Statement"]
    host = "token.actions.githubusercontent.com"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::ACCOUNT:oidc-provider/{host}"}
    environment = workflow["jobs"]["deploy"]["environment"]
    assert statement["Condition"]["StringEquals"] == {
        f"{host}:aud": "sts.amazonaws.com",
        f"{host}:sub": f"repo:OWNER/REPOSITORY:environment:{environment}",
    }
