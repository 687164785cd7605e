"""Canaries: a share of the calls for the new version, then all of them, or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import deploy
from scripts.aws.alias import Traffic, after_deploy
from tests.scripts.aws.conftest import FakeAws
from tests.scripts.aws.function import Function
from tests.scripts.aws.test_deploy_errors import error_line
from tests.support import built_zips


def moved(function: Function) -> dict[str, Any] | None:
    """Return the parameters that moved the alias."""
    return function.call("UpdateAlias", "CreateAlias")


def weights(**versions: float) -> dict[str, Any]:
    return {"AdditionalVersionWeights": {name[1:]: weight for name, weight in versions.items()}}


def test_canary_gets_its_share_and_the_main_version_the_rest(function: Function) -> None:
    lines = function.run("--canary", "10", "--region", "eu-west-1")
    assert moved(function) == {"FunctionVersion": "1", "RoutingConfig": weights(v2=0.1)}
    assert lines == [
        "alias     yolo:live is version 1 (90 % of the calls)",
        "canary    version 2 (10 % of the calls)",
        "call:         scripts/call.py image.jpg --function yolo:live --region eu-west-1",
        "promote:      scripts/deploy.sh --function yolo --promote --region eu-west-1",
        "roll back:    scripts/deploy.sh --function yolo --rollback --region eu-west-1",
        "remove:       scripts/undeploy.sh --function yolo --region eu-west-1",
    ]


def test_promotion_gives_all_calls_to_the_canary(function: Function) -> None:
    function.points_to("1", v2=0.1)
    lines = function.run("--promote")
    assert moved(function) == {"FunctionVersion": "2", "RoutingConfig": weights()}
    assert lines[:2] == [
        "alias     yolo:live is version 2 (was 1)",
        "canary    version 2 promoted; version 2 gets all calls",
    ]
    assert "roll back:    scripts/deploy.sh --function yolo --rollback 1" in lines


def test_rollback_of_a_canary_gives_all_calls_to_the_main_version(function: Function) -> None:
    function.points_to("2", v3=0.25)
    lines = function.run("--rollback")
    assert moved(function) == {"FunctionVersion": "2", "RoutingConfig": weights()}
    assert lines[:2] == [
        "alias     yolo:live is version 2 (as before)",
        "canary    version 3 ended: it had 25 % of the calls; version 2 gets all calls",
    ]


def test_rollback_to_a_named_version_ends_a_canary_too(function: Function) -> None:
    function.points_to("2", v3=0.25)
    function.run("--rollback", "1")
    assert moved(function) == {"FunctionVersion": "1", "RoutingConfig": weights()}


def test_deploy_without_canary_ends_a_running_one_and_says_so(function: Function) -> None:
    function.points_to("1", v2=0.1)
    function.publishes("3")
    lines = function.run()
    assert moved(function) == {"FunctionVersion": "3", "RoutingConfig": weights()}
    assert lines[:2] == [
        "alias     yolo:live is version 3 (was 1)",
        "canary    version 2 ended: it had 10 % of the calls; version 3 gets all calls",
    ]


def test_the_share_of_a_running_canary_changes(function: Function) -> None:
    function.points_to("1", v2=0.1)
    lines = function.run("--canary", "50")
    assert moved(function) == {"FunctionVersion": "1", "RoutingConfig": weights(v2=0.5)}
    assert lines[1] == "canary    version 2 (50 % of the calls)"


def test_a_new_canary_replaces_the_running_one(function: Function) -> None:
    function.points_to("1", v2=0.1)
    function.publishes("3")
    function.run("--canary", "5")
    assert moved(function) == {"FunctionVersion": "1", "RoutingConfig": weights(v3=0.05)}


def test_same_canary_again_moves_nothing(function: Function) -> None:
    function.points_to("1", v2=0.07)
    lines = function.run("--canary", "7")
    assert moved(function) is None
    assert lines[1] == "canary    version 2 (7 % of the calls, nothing changed)"


def test_canary_without_changes_moves_nothing(function: Function) -> None:
    function.points_to("2")
    lines = function.run("--canary", "10")
    assert moved(function) is None
    assert lines[:2] == [
        "alias     yolo:live is version 2 (nothing changed)",
        "canary    none: version 2 was there before; version 2 gets all calls",
    ]


def test_first_version_gets_all_calls_also_with_canary(function: Function) -> None:
    del function.aws.responses["GetAlias"]
    function.publishes("1")
    lines = function.run("--canary", "10")
    assert moved(function) == {"FunctionVersion": "1"}
    assert lines[:2] == [
        "alias     yolo:live is version 1 (new)",
        "canary    none: there was no version before; version 1 gets all calls",
    ]


def test_promotion_without_a_canary_is_an_error(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "--promote")
    assert line == (
        "deploy: yolo:live has no canary to promote: version 1 gets all calls; "
        "scripts/deploy.sh --canary PERCENT starts one\n"
    )
    assert moved(function) is None


def test_promotion_of_a_missing_alias_is_an_error(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert "alias yolo:live does not exist, " in error_line(capsys, "--promote")


def test_document_has_the_share_of_each_version(function: Function) -> None:
    (line,) = function.run("--canary", "10", "--json")
    document = json.loads(line)
    names = ("account", "region", "version", "previous_version", "canary", "traffic")
    assert {name: document[name] for name in names} == {
        "account": "123456789012",
        "region": "eu-west-1",
        "version": "1",
        "previous_version": "1",
        "canary": "2",
        "traffic": {"1": 90, "2": 10},
    }


def test_quiet_output_has_the_shares_alone(function: Function) -> None:
    assert function.run("--canary", "10", "--quiet") == [
        "alias     yolo:live is version 1 (90 % of the calls)",
        "canary    version 2 (10 % of the calls)",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--canary", "0"], "--canary must be between 1 and 99, got 0"),
        (["--canary", "100"], "--canary must be between 1 and 99, got 100"),
        (["--canary", "10", "--promote"], "--canary and --promote cannot be combined"),
        (["--promote", "--env", "A1=b"], "--promote only moves the alias and cannot be combined with --env"),
        (
            ["--rollback", "--create-role", "--reserved-concurrency", "0"],
            "--rollback only moves the alias and cannot be combined with --create-role, --reserved-concurrency",
        ),
        (["--promote", "--rollback"], "--promote and --rollback cannot be combined"),
        (["--canary", "10", "--rollback", "3"], "--canary and --rollback cannot be combined"),
    ],
)
def test_wrong_options_exit_with_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        deploy.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("percent", range(1, 100))
def test_shares_of_every_percentage_are_whole_numbers(percent: int) -> None:
    percents = after_deploy(Traffic("1"), "2", percent).percents()
    assert percents == {"1": 100 - percent, "2": percent}
    assert all(isinstance(value, int) for value in percents.values())


def test_share_that_another_tool_set_keeps_its_fraction() -> None:
    assert Traffic("1", "2", 0.015).percents() == {"1": 98.5, "2": 1.5}


def test_zips_of_another_build_are_checked_before_a_canary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dist = built_zips.write(tmp_path / "dist")
    (dist / "function.zip").write_bytes(b"another")
    assert "is not the file that build.json describes" in error_line(capsys, "--dist", str(dist), "--canary", "10")


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        ("CreateFunctionUrlConfig", "deploy: yolo:live has moved to version 2; its URL is not finished"),
        ("UpdateAlias", "deploy: yolo:live may have moved already; run deploy.sh again"),
    ],
)
def test_an_interruption_says_that_the_alias_has_moved(
    function: Function, operation: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(name: str, _: object) -> None:
        if name == operation:
            raise KeyboardInterrupt

    monkeypatch.setattr(function.aws, "record", interrupt)
    assert deploy.main(["--dist", str(function.dist), "--url", "iam"]) == 130
    first, last = capsys.readouterr().err.splitlines()
    assert first == line
    assert last.startswith("deploy: interrupted; unless a line above says that yolo:live has moved or may have")
