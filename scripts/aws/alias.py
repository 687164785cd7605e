"""Published versions of the function, and the alias that callers use: where it points, and moving it."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from scripts.aws.errors import DeployError
from scripts.aws.session import Aws


class Traffic(NamedTuple):
    """Where an alias sends its calls.

    Attributes:
        main: the version that gets what the canary does not get; in a dry run it may be a shell variable.
        canary: the version with a weight; None: there is none.
        share: of the calls that the canary gets, 0..1.
    """

    main: str
    canary: str | None = None
    share: float = 0.0

    def percents(self) -> dict[str, float]:
        """Return the percentage of the calls that each version gets."""
        percent = round(100 * self.share, 4)  # a weight is stored as a binary fraction
        shares = {self.main: 100 - percent} | ({self.canary: percent} if self.canary else {})
        return {version: int(value) if value == int(value) else value for version, value in shares.items()}


def publish(aws: Aws, function: str, code_sha256: str) -> str:
    """Publish the function as it is now and return the version; without changes, Lambda returns the last version."""
    version = str(aws.change("lambda", "publish_version", "Version", FunctionName=function, CodeSha256=code_sha256))
    aws.wait("lambda", "published_version_active", FunctionName=function, Qualifier=version)
    return version


def current(aws: Aws, function: str, alias: str) -> Traffic | None:
    """Return where an alias points; None if it does not exist."""
    response = aws.read("lambda", "get_alias", FunctionName=function, Name=alias)
    if not response:
        return None
    weights = (response.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    canary, share = next(iter(weights.items()), (None, 0.0))  # Lambda allows one
    return Traffic(response["FunctionVersion"], canary, share)


def after_deploy(before: Traffic | None, version: str, percent: int | None) -> Traffic:
    """Return where the alias has to point after a version was published.

    Args:
        before: where it points; None: there is no alias, so that the version gets all calls.
        version: the published one; without changes, the last one.
        percent: of the calls that the version gets as a canary; None: all of them, which ends a canary.
    """
    if percent is None or before is None:
        return Traffic(version)
    return before if version == before.main else Traffic(before.main, version, percent / 100)


def move(aws: Aws, function: str, alias: str, after: Traffic, before: Traffic | None) -> None:
    """Point the alias at versions; create it if `before` is None."""
    if after == before:
        return
    parameters: dict[str, Any] = {"FunctionName": function, "Name": alias, "FunctionVersion": after.main}
    shown = {}
    if after.canary or (before and before.canary):
        weights = {after.canary: after.share} if after.canary else {}
        parameters["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        if after.canary:  # as text in which the shell replaces a variable
            shown["RoutingConfig"] = f"AdditionalVersionWeights={{{after.canary}={after.share}}}"
    try:
        aws.change("lambda", "update_alias" if before else "create_alias", shown=shown, **parameters)
    except KeyboardInterrupt:  # the request may have arrived
        sys.stderr.write(f"deploy: {function}:{alias} may have moved already; run deploy.sh again\n")
        raise


def promotion(aws: Aws, function: str, alias: str) -> tuple[Traffic, Traffic]:
    """Return where the alias points, and where it has to point so that its canary gets all calls.

    Raises:
        DeployError: there is no canary.
    """
    before = _existing(aws, function, alias)
    if not before.canary:
        raise DeployError(
            f"{function}:{alias} has no canary to promote: version {before.main} gets all calls; "
            "scripts/deploy.sh --canary PERCENT starts one"
        )
    return before, Traffic(before.canary)


def rollback(aws: Aws, function: str, alias: str, requested: str | None) -> tuple[Traffic, Traffic]:
    """Return where the alias points, and where it has to point after a rollback.

    Args:
        aws: makes the calls.
        function: name of the function.
        alias: name of the alias.
        requested: a version; None: the main version if there is a canary, and otherwise the version before it.

    Raises:
        DeployError: the function, the alias or the version does not exist.
    """
    before = _existing(aws, function, alias)
    if requested is None and before.canary:
        return before, Traffic(before.main)
    items = aws.pages("lambda", "list_versions_by_function", "Versions", FunctionName=function)
    versions = sorted(int(item["Version"]) for item in items if item["Version"].isdigit())
    if requested is None:
        earlier = [version for version in versions if before.main.isdigit() and version < int(before.main)]
        if not earlier:
            raise DeployError(f"{function}:{alias} is version {before.main}, and there is no version before it")
        return before, Traffic(str(earlier[-1]))
    if not (requested.isdigit() and int(requested) in versions):
        available = ", ".join(map(str, versions)) or "none"
        raise DeployError(f"unknown version {requested!r} of {function}; available: {available}")
    return before, Traffic(str(int(requested)))


def _existing(aws: Aws, function: str, alias: str) -> Traffic:
    traffic = current(aws, function, alias)
    if not traffic:
        raise DeployError(f"alias {function}:{alias} does not exist, so it cannot be promoted or rolled back; "
                          "scripts/deploy.sh creates it")  # fmt: skip
    return traffic
