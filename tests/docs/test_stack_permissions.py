"""The permissions for the stack in docs/deploy.md against its resources and the schemas of CloudFormation."""

import fnmatch
import functools
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.docs import pages
from tests.support import template_stack
from tests.template.test_template import COMBINATIONS

HEADING = "### Permissions for the stack"
CODE = re.compile(r"`([^`]*)`")
OF_FEATURES = (  # calls in the schemas for properties that the template does not set
    *("ec2:*", "elasticfilesystem:*", "s3files:*", "firehose:*", "s3tables:*", "kms:*", "s3:REST.*"),
    *("lambda:PassCapacityProvider", "iam:*Group*", "iam:*UserPolicy", "iam:*PermissionsBoundary"),
)
SCHEMAS = """
import json, sys
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as manager
schemas = {kind: manager.get_resource_schema("us-east-1", kind).schema for kind in sys.argv[1:]}
print(json.dumps({kind: schema["handlers"] for kind, schema in schemas.items()}))
"""


@functools.cache
def handlers() -> dict[str, Any]:
    """Return the handlers of each type of resource; in a process of its own, because imports of cfn-lint warn."""
    stacks = [template_stack.stack(**parameters)["Resources"].values() for parameters in COMBINATIONS.values()]
    kinds = sorted({resource["Type"] for stack in stacks for resource in stack} - {"Custom::BucketNotification"})
    finished = subprocess.run([sys.executable, "-c", SCHEMAS, *kinds], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


def rows() -> list[tuple[str, list[str]]]:
    """Return what the actions of each row are needed for, and the actions."""
    text = (pages.DOCS / "deploy.md").read_text("utf-8").partition(f"{HEADING}\n")[2].partition("\n### ")[0]
    cells = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ") and ":" in line]
    return [(needed, CODE.findall(actions)) for needed, actions, _ in cells]


def documented(parameters: dict[str, str]) -> list[str]:
    """Return the actions of the rows that hold for these parameters."""
    values = {name: str(declared["Default"]) for name, declared in template_stack.source()["Parameters"].items()}
    values |= parameters

    def holds(needed: str) -> bool:
        settings = [code.partition("=") for code in CODE.findall(needed)]
        return not settings or any(
            values[name] == value if value else values[name] not in ("", "off", "AllAtOnce")
            for name, _, value in settings
        )

    return [action for needed, actions in rows() if holds(needed) for action in actions]


def calls(resource: dict[str, Any]) -> set[str]:
    """Return the actions that CloudFormation calls for a resource."""
    kind = resource["Type"]
    if kind.startswith("Custom::"):
        return {"lambda:InvokeFunction"}
    called = {action for name, entry in handlers()[kind].items() if name != "list" for action in entry["permissions"]}
    if kind == "AWS::Lambda::Alias" and "UpdatePolicy" not in resource:  # moved at once, without CodeDeploy
        return {action for action in called if not action.startswith("codedeploy:")}
    return called


@pytest.mark.parametrize("parameters", COMBINATIONS.values(), ids=COMBINATIONS)
def test_every_call_for_a_resource_of_the_stack_is_in_the_table(parameters: dict[str, str]) -> None:
    allowed = [action.lower() for action in (*documented(parameters), *OF_FEATURES)]
    missing = {
        (name, action)
        for name, resource in template_stack.stack(**parameters)["Resources"].items()
        for action in calls(resource)
        if not any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in allowed)
    }
    assert missing == set()


def test_roles_are_passed_to_every_service_that_assumes_one() -> None:
    text = (pages.DOCS / "deploy.md").read_text("utf-8")
    [row] = [line for line in text.splitlines() if line.startswith("| each stack | `iam:PassRole`")]
    for parameters in COMBINATIONS.values():
        for role in template_stack.resources("AWS::IAM::Role", **parameters).values():
            [trust] = role["AssumeRolePolicyDocument"]["Statement"]
            service = trust["Principal"]["Service"]
            name = service if isinstance(service, str) else service[0]
            assert f"`{name}`" in row or name == "batchoperations.s3.amazonaws.com"  # passed to a job, not by the stack


def test_every_output_is_in_the_table() -> None:
    text = (pages.DOCS / "deploy.md").read_text("utf-8").partition("| output | meaning |\n")[2].partition("\n\n")[0]
    named = [name for line in text.splitlines()[1:] for name in CODE.findall(line.split(" | ")[0])]
    assert sorted(named) == sorted(template_stack.source()["Outputs"])
