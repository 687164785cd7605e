"""Command of scripts/deploy.sh: put the zips on Lambda (layer, function, version, alias), or only move the alias."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts import environments
from scripts.aws import alias, api_key, artifacts, concurrency, grants, lambda_function, layer, logs, role, url
from scripts.aws.errors import DeployError
from scripts.aws.lambda_function import FunctionSpec
from scripts.aws.options import parse
from scripts.aws.result import Moved, print_document, print_result
from scripts.aws.session import Aws, account_line, from_options

INTERRUPTED = 130  # exit code


def main(arguments: list[str]) -> int:
    """Deploy the zips, promote or roll back; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    if not environments.has_packages("aws"):
        return environments.run_in("aws", ["-m", "scripts.aws.deploy", *arguments])
    lines: list[str] = []  # of the document of --json
    aws = from_options(options, lines)
    try:
        is_move = options.promote or options.rollback is not None
        zips = None if is_move else artifacts.read(options.dist, options.arch, options.bucket)
        aws.report(account_line(aws))
        moved = deploy(aws, options, zips) if zips else move(aws, options)
    except DeployError as error:
        sys.stderr.write(f"deploy: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write(f"deploy: interrupted; {_unfinished(options)}\n")
        return INTERRUPTED
    if options.json:
        print_document(aws, options, moved, lines)
    else:
        print_result(options, moved)
    return 0


def deploy(aws: Aws, options: argparse.Namespace, zips: artifacts.Artifacts) -> Moved:
    """Bring the function to the built zips and the options, publish a version and move the alias.

    Raises:
        DeployError: an option or a resource does not fit, or AWS returned an error.
    """
    existing = lambda_function.find(aws, options.function)
    current = existing["Configuration"] if existing else None
    concurrency.check(aws, options.reserved_concurrency, concurrency.reserved(existing))
    granted = grants.plan(aws, options, current)
    access = url.plan(aws, options, existing)
    environment = {**dict(options.env), **(granted.environment if granted else {}), **access.environment}
    spec = FunctionSpec(
        options.function, zips, options.bucket, _role_arn(aws, options, existing is None),
        options.memory, options.timeout, environment,
    )  # fmt: skip
    lambda_function.require_reader(spec, current)
    with api_key.not_lost(access.key):
        grants.apply(aws, granted)
        url.close(aws, options, access)
        moved = _bring(aws, options, spec, existing)
        with _told(options, moved):
            return moved._replace(url=url.apply(aws, options, access))


def _bring(aws: Aws, options: argparse.Namespace, spec: FunctionSpec, existing: dict[str, Any] | None) -> Moved:
    """Bring the function to its specification, publish a version and move the alias."""
    zips = spec.artifacts
    before = alias.current(aws, options.function, options.alias) if existing else None
    arn = layer.ensure_published(aws, options.function, zips.layer, zips.target, options.bucket)
    if existing:
        lambda_function.update(aws, spec, arn, existing["Configuration"])
    else:
        lambda_function.create(aws, spec, arn)
    logs.ensure(aws, options.function, existing and existing["Configuration"], options.log_retention)
    concurrency.apply(aws, options.function, options.reserved_concurrency, concurrency.reserved(existing))
    version = alias.publish(aws, options.function, lambda_function.code_sha256(spec))
    after = alias.after_deploy(before, version, options.canary)
    alias.move(aws, options.function, options.alias, after, before)
    return Moved(after, before)


def move(aws: Aws, options: argparse.Namespace) -> Moved:
    """Promote the canary, or point the alias at an earlier version; nothing else changes.

    Raises:
        DeployError: the canary, the alias or the version does not exist, or AWS returned an error.
    """
    if options.promote:
        before, after = alias.promotion(aws, options.function, options.alias)
    else:
        before, after = alias.rollback(aws, options.function, options.alias, options.rollback or None)
    api_key.require_after_move(aws, options.function, options.alias, before, after.main)
    alias.move(aws, options.function, options.alias, after, before)
    return Moved(after, before)


@contextmanager
def _told(options: argparse.Namespace, moved: Moved) -> Iterator[None]:
    """Say that the alias has moved already if what follows ends with an error or Ctrl-C."""
    try:
        yield
    except BaseException:
        if not options.dry_run and moved.after != moved.before:
            version = moved.after.canary or moved.after.main
            name = f"{options.function}:{options.alias}"
            sys.stderr.write(f"deploy: {name} has moved to version {version}; its URL is not finished\n")
        raise


def _unfinished(options: argparse.Namespace) -> str:
    """Return what holds after an interruption, in words: the alias moves last."""
    if options.dry_run:
        return "nothing was changed"
    name = f"{options.function}:{options.alias}"
    return (
        f"unless a line above says that {name} has moved or may have, callers of it get the previous version. "
        "Run deploy.sh again"
    )


def _role_arn(aws: Aws, options: argparse.Namespace, is_new: bool) -> str | None:
    """Return the ARN of the function's role; None keeps the role of an existing function."""
    if options.create_role:
        return role.ensure_created(aws, options.role or role.default_name(options.function), options.function)
    if options.role:
        return role.arn_of(aws, options.role)
    if is_new:
        raise DeployError(
            f"function {options.function} is new and needs a role: --role names one, --create-role creates one"
        )
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
