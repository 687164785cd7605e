"""Published versions and the alias that callers name: where it points, and moving it."""

from typing import Any

from scripts.aws.cli import Aws, DeployError


def publish(aws: Aws, function: str, code_sha256: str) -> str:
    """A version of the function as it is now; if nothing changed since the last one, Lambda gives that one again."""
    version = str(
        aws.change(
            "lambda", "publish-version", "--function-name", function, "--code-sha256", code_sha256, field="Version"
        )
    )
    aws.change("lambda", "wait", "published-version-active", "--function-name", function, "--qualifier", version)
    return version


def current(aws: Aws, function: str, alias: str) -> dict[str, Any] | None:
    """The alias; None if there is none."""
    found: dict[str, Any] | None = aws.read("lambda", "get-alias", "--function-name", function, "--name", alias)
    return found


def move(aws: Aws, function: str, alias: str, version: str, before: dict[str, Any] | None) -> None:
    """Point the alias, made if need be, at a version, with all of the calls."""
    weights = ((before or {}).get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    if before and before["FunctionVersion"] == version and not weights:
        return
    words = ["--function-name", function, "--name", alias, "--function-version", version]
    if weights:
        words += ["--routing-config", '{"AdditionalVersionWeights":{}}']
    aws.change("lambda", "update-alias" if before else "create-alias", *words)


def earlier(aws: Aws, function: str, alias: str, wanted: str | None) -> tuple[dict[str, Any], str]:
    """The alias and the version to go back to: the one that is named, else the one before the alias's.

    Raises:
        DeployError: there is no such function, alias or version.
    """
    pointing = current(aws, function, alias)
    if not pointing:
        raise DeployError(f"there is no {function}:{alias} that could be rolled back; scripts/deploy.sh makes it")
    found = aws.read("lambda", "list-versions-by-function", "--function-name", function)
    versions = sorted(int(one["Version"]) for one in found["Versions"] if one["Version"].isdigit())
    now = pointing["FunctionVersion"]
    if wanted is None:
        before = [one for one in versions if now.isdigit() and one < int(now)]
        if not before:
            raise DeployError(f"{function}:{alias} is version {now}, and there is none before it")
        return pointing, str(before[-1])
    if not (wanted.isdigit() and int(wanted) in versions):
        raise DeployError(f"{function} has no version {wanted}; it has {', '.join(map(str, versions)) or 'none'}")
    return pointing, str(int(wanted))
