"""Published versions of the function, and the alias that callers use: where it points, and moving it."""

from __future__ import annotations

from typing import Any

from scripts.aws.errors import DeployError
from scripts.aws.session import Aws


def publish(aws: Aws, function: str, code_sha256: str) -> str:
    """Publish the function as it is now and return the version; without changes, Lambda returns the last version."""
    version = str(aws.change("lambda", "publish_version", "Version", FunctionName=function, CodeSha256=code_sha256))
    aws.wait("lambda", "published_version_active", FunctionName=function, Qualifier=version)
    return version


def current(aws: Aws, function: str, alias: str) -> dict[str, Any] | None:
    """Return the alias; None if it does not exist."""
    response: dict[str, Any] | None = aws.read("lambda", "get_alias", FunctionName=function, Name=alias)
    return response


def move(aws: Aws, function: str, alias: str, version: str, before: dict[str, Any] | None) -> None:
    """Point the alias at a version, with all of the traffic; create the alias if `before` is None."""
    weights = ((before or {}).get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    if before and before["FunctionVersion"] == version and not weights:
        return
    parameters: dict[str, Any] = {"FunctionName": function, "Name": alias, "FunctionVersion": version}
    if weights:
        parameters["RoutingConfig"] = {"AdditionalVersionWeights": {}}
    aws.change("lambda", "update_alias" if before else "create_alias", **parameters)


def rollback_target(aws: Aws, function: str, alias: str, requested: str | None) -> tuple[dict[str, Any], str]:
    """Return the alias and the version to roll back to.

    Args:
        aws: makes the calls.
        function: name of the function.
        alias: name of the alias.
        requested: a version; None: the version before the one that the alias points at.

    Raises:
        DeployError: the function, the alias or the version does not exist.
    """
    before = current(aws, function, alias)
    if not before:
        raise DeployError(f"alias {function}:{alias} does not exist, so it cannot be rolled back; scripts/deploy.sh "
                          "creates it")  # fmt: skip
    items = aws.pages("lambda", "list_versions_by_function", "Versions", FunctionName=function)
    versions = sorted(int(item["Version"]) for item in items if item["Version"].isdigit())
    deployed = before["FunctionVersion"]
    if requested is None:
        earlier = [version for version in versions if deployed.isdigit() and version < int(deployed)]
        if not earlier:
            raise DeployError(f"{function}:{alias} is version {deployed}, and there is no version before it")
        return before, str(earlier[-1])
    if not (requested.isdigit() and int(requested) in versions):
        available = ", ".join(map(str, versions)) or "none"
        raise DeployError(f"unknown version {requested!r} of {function}; available: {available}")
    return before, str(int(requested))
