"""The `aws` command, version 1 or 2: started, its JSON read, its refusals told apart. Knows no service."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple

MISSING = {"ResourceNotFoundException", "NoSuchEntity"}
REFUSAL = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: (.*)", re.DOTALL)
# What the user can mend before anything was sent, in the words of both versions, and of the services.
NOT_SET_UP = re.compile(
    "credentials|You must specify a region|config profile|ExpiredToken|InvalidClientTokenId|"
    "UnrecognizedClient|SSO|AuthFailure|SignatureDoesNotMatch",
    re.IGNORECASE,
)
NO_AWS = "the aws command is not on the PATH; https://docs.aws.amazon.com/cli/ says how to install it"


class DeployError(Exception):
    """Why it stops, in one line; `code` is the exit code: 2 for what the user can mend, 1 for the rest."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class Refused(DeployError):
    """AWS refused a command; `kind` is its name for the reason, such as ResourceConflictException."""

    def __init__(self, kind: str, message: str, code: int = 1) -> None:
        super().__init__(message, code)
        self.kind = kind


class Aws(NamedTuple):
    """How commands are run.

    Attributes:
        region: None for the configured one.
        dry_run: print the commands that would change something, and run only those that read.
        say: where lines for the user go.
    """

    region: str | None
    dry_run: bool
    say: Callable[[str], None]

    def read(self, *command: str) -> Any:
        """The answer of a command that changes nothing; None where what it asks for does not exist.

        Raises:
            DeployError: anything else than an answer.
        """
        try:
            return self._run(command)
        except Refused as refused:
            if refused.kind in MISSING:
                return None
            raise

    def change(self, *command: str, field: str = "", shown: dict[str, str] | None = None) -> Any:
        """Run a command that changes something; in a dry run, print it.

        Args:
            command: words after `aws`.
            field: what is wanted of the answer, such as LayerVersionArn; in a dry run it is a shell variable.
            shown: words that are printed differently, because they hold what should not be on a screen.
        """
        if not self.dry_run:
            answer = self._run(command)
            return answer[field] if field else answer
        words = ["aws", *self._everywhere(command)]
        line = " ".join(_quoted((shown or {}).get(word, word)) for word in words)
        variable = variable_of(field)
        self.say(f"{variable[1:]}=$({line} --query {field} --output text)" if field else line)
        return variable if field else {}

    def _everywhere(self, command: tuple[str, ...]) -> list[str]:
        return [*command, *(["--region", self.region] if self.region else [])]

    def _run(self, command: tuple[str, ...]) -> Any:
        words = ["aws", *self._everywhere(command)]
        if command[:2] not in (("s3", "cp"), ("s3", "rm")):
            words += ["--output", "json"]
        environ = {**os.environ, "AWS_PAGER": ""}  # version 2 otherwise waits in a pager
        done = subprocess.run(words, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise _error(done.stderr.strip(), " ".join(command[:2]))
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {}  # waiters, deletions and copies say nothing that is read here


def require() -> None:
    """Raises DeployError if there is no `aws`."""
    if not shutil.which("aws"):
        raise DeployError(NO_AWS)


def variable_of(field: str) -> str:
    """The shell variable that stands for a field in a dry run: LayerVersionArn is $LAYER_VERSION_ARN."""
    return "$" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).upper() if field else ""


def _quoted(word: str) -> str:
    """For a shell; a variable of an earlier line stays one."""
    return f'"{word}"' if re.fullmatch(r"\$[A-Z_]+", word) else shlex.quote(word)


def _error(stderr: str, command: str) -> DeployError:
    refusal = REFUSAL.search(stderr)
    line = " ".join((refusal[3] if refusal else stderr or "no answer").split())
    if NOT_SET_UP.search(refusal[1] if refusal else stderr):
        return DeployError(f"aws is not set up for this: {line} (`aws configure`, AWS_PROFILE or --region)")
    if refusal:
        return Refused(refusal[1], f"aws {command}: {refusal[1]}: {line}")
    return DeployError(f"aws {command}: {line}", 1)
