"""The `aws` command, version 1 or 2: running it, reading its JSON, classifying its errors."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

FAILED, USAGE = 1, 2  # exit codes
MISSING = {"ResourceNotFoundException", "NoSuchEntity"}
SERVICE_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: (.*)", re.DOTALL)
# Errors of credentials, profile or region, in the words of both versions of the command and of the services.
NOT_CONFIGURED = re.compile(
    "credentials|You must specify a region|config profile|ExpiredToken|InvalidClientTokenId|"
    "UnrecognizedClient|SSO|AuthFailure|SignatureDoesNotMatch",
    re.IGNORECASE,
)
NO_AWS = "the aws command is not on the PATH; https://docs.aws.amazon.com/cli/ describes the installation"


class DeployError(Exception):
    """Base class of the errors that end a command.

        DeployError
        `-- Refused    AWS returned an error

    The message is one line. `code` is the exit code.
    """

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


class Refused(DeployError):
    """AWS returned an error; `kind` is its type, such as ResourceConflictException."""

    def __init__(self, kind: str, message: str, code: int = FAILED) -> None:
        super().__init__(message, code)
        self.kind = kind


class Aws(NamedTuple):
    """How to run `aws`.

    Attributes:
        region: None: the configured one.
        dry_run: print the commands that would change something; run only commands that read.
        report: prints a line for the user.
        trace: prints each command before it runs.
    """

    region: str | None
    dry_run: bool
    report: Callable[[str], None]
    trace: Callable[[str], None]

    def read(self, *command: str) -> Any:
        """Return the response of a command that changes nothing; None if the resource does not exist.

        Raises:
            DeployError: the command failed for another reason.
        """
        try:
            return self._run(command, {})
        except Refused as error:
            if error.kind in MISSING:
                return None
            raise

    def change(self, *command: str, field: str = "", shown: dict[str, str] | None = None) -> Any:
        """Run a command that changes something; in a dry run, print it.

        Args:
            command: arguments of `aws`.
            field: return only this field of the response, such as LayerVersionArn; in a dry run, a shell variable.
            shown: replacements for arguments in the printed command, for values that must not be shown.
        """
        if not self.dry_run:
            response = self._run(command, shown or {})
            return response[field] if field else response
        line = _line(["aws", *self._with_region(command)], shown or {})
        variable = variable_name(field)
        self.report(f"{variable[1:]}=$({line} --query {field} --output text)" if field else line)
        return variable if field else {}

    def _with_region(self, command: tuple[str, ...]) -> list[str]:
        return [*command, *(["--region", self.region] if self.region else [])]

    def _run(self, command: tuple[str, ...], shown: dict[str, str]) -> Any:
        words = ["aws", *self._with_region(command)]
        self.trace(_line(words, shown))
        if command[:2] not in (("s3", "cp"), ("s3", "rm")):
            words += ["--output", "json"]
        environ = {**os.environ, "AWS_PAGER": ""}  # without it, version 2 waits in a pager
        done = subprocess.run(words, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise _error(done.stderr.strip(), " ".join(command[:2]))
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {}  # waiters, deletions and copies print nothing that is needed


def from_options(options: argparse.Namespace, lines: list[str]) -> Aws:
    """Return how to run `aws` for the options of a command; with --json, `lines` gets the report."""
    is_quiet = options.quiet and not options.dry_run
    report = lines.append if options.json else _print_nothing if is_quiet else print_line
    return Aws(options.region, options.dry_run, report, _print_command if options.verbose else _print_nothing)


def print_line(text: str) -> None:
    """Print a line, also to a pipe at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _print_command(line: str) -> None:
    """Print a command to stderr, for --verbose."""
    sys.stderr.write(f"+ {line}\n")
    sys.stderr.flush()


def _print_nothing(_: str) -> None:
    """Print nothing, for --quiet."""


def require() -> None:
    """Raise DeployError if there is no `aws` command."""
    if not shutil.which("aws"):
        raise DeployError(NO_AWS)


def variable_name(field: str) -> str:
    """Return the shell variable for a field in a dry run: $LAYER_VERSION_ARN for LayerVersionArn; "" for ""."""
    return "$" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).upper() if field else ""


def _line(words: list[str], shown: dict[str, str]) -> str:
    """Return a command for a shell, with some arguments replaced."""
    return " ".join(_quote(shown.get(word, word)) for word in words)


def _quote(word: str) -> str:
    """Return a word for a shell; a variable from an earlier line stays a variable."""
    return f'"{word}"' if re.fullmatch(r"\$[A-Z_]+", word) else shlex.quote(word)


def _error(stderr: str, command: str) -> DeployError:
    match = SERVICE_ERROR.search(stderr)
    line = " ".join((match[3] if match else stderr or "no message").split())
    if NOT_CONFIGURED.search(match[1] if match else stderr):
        return DeployError(f"the aws command is not configured: {line} (`aws configure`, AWS_PROFILE or --region)")
    if match:
        return Refused(match[1], f"aws {command}: {match[1]}: {line}")
    return DeployError(f"aws {command}: {line}", FAILED)
