"""The function's role: found by name, or made on request with the right to write its log and no other."""

from typing import Any

from scripts.aws.cli import Aws, DeployError
from scripts.aws.commands import LOGS_POLICY, TRUST

TAG = "yolo-lambda-zip"  # its value is the function; only a role that has it is ever removed


def default_name(function: str) -> str:
    """Of a role that is made without a name."""
    return f"{function}-lambda"


def arn_of(aws: Aws, role: str) -> str:
    """The ARN of a role that exists; an ARN stays as it is.

    Raises:
        DeployError: there is no such role.
    """
    if role.startswith("arn:"):
        return role
    found = _find(aws, role)
    if not found:
        raise DeployError(f"there is no role {role}; --role names one that exists, --create-role makes one")
    return str(found["Arn"])


def made(aws: Aws, role: str, function: str) -> str:
    """The ARN of the role that was made here for this function, made now if there is none.

    Raises:
        DeployError: a role of that name is there and is another's.
    """
    found = _find(aws, role)
    if found and not is_ours(found, function):
        raise DeployError(f"role {role} exists and was not made here; `--role {role}` without --create-role uses it")
    if found:
        arn = str(found["Arn"])
    else:
        tag = f"Key={TAG},Value={function}"
        answer = aws.change(
            "iam", "create-role", "--role-name", role, "--assume-role-policy-document", TRUST, "--tags", tag
        )
        arn = answer["Role"]["Arn"] if answer else f"arn:aws:iam::ACCOUNT:role/{role}"
    aws.change("iam", "attach-role-policy", "--role-name", role, "--policy-arn", LOGS_POLICY)
    if not found and not aws.dry_run:
        aws.say(f"role      {role} made; it may write logs and nothing else")
    return arn


def exists(aws: Aws, role: str, function: str) -> bool:
    """Whether there is a role of this name that was made here for this function."""
    found = _find(aws, role)
    return bool(found and is_ours(found, function))


def remove(aws: Aws, role: str) -> None:
    """Remove a role that was made here."""
    aws.change("iam", "detach-role-policy", "--role-name", role, "--policy-arn", LOGS_POLICY)
    aws.change("iam", "delete-role", "--role-name", role)


def is_ours(role: dict[str, Any], function: str) -> bool:
    """Whether it carries the tag that is set here."""
    return {"Key": TAG, "Value": function} in role.get("Tags", [])


def _find(aws: Aws, role: str) -> dict[str, Any] | None:
    found = aws.read("iam", "get-role", "--role-name", role)
    return found["Role"] if found else None
