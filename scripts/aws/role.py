"""Execution role of the function: an existing one, or one that is created with the permission to write logs."""

from __future__ import annotations

from typing import Any

from scripts.aws.commands import TRUST, logs_policy
from scripts.aws.errors import DeployError
from scripts.aws.session import Aws

TAG = "yolo-lambda-zip"  # its value is the name of the function; only a role with this tag is ever removed


def default_name(function: str) -> str:
    """Return the name of a created role if the command line names none."""
    return f"{function}-lambda"


def arn_of(aws: Aws, role: str) -> str:
    """Return the ARN of an existing role, which is named by name or ARN.

    Raises:
        DeployError: the role does not exist.
    """
    if role.startswith("arn:"):
        return role
    existing = _find(aws, role)
    if not existing:
        raise DeployError(f"role {role} does not exist; --role names an existing role, --create-role creates one")
    return str(existing["Arn"])


def ensure_created(aws: Aws, role: str, function: str) -> str:
    """Return the ARN of the role that deploy.sh created for this function; create it if there is none.

    Raises:
        DeployError: a role of that name exists, and deploy.sh did not create it for this function.
    """
    existing = _find(aws, role)
    if existing and not is_own(existing, function):
        raise DeployError(
            f"role {role} exists and was not created by deploy.sh; `--role {role}` without --create-role uses it"
        )
    if existing:
        arn = str(existing["Arn"])
    else:
        tags = [{"Key": TAG, "Value": function}]
        response = aws.change("iam", "create_role", RoleName=role, AssumeRolePolicyDocument=TRUST, Tags=tags)
        arn = response["Role"]["Arn"] if response else f"arn:{aws.partition}:iam::{aws.account}:role/{role}"
    aws.change("iam", "attach_role_policy", RoleName=role, PolicyArn=logs_policy(aws.partition))
    if not existing and not aws.dry_run:
        aws.report(f"role      {role} created; it may write logs and nothing else")
    return arn


def is_removable(aws: Aws, role: str, function: str) -> bool:
    """Return whether deploy.sh created a role of this name for this function."""
    existing = _find(aws, role)
    return bool(existing and is_own(existing, function))


def remove(aws: Aws, role: str) -> None:
    """Remove a role that deploy.sh created, also after a removal that was interrupted."""
    aws.remove("iam", "detach_role_policy", RoleName=role, PolicyArn=logs_policy(aws.partition))
    aws.remove("iam", "delete_role", RoleName=role)


def is_own(role: dict[str, Any], function: str) -> bool:
    """Return whether a role has the tag that deploy.sh sets for this function."""
    return {"Key": TAG, "Value": function} in role.get("Tags", [])


def _find(aws: Aws, role: str) -> dict[str, Any] | None:
    response = aws.read("iam", "get_role", RoleName=role)
    return response["Role"] if response else None
