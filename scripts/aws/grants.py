"""What the function may read and write in S3: one inline policy of the role that deploy.sh created."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.aws import api_key, role
from scripts.aws.errors import DeployError
from scripts.aws.locations import Location, location_of, notes, overlap

if TYPE_CHECKING:
    from scripts.aws.session import Aws

POLICY = "yolo-lambda-zip-s3"
READ, WRITE, LIST, KEYS = "ReadImages", "WriteResults", "ListBuckets", "UseKeys"  # ids of the statements
READ_ACTIONS = ["s3:GetObject", "s3:GetObjectVersion"]
WRITE_ACTIONS = ["s3:GetObject", "s3:PutObject"]  # an existing result is read: an older one must not replace it
PLAIN_ENDPOINT = {
    "ignore_configured_endpoint_urls": True,
    "use_dualstack_endpoint": False,
    "use_fips_endpoint": False,
}
RESULT_PREFIX = "results/"  # function/settings.py


class Grants(NamedTuple):
    """The requested policy.

    Attributes:
        role: name of the role.
        policy: document of the policy.
        before: document of the present policy; None: there is none.
        environment: variables of the function for these places in S3.
    """

    role: str
    policy: dict[str, Any]
    before: dict[str, Any] | None
    environment: dict[str, str]


def plan(aws: Aws, options: argparse.Namespace, current: dict[str, Any] | None) -> Grants | None:
    """Return the requested policy; None if no option asks for one, which keeps the present policy.

    Args:
        aws: makes the calls.
        options: of the command line.
        current: the function's configuration; None: the function is new.

    Raises:
        DeployError: deploy.sh did not create the role, or results would start the function again.
    """
    if not (options.read or options.write):
        return None
    for note in notes(options):
        aws.report(note)
    variables = {**api_key.variables(current), **dict(options.env)}
    _require_no_loop(options.write, variables)
    policy = document(options.read, options.write, options.kms_key, aws)
    name = _role_name(options, current)
    is_own = options.create_role or role.is_removable(aws, name, options.function)
    before = aws.read("iam", "get_role_policy", RoleName=name, PolicyName=POLICY) if is_own else None
    present: dict[str, Any] | None = before["PolicyDocument"] if before else None
    environment = _environment(options, variables, present)
    if not is_own:
        settings = "".join(f" --env {shlex.quote(f'{key}={value}')}" for key, value in environment.items())
        raise DeployError(
            f"role {name} was not created by deploy.sh for {options.function}, so it is not changed; grant the access "
            f"yourself, and run deploy.sh again with{settings} in place of --read and --write: {_command(name, policy)}"
        )
    return Grants(name, policy, present, environment)


def apply(aws: Aws, grants: Grants | None) -> None:
    """Bring the policy of the role to the requested one."""
    if not grants:
        return
    if grants.policy == grants.before:
        aws.report("grants    unchanged")
        return
    aws.change(
        "iam", "put_role_policy", RoleName=grants.role, PolicyName=POLICY, PolicyDocument=json.dumps(grants.policy)
    )
    if aws.dry_run:
        return
    after = lines(grants.policy)
    for line in after:
        aws.report(f"grants    {line}")
    for line in lines(grants.before):
        if line not in after:
            aws.report(f"grants    no longer: {line}")


def remove(aws: Aws, role_name: str) -> None:
    """Remove the policy, without which IAM removes no role."""
    if aws.read("iam", "get_role_policy", RoleName=role_name, PolicyName=POLICY):
        aws.change("iam", "delete_role_policy", RoleName=role_name, PolicyName=POLICY)


def document(reads: list[Location], write: Location | None, keys: list[str], aws: Aws) -> dict[str, Any]:
    """Return the policy for prefixes and keys.

    Args:
        reads: prefixes of images.
        write: prefix of results; None: there is none.
        keys: ARNs of KMS keys that encrypt these buckets.
        aws: has the partition.

    Raises:
        DeployError: a key is in another partition.
    """
    buckets = dict.fromkeys(place.bucket for place in [*reads, *([write] if write else [])])
    arn = f"arn:{aws.partition}:s3:::"
    statements = []
    if reads:
        statements.append(_statement(READ, READ_ACTIONS, [f"{arn}{place.bucket}/{place.prefix}*" for place in reads]))
    if write:
        statements.append(_statement(WRITE, WRITE_ACTIONS, [f"{arn}{write.bucket}/{write.prefix}*"]))
    # without it S3 responds with 403 instead of 404 for a key that does not exist
    statements.append(_statement(LIST, ["s3:ListBucket"], [arn + bucket for bucket in buckets]))
    if keys:
        actions = ["kms:Decrypt", *(["kms:GenerateDataKey"] if write else [])]
        services = list(dict.fromkeys(_service(aws, key) for key in keys))
        condition = {"StringEquals": {"kms:ViaService": services}}
        statements.append(_statement(KEYS, actions, keys) | {"Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements}


def lines(policy: dict[str, Any] | None) -> list[str]:
    """Return what a policy of this module allows, a line for each prefix and key."""
    words = {READ: "read", WRITE: "read and write", KEYS: "key"}
    return [
        f"{words[statement['Sid']]} {location_of(resource).url if statement['Sid'] != KEYS else resource}"
        for statement in (policy or {}).get("Statement", [])
        if statement["Sid"] in words
        for resource in statement["Resource"]
    ]


def _statement(identifier: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": identifier, "Effect": "Allow", "Action": actions, "Resource": resources}


def _service(aws: Aws, key: str) -> str:
    """Return the endpoint of S3 in the region of a key, which is that of the bucket."""
    partition, region = key.split(":")[1], key.split(":")[3]
    if partition != aws.partition:
        raise DeployError(f"--kms-key must be in the partition {aws.partition}, got {key}")
    endpoint = aws.client("kms", region_name=region, **PLAIN_ENDPOINT).meta.endpoint_url
    return f"s3.{region}.{endpoint.partition(f'.{region}.')[2]}"


def _role_name(options: argparse.Namespace, current: dict[str, Any] | None) -> str:
    """Return the name of the role that the function will have."""
    default = role.default_name(options.function) if options.create_role else None
    named = options.role or default or (current["Role"] if current else None)
    if not named:
        raise DeployError(
            f"function {options.function} is new and needs a role: --role names one, --create-role creates one"
        )
    return str(named.rsplit("/", 1)[-1])


def _environment(
    options: argparse.Namespace, variables: dict[str, str], before: dict[str, Any] | None
) -> dict[str, str]:  # fmt: skip
    """Return the variables for the new prefixes, without those of earlier options that no longer hold."""
    earlier = {statement["Sid"]: statement["Resource"] for statement in (before or {}).get("Statement", [])}
    dropped = {location_of(resource).bucket for resource in earlier.get(READ, [])}
    allowed = [name.strip() for name in variables.get("ALLOWED_BUCKETS", "").split(",") if name.strip()]
    kept = [name for name in allowed if name not in dropped]
    after = list(dict.fromkeys([*kept, *(place.bucket for place in options.read)]))
    changed = {"ALLOWED_BUCKETS": ",".join(after)} if after != allowed else {}
    if options.write:
        return changed | {"RESULT_BUCKET": options.write.bucket, "RESULT_PREFIX": options.write.prefix}
    results = Location(variables.get("RESULT_BUCKET", ""), variables.get("RESULT_PREFIX", RESULT_PREFIX))
    if results in [location_of(resource) for resource in earlier.get(WRITE, [])]:
        return changed | {"RESULT_BUCKET": "", "RESULT_PREFIX": RESULT_PREFIX}
    return changed


def _require_no_loop(write: Location | None, variables: dict[str, str]) -> None:
    """Check what the function checks at its start, before anything changes."""
    bucket, prefix = variables.get("WATCHED_BUCKET", "").strip(), variables.get("WATCHED_PREFIX", "")
    if write and bucket and overlap(write, Location(bucket, prefix)):
        raise DeployError(
            f"--write must be outside of WATCHED_BUCKET and WATCHED_PREFIX, s3://{bucket}/{prefix}, got {write.url}: a "
            "result would start the function again"
        )


def _command(role_name: str, policy: dict[str, Any]) -> str:
    words = ["aws", "iam", "put-role-policy", "--role-name", role_name, "--policy-name", POLICY]
    return shlex.join([*words, "--policy-document", json.dumps(policy)])
