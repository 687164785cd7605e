"""Output of deploy.sh and undeploy.sh with --json, --quiet and --verbose."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import deploy, undeploy
from tests.scripts.aws.conftest import FakeAws

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:yolo-packages:3"
ACCOUNT = {"account": "123456789012", "region": "eu-west-1"}
MOVED = {
    **ACCOUNT,
    "function": "yolo",
    "alias": "live",
    "version": "1",
    "previous_version": "3",
    "canary": None,
    "traffic": {"1": 100},
    "dry_run": False,
}


@pytest.fixture
def two_versions(aws: FakeAws) -> FakeAws:
    """A function whose alias points to the second of its two versions."""
    aws.responses |= {"GetAlias": {"FunctionVersion": "3"}, "UpdateAlias": {}}
    aws.responses["ListVersionsByFunction"] = {"Versions": [{"Version": "1"}, {"Version": "3"}]}
    return aws


@pytest.fixture
def layer_alone(aws: FakeAws) -> FakeAws:
    """What is left of a deployment is a layer version."""
    versions = [{"LayerVersionArn": LAYER, "Version": 3, "Description": "yolo-lambda-zip sha256:0"}]
    aws.responses |= {"ListLayerVersions": {"LayerVersions": versions}, "DeleteLayerVersion": {}}
    return aws


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the only line of the output."""
    (line,) = capsys.readouterr().out.splitlines()
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def test_deploy_prints_one_document(two_versions: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--rollback", "--json"]) == 0
    assert document(capsys) == {**MOVED, "report": ["account   123456789012 in eu-west-1"]}


def test_the_document_of_a_dry_run_has_the_commands_and_no_version(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--dist", str(dist), "--create-role", "--dry-run", "--json", "--quiet"]) == 0
    printed = document(capsys)
    assert (printed["version"], printed["previous_version"], printed["dry_run"]) == (None, None, True)
    assert [line for line in printed["report"] if "aws lambda create-function " in line]


def test_quiet_deploy_prints_the_version_alone(two_versions: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--rollback", "--quiet"]) == 0
    assert capsys.readouterr() == ("alias     yolo:live is version 1 (was 3)\n", "")


def test_verbose_prints_every_command_to_stderr(two_versions: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--rollback", "--region", "eu-west-1", "--verbose"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "+ aws sts get-caller-identity --region eu-west-1"
    assert lines[-1] == (
        "+ aws lambda update-alias --function-name yolo --name live --function-version 1 --region eu-west-1"
    )
    operations = ["".join(map(str.capitalize, line.split()[3].split("-"))) for line in lines]
    assert operations == two_versions.operations


def test_undeploy_prints_one_document(layer_alone: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert undeploy.main(["--yes", "--json"]) == 0
    printed = document(capsys)
    report = printed.pop("report")
    assert printed == {
        **ACCOUNT,
        "function": None,
        "layer_versions": [LAYER],
        "role": None,
        "log_group": None,
        "urls": [],
        "dry_run": False,
    }
    assert report[:3] == ["account   123456789012 in eu-west-1", "to be removed:", f"  layer version {LAYER}"]
    assert layer_alone.calls[-1] == ("DeleteLayerVersion", {"LayerName": "yolo-packages", "VersionNumber": 3})


def test_undeploy_prints_a_document_also_if_there_is_nothing(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert undeploy.main(["--yes", "--json"]) == 0
    assert document(capsys)["report"][1:] == ["nothing to remove for yolo"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2)])
def test_quiet_undeploy_prints_the_question_with_its_list_alone(
    answer: str, code: int, layer_alone: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert undeploy.main(["--quiet"]) == code
    account = "account   123456789012 in eu-west-1\n"
    assert capsys.readouterr().out == f"{account}to be removed:\n  layer version {LAYER}\nremove all of it? [y/N] "


def test_quiet_undeploy_without_a_question_prints_nothing(
    layer_alone: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert undeploy.main(["--quiet", "--yes"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json"], "--json requires --yes or --dry-run: a question would be in the document"),
        (["--function", "yolo:live"], "--function must be a name without an alias, got yolo:live: "),
    ],
)
def test_undeploy_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        undeploy.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
