"""Calls to AWS with boto3: account, region, partition; reading, changing, or printing in a dry run what would change.

boto3 finds credentials, profile and region as everywhere: environment, `aws configure`, single sign-on, `aws login`.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.aws.errors import MISSING, Refused, translate

if TYPE_CHECKING:
    import boto3

RETRIES = 8  # tries of a call that AWS throttles
HIDDEN = "(kept)"  # in place of the value of a variable that the function has


class Aws:
    """Calls to one account and region.

    Attributes:
        dry_run: print the calls that would change something, as commands of `aws`; make only calls that read.
        report: prints a line for the user.
    """

    def __init__(
        self, region: str | None = None, profile: str | None = None, *, dry_run: bool = False,
        report: Callable[[str], None] | None = None, trace: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """Make a session; nothing is called yet.

        Args:
            region: None: the configured one.
            profile: of the configuration files; None: AWS_PROFILE, or the default one.
            dry_run: see above.
            report: see above; None: nothing is printed.
            trace: prints each call as a command of `aws` before it is made; None: nothing is printed.
        """
        self._requested, self._profile, self.dry_run = region, profile, dry_run
        self.report, self._trace = report or _print_nothing, trace or _print_nothing
        self._clients: dict[str, Any] = {}

    @cached_property
    def session(self) -> boto3.session.Session:
        """Session of boto3.

        Raises:
            NotConfigured: the profile does not exist.
        """
        import boto3

        try:
            return boto3.session.Session(
                region_name=self._requested or _region_of_environment(), profile_name=self._profile
            )
        except Exception as error:
            raise translate(error) from error

    @property
    def region(self) -> str:
        """Region of the calls.

        Raises:
            NotConfigured: there is none.
        """
        return str(self.client("lambda").meta.region_name)

    @property
    def selection(self) -> str:
        """Options of `aws` that choose this account and region, for commands in messages."""
        profile = f" --profile {shlex.quote(self._profile)}" if self._profile else ""
        return f" --region {self.region}{profile}"

    @property
    def partition(self) -> str:
        """Partition of the region, the second field of an ARN: aws, aws-cn, aws-us-gov."""
        return str(self.client("lambda").meta.partition)

    @cached_property
    def account(self) -> str:
        """Id of the account of the credentials.

        Raises:
            NotConfigured: there are no valid credentials.
            Refused: AWS returned an error.
        """
        return str(self.read("sts", "get_caller_identity")["Account"])

    def client(self, service: str, **config: Any) -> Any:
        """Return a client of boto3; without `config` always the same one.

        Args:
            service: such as "lambda".
            config: fields of `botocore.config.Config` in place of those here.

        Raises:
            NotConfigured: there is no region, or the profile is wrong.
        """
        from botocore.config import Config

        if not config and service in self._clients:
            return self._clients[service]
        settings = Config(**({"retries": {"mode": "standard", "max_attempts": RETRIES}} | config))
        try:
            client = self.session.client(service, config=settings)
        except Exception as error:
            raise translate(error) from error
        if not config:
            self._clients[service] = client
        return client

    def read(self, service: str, operation: str, **parameters: Any) -> Any:
        """Return the response of an operation that changes nothing; None if the resource does not exist.

        Args:
            service: such as "lambda".
            operation: method of the client, such as "get_function".
            parameters: of the operation.

        Raises:
            NotConfigured: credentials or region are missing or wrong.
            Refused: AWS returned another error.
        """
        try:
            return self._call(service, operation, parameters, {})
        except Refused as error:
            if error.kind in MISSING:
                return None
            raise

    def pages(self, service: str, operation: str, field: str, **parameters: Any) -> list[Any]:
        """Return the items in `field` of all pages of an operation that lists; empty if the resource does not exist."""
        client = self.client(service)
        self._trace(self._line(service, operation, parameters))
        try:
            pages = client.get_paginator(operation).paginate(**parameters)
            return [item for page in pages for item in page.get(field, [])]
        except Exception as error:
            translated = translate(error, service)
            if isinstance(translated, Refused) and translated.kind in MISSING:
                return []
            raise translated from error

    def change(
        self, service: str, operation: str, field: str = "", shown: dict[str, Any] | None = None, **parameters: Any
    ) -> Any:
        """Call an operation that changes something; in a dry run, print it.

        Args:
            service: such as "lambda".
            operation: method of the client, such as "publish_version".
            field: return only this field of the response, such as LayerVersionArn; in a dry run, a shell variable.
            shown: parameters in place of those with the same names where the call is printed, for values that must
                not be shown and for files; one with the value None is not printed.
            parameters: of the operation.

        Raises:
            NotConfigured: credentials or region are missing or wrong.
            Refused: AWS returned an error.
        """
        if not self.dry_run:
            response = self._call(service, operation, parameters, shown or {})
            return response[field] if field else response
        line = self._line(service, operation, parameters | (shown or {}))
        variable = variable_name(field)
        self.report(f"{variable[1:]}=$({line} --query {field} --output text)" if field else line)
        return variable if field else {}

    def remove(self, service: str, operation: str, **parameters: Any) -> None:
        """Call an operation that removes something, as `change` does; what is gone already is no error.

        Raises:
            NotConfigured: credentials or region are missing or wrong.
            Refused: AWS returned another error.
        """
        try:
            self.change(service, operation, **parameters)
        except Refused as error:
            if error.kind not in MISSING:
                raise

    def wait(self, service: str, waiter: str, **parameters: Any) -> None:
        """Wait for a state of a resource, with a waiter of boto3 such as "function_active_v2".

        Raises:
            DeployError: the state was not reached.
        """
        if self.dry_run:
            self.report(self._line(service, f"wait {waiter}", parameters))
            return
        self._trace(self._line(service, f"wait {waiter}", parameters))
        try:
            self.client(service).get_waiter(waiter).wait(**parameters)
        except Exception as error:
            raise translate(error, service) from error

    def _call(self, service: str, operation: str, parameters: dict[str, Any], shown: dict[str, Any]) -> Any:
        client = self.client(service)
        self._trace(self._line(service, operation, parameters | shown))
        try:
            return getattr(client, operation)(**parameters)
        except Exception as error:
            raise translate(error, service) from error

    def _line(self, service: str, operation: str, parameters: dict[str, Any]) -> str:
        """Return a call as a command of `aws`."""
        words = ["aws", "s3api" if service == "s3" else service, *operation.replace("_", "-").split()]
        for name, value in parameters.items():
            if value is None:
                continue
            words += [f"--{'no-' if value is False else ''}{_kebab(name)}", *_words(value)]
        words += ["--region", self._requested] if self._requested else []
        words += ["--profile", self._profile] if self._profile else []
        return " ".join(map(_quote, words))


def from_options(options: argparse.Namespace, lines: list[str]) -> Aws:
    """Return the session for the options of a command; with --json, `lines` gets the report."""
    dry_run = getattr(options, "dry_run", False)
    is_quiet = options.quiet and not dry_run
    report = lines.append if options.json else _print_nothing if is_quiet else print_line
    trace = _print_command if options.verbose else _print_nothing
    return Aws(options.region, options.profile, dry_run=dry_run, report=report, trace=trace)


def add_session_options(command: argparse.ArgumentParser) -> None:
    """Add --region and --profile."""
    command.add_argument("--region", metavar="REGION", help="region (default: the configured one)")
    command.add_argument(
        "--profile", metavar="NAME", help="profile of the configuration of AWS (default: AWS_PROFILE, or `default`)"
    )


def account_line(aws: Aws) -> str:
    """Return the account and the region, which every command prints first."""
    region = aws.region  # first: without one, the call for the account has a misleading error
    note = "  (dry run: the commands are printed)" if aws.dry_run else ""
    return f"account   {aws.account} in {region}{note}"


def print_line(text: str) -> None:
    """Print a line, also to a pipe at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def variable_name(field: str) -> str:
    """Return the shell variable for a field in a dry run: $LAYER_VERSION_ARN for LayerVersionArn; "" for ""."""
    return "$" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).upper() if field else ""


def _region_of_environment() -> str | None:
    """Return AWS_REGION, which boto3 does not read (it reads AWS_DEFAULT_REGION and the configuration)."""
    import os

    return os.environ.get("AWS_REGION") or None


def _kebab(name: str) -> str:
    """Return the option of `aws` for a parameter: code-sha256 for CodeSha256, s3-key for S3Key."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def _words(value: Any) -> list[str]:
    """Return the value of an option of `aws`; structures are JSON, and the option of a boolean has no value."""
    if isinstance(value, bool):
        return []
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if isinstance(value, (dict, list)):
        return [json.dumps(value, ensure_ascii=False, sort_keys=True)]
    return [str(value)]


def _quote(word: str) -> str:
    """Return a word for a shell; a variable from an earlier line stays a variable, also in `Field={$NAME=0.1}`."""
    return f'"{word}"' if re.fullmatch(r"([A-Za-z]+=\{)?\$[A-Z_]+(=[\d.]+\})?", word) else shlex.quote(word)


def _print_command(line: str) -> None:
    """Print a command to stderr, for --verbose."""
    sys.stderr.write(f"+ {line}\n")
    sys.stderr.flush()


def _print_nothing(_: str) -> None:
    """Print nothing, for --quiet."""
