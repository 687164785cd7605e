"""template.yaml: updates in steps with CodeDeploy, and the alarms that stop them."""

from typing import Any

import pytest
from samtranslator.model.preferences import deployment_preference_collection

from tests.support import template_stack
from tests.support.template_stack import resources, stack
from tests.template.test_template import version

STEPS = [
    value for value in template_stack.source()["Parameters"]["Deployment"]["AllowedValues"] if value != "AllAtOnce"
]
CANARY = {"Deployment": "Canary10Percent5Minutes"}
GROUP = "AWS::CodeDeploy::DeploymentGroup"


def brakes(**parameters: str) -> list[Any]:
    """Return the alarms that stop an update."""
    [group] = resources(GROUP, **parameters).values()
    assert group["AlarmConfiguration"]["Enabled"] is True
    return [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]


def test_values_are_those_that_sam_knows() -> None:
    known = deployment_preference_collection.CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST
    assert sorted([*STEPS, "AllAtOnce"]) == sorted(known)


def test_update_is_at_once_and_without_codedeploy_by_default() -> None:
    deployed = stack()["Resources"]
    assert not [name for name, resource in deployed.items() if resource["Type"].startswith("AWS::CodeDeploy")]
    assert "UpdatePolicy" not in deployed["FunctionAliaslive"]
    assert len(resources("AWS::IAM::Role")) == 1


@pytest.mark.parametrize("name", STEPS)
def test_alias_moves_in_steps(name: str) -> None:
    deployed = stack(Deployment=name)["Resources"]
    policy = deployed["FunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert deployed[policy["DeploymentGroupName"]["Ref"]]["Type"] == GROUP
    [group] = resources(GROUP, Deployment=name).values()
    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{name}"
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, ["VersionErrorsAlarm", "FaultsAlarm"]), ({"Metrics": "0"}, ["VersionErrorsAlarm"])],
)
def test_alarms_that_stop_an_update_exist(more: dict[str, str], expected: list[str]) -> None:
    assert brakes(**CANARY, **more) == expected
    assert set(expected) <= set(resources("AWS::CloudWatch::Alarm", **CANARY, **more))


def test_alarm_looks_at_the_version_that_the_alias_gets() -> None:
    deployed = stack(**CANARY)["Resources"]
    dimensions = {row["Name"]: row["Value"] for row in deployed["VersionErrorsAlarm"]["Properties"]["Dimensions"]}
    assert dimensions["ExecutedVersion"] == deployed["FunctionAliaslive"]["Properties"]["FunctionVersion"]
    assert dimensions["Resource"] == {"Fn::Sub": "${Function}:live"}


def test_update_in_steps_needs_alarms() -> None:
    assert template_stack.broken_rules(**CANARY, Alarms="off") == {"GradualDeploymentNeedsAlarms"}


def test_parameters_publish_a_version_as_without_steps() -> None:
    assert version(**CANARY) == version()
    assert version(**CANARY, Memory="3008") != version(**CANARY)
