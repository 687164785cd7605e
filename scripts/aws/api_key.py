"""API key of the Function URL: made once, its digest is a variable of the function."""

from __future__ import annotations

import hashlib
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scripts.aws import alias
from scripts.aws.errors import DeployError

if TYPE_CHECKING:
    from scripts.aws.session import Aws

VARIABLE = "API_KEY_SHA256"
DIGESTS = re.compile(r"\s*[0-9a-fA-F]{64}\s*(?:,\s*[0-9a-fA-F]{64}\s*)*")  # function/settings.py, API_KEY_SHA256
IN_DRY_RUN = "(digest of a new key)"  # a dry run makes none
KEY_BYTES = 32
REMOVE = f"`--env {VARIABLE}=` removes it"


def make() -> str:
    """Return a random key."""
    return secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> str:
    """Return what the function knows of a key, as function/api/keys.py expects it."""
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def not_lost(key: str | None) -> Iterator[None]:
    """Say what to do if a deployment ends between a new key and the lines that show it."""
    try:
        yield
    except BaseException:
        if key:
            sys.stderr.write(
                "deploy: the new API key was not shown, and its digest may be set already; run deploy.sh again with "
                "--url key --new-key\n"
            )
        raise


def require_in_alias(aws: Aws, function: str, alias_name: str) -> None:
    """Check that every version that gets calls of the alias has a key, before its URL is opened.

    Raises:
        DeployError: one has none.
    """
    for version in _versions(alias.current(aws, function, alias_name)):
        if not of_version(aws, function, version):
            raise DeployError(
                f"version {version} of {function} gets calls of the alias {alias_name} and needs no API key, so the "
                "URL was not opened; --promote or --rollback ends a canary, then run deploy.sh again"
            )


def require_after_move(aws: Aws, function: str, alias_name: str, before: alias.Traffic, version: str) -> None:
    """Check before the alias moves to another version that its URL does not lose its key by that.

    Args:
        aws: makes the calls.
        function: name of the function.
        alias_name: name of the alias.
        before: where it points.
        version: where it would point.

    Raises:
        DeployError: everybody could call the URL.
    """
    if of_version(aws, function, version) or not all(of_version(aws, function, item) for item in _versions(before)):
        return
    config = aws.read("lambda", "get_function_url_config", FunctionName=function, Qualifier=alias_name)
    if config and config["AuthType"] == "NONE":
        raise DeployError(
            f"version {version} of {function} needs no API key, so everybody could call the URL of the alias "
            f"{alias_name}; close it first: aws lambda update-function-url-config --function-name {function} "
            f"--qualifier {alias_name} --auth-type AWS_IAM{aws.selection}"
        )


def _versions(traffic: alias.Traffic | None) -> list[str]:
    return list(traffic.percents()) if traffic else []


def of_version(aws: Aws, function: str, version: str) -> str:
    """Return the digests that a version has; "" if it needs no key."""
    config: dict[str, Any] = aws.read(
        "lambda", "get_function_configuration", FunctionName=function, Qualifier=version
    )  # fmt: skip
    return str(variables(config).get(VARIABLE, "")).strip()


def variables(config: dict[str, Any] | None) -> dict[str, str]:
    """Return the variables of a configuration as Lambda returns it; {} for None."""
    return ((config or {}).get("Environment") or {}).get("Variables") or {}
