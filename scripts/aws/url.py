"""Function URL of the alias: who may call it (iam, key, public), from which web pages, and with which API key."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.aws import api_key, concurrency
from scripts.aws.errors import DeployError

if TYPE_CHECKING:
    from scripts.aws.session import Aws

IAM, KEY, PUBLIC = KINDS = ("iam", "key", "public")
AUTH_TYPES = {IAM: "AWS_IAM", KEY: "NONE", PUBLIC: "NONE"}
STATEMENTS: dict[str, dict[str, Any]] = {  # both are needed, also those of docs/deploy.md#function-url
    "public-url": {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"},
    "public-invoke": {"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True},
}
CORS = {  # as in template.yaml
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": [
        *("content-type", "authorization", "x-api-key", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"),
    ],
    "MaxAge": 86400,
}
MEANINGS = {
    IAM: "callers sign with credentials of AWS",
    KEY: "callers need an API key",
    PUBLIC: "everybody can call it, at your cost",
}
BEDROCK = (
    "a public URL cannot be combined with READ_MODEL_ID, because everybody could use Amazon Bedrock at your cost; use "
    "--url key or --url iam, or remove the variable: --env READ_MODEL_ID="
)


class Access(NamedTuple):
    """The requested URL.

    Attributes:
        kind: iam, key or public; None keeps that of the URL.
        origins: of web pages that may call it; () none; None keeps those of the URL.
        key: a new API key; None: none is made.
        environment: variables of the function that the URL needs.
        is_keyed: the function needs a key.
        has_page: the function has the page for browsers.
        is_limited: the function has a reserved concurrency.
    """

    kind: str | None
    origins: tuple[str, ...] | None
    key: str | None
    environment: dict[str, str]
    is_keyed: bool
    has_page: bool
    is_limited: bool


class Url(NamedTuple):
    """The URL after a deployment."""

    address: str
    kind: str
    access: Access

    def lines(self) -> list[str]:
        """Return the URL and a new key, which is shown only here."""
        key = [f"key       {self.access.key}  (not shown again)"] if self.access.key else []
        return [f"url       {self.address} ({self.kind}: {MEANINGS[self.kind]})", *key]

    def commands(self, profile: str | None) -> dict[str, str]:
        """Return the next commands by what they do.

        Args:
            profile: for a URL whose callers sign.
        """
        key = f"YOLO_LAMBDA_KEY={self.access.key or 'YOUR-KEY'} " if self.access.is_keyed else ""
        signer = f" --profile {shlex.quote(profile)}" if profile and self.kind == IAM else ""
        has_page = self.access.has_page and self.kind != IAM  # a browser cannot sign
        page = {"page": f"open {self.address} in a browser"} if has_page else {}
        return {"call URL": f"{key}scripts/call.py image.jpg --url {self.address}{signer}", **page}


def plan(aws: Aws, options: argparse.Namespace, existing: dict[str, Any] | None) -> Access:
    """Return the requested URL, with a new key if one is needed; nothing is changed.

    Args:
        aws: makes the calls.
        options: of the command line.
        existing: response of GetFunction; None: the function is new.

    Raises:
        DeployError: there is no URL for --cors, everybody could have detections read by Amazon Bedrock, or a new key
            would hold for a part of the calls.
    """
    before = api_key.variables((existing or {}).get("Configuration"))
    environment = {**before, **dict(options.env)}
    _check_present(aws, options, existing, before, environment)
    if options.url == PUBLIC and _has(environment, "READ_MODEL_ID"):
        raise DeployError(BEDROCK)
    key, added = None, {}
    if options.url == KEY and (options.new_key or not _has(environment, api_key.VARIABLE)):
        key = None if aws.dry_run else api_key.make()
        added = {api_key.VARIABLE: api_key.digest(key) if key else api_key.IN_DRY_RUN}
    if added and existing and options.canary:
        raise DeployError(
            "--canary cannot be combined with a new API key, which the other calls would not need; deploy without "
            "--canary first"
        )
    is_keyed, has_page = bool(added) or _has(environment, api_key.VARIABLE), environment.get("PAGE", "").strip() != "0"
    present = concurrency.reserved(existing)
    is_limited = isinstance(present if options.reserved_concurrency is None else options.reserved_concurrency, int)
    return Access(options.url, options.cors, key, added, is_keyed, has_page, is_limited)


def _check_present(
    aws: Aws, options: argparse.Namespace, existing: dict[str, Any] | None, before: dict[str, str],
    environment: dict[str, str],
) -> None:  # fmt: skip
    """Check the present URL, which stays without --url, against the other options."""
    has_key, has_bedrock = _has(environment, api_key.VARIABLE), _has(environment, "READ_MODEL_ID")
    loses_key = _has(before, api_key.VARIABLE) and not has_key
    if options.url or not (options.cors is not None or loses_key or (has_bedrock and not has_key)):
        return
    present = _read(aws, options) if existing else None
    name = f"{options.function}:{options.alias}"
    if options.cors is not None and not present:
        raise DeployError(
            f"--cors must be used with --url, because {name} has no URL; --url iam, --url key or --url public makes one"
        )
    is_open = present is not None and present["AuthType"] == AUTH_TYPES[PUBLIC] and not has_key
    if is_open and has_bedrock:
        raise DeployError(BEDROCK)
    if is_open and loses_key:
        aws.report(
            f"note      without {api_key.VARIABLE}, everybody can call the URL of {name} at your cost; --url iam "
            "closes it"
        )


def close(aws: Aws, options: argparse.Namespace, access: Access) -> None:
    """Close a URL for --url iam before the alias moves, because the next version may need no key."""
    if access.kind != IAM:
        return
    present = _read(aws, options)
    if present and present["AuthType"] != AUTH_TYPES[IAM]:
        _bring(aws, options, present, AUTH_TYPES[IAM], None)


def apply(aws: Aws, options: argparse.Namespace, access: Access) -> Url | None:
    """Create the URL or change what differs, after the alias has moved; return None if none was requested.

    Raises:
        DeployError: a version behind the alias needs no key, or AWS returned an error.
    """
    if access.kind is None and access.origins is None:
        return None
    if access.kind == KEY and not aws.dry_run:
        api_key.require_in_alias(aws, options.function, options.alias)
    present = _read(aws, options)
    if aws.dry_run and present and access.kind == IAM:
        present = {**present, "AuthType": AUTH_TYPES[IAM]}  # `close` has printed it
    auth_type = AUTH_TYPES[access.kind] if access.kind else present["AuthType"]
    if access.kind and auth_type == "NONE":
        _allow_everybody(aws, options)
    address = _bring(aws, options, present, auth_type, access.origins)
    if access.kind and auth_type == "AWS_IAM":
        _allow_everybody(aws, options, is_allowed=False)
    kind = access.kind or (IAM if auth_type == "AWS_IAM" else KEY if access.is_keyed else PUBLIC)
    if not aws.dry_run:
        _report(aws, access, kind)
    return Url(address, kind, access)


def addresses(aws: Aws, function: str) -> dict[str, str]:
    """Return the URLs of a function by the names of their aliases; "" is the function without an alias."""
    items = aws.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=function)
    fields = ((item["FunctionArn"].split(":"), item["FunctionUrl"]) for item in items)
    return {arn[7] if len(arn) > 7 else "": address for arn, address in fields}


def remove(aws: Aws, function: str, alias: str) -> None:
    """Remove the URL of an alias.

    Lambda removes URLs some time after their function, and a new function of that name could get them until then.
    """
    qualifier: dict[str, Any] = {"Qualifier": alias} if alias else {}
    aws.change("lambda", "delete_function_url_config", FunctionName=function, **qualifier)


def _has(environment: dict[str, str], name: str) -> bool:
    return bool(environment.get(name, "").strip())


def _read(aws: Aws, options: argparse.Namespace) -> Any:
    return aws.read("lambda", "get_function_url_config", FunctionName=options.function, Qualifier=options.alias)


def _bring(
    aws: Aws, options: argparse.Namespace, present: Any, auth_type: str, origins: tuple[str, ...] | None
) -> str:  # fmt: skip
    """Create or update the URL; return its address."""
    names = {"FunctionName": options.function, "Qualifier": options.alias}
    cors = None if origins is None else {"AllowOrigins": list(origins), **CORS} if origins else {}
    if not present:
        fields: dict[str, Any] = {"AuthType": auth_type, **({"Cors": cors} if cors else {})}
        return str(aws.change("lambda", "create_function_url_config", "FunctionUrl", **names, **fields))
    fields = {"AuthType": auth_type} if present["AuthType"] != auth_type else {}
    if cors is not None and not _is_same(cors, present.get("Cors") or {}):
        fields["Cors"] = cors
    if fields:
        aws.change("lambda", "update_function_url_config", **names, **fields)
    return str(present["FunctionUrl"])


def _is_same(cors: dict[str, Any], present: dict[str, Any]) -> bool:
    """Return whether the present CORS configuration is the requested one; AWS adds fields with false and nothing."""
    used = {name: value for name, value in present.items() if value}
    return used.keys() == cors.keys() and all(
        set(used[name]) == set(value) if isinstance(value, list) else used[name] == value
        for name, value in cors.items()
    )


def _allow_everybody(aws: Aws, options: argparse.Namespace, *, is_allowed: bool = True) -> None:
    """Add both permissions of a public URL where they are missing, or remove them."""
    names = {"FunctionName": options.function, "Qualifier": options.alias}
    response = aws.read("lambda", "get_policy", **names)
    statements = json.loads(response["Policy"])["Statement"] if response else []
    present = {statement.get("Sid") for statement in statements}
    for identifier, fields in STATEMENTS.items():
        if is_allowed and identifier not in present:
            aws.change("lambda", "add_permission", **names, StatementId=identifier, **fields)
        if not is_allowed and identifier in present:
            aws.change("lambda", "remove_permission", **names, StatementId=identifier)


def _report(aws: Aws, access: Access, kind: str) -> None:
    if kind == KEY and not access.key:
        aws.report(f"key       kept: {api_key.VARIABLE} has its digest; --url key --new-key makes another one")
    if kind != KEY and access.is_keyed:
        aws.report(f"key       still needed, because {api_key.VARIABLE} is set; {api_key.REMOVE}")
    if kind != IAM and not access.is_limited:
        aws.report("limit     none of its own; `--reserved-concurrency 5` limits the cost of calls from everybody")
