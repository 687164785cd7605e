"""Command of scripts/deploy.sh: put the zips on Lambda (layer, function, version, alias), or roll the alias back."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from layer.targets import MACHINES, arch_name
from scripts.aws import alias, artifacts, commands, lambda_function, layer, role
from scripts.aws.cli import Aws, DeployError, from_options, print_line, require
from scripts.aws.lambda_function import FunctionSpec
from scripts.aws.limits import MEMORY_RANGE, TIMEOUT_RANGE
from scripts.command_line import ALIAS, Parser, add_output_options

INTERRUPTED = 130  # exit code
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # AWS Lambda API, CreateFunction
ALIAS_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")  # AWS Lambda API, CreateAlias
VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")  # AWS Lambda API, Environment
PREVIOUS = ""  # --rollback without a version
DESCRIPTION = """\
Put the zips from scripts/build_zip.sh on AWS Lambda with the `aws` command. Run it again after each build: it changes
only what differs, publishes a version and moves the alias to it."""


class Moved(NamedTuple):
    """Versions of the alias.

    Attributes:
        version: the one that it points to now; in a dry run a shell variable.
        before: the one that it pointed to; None for a new alias.
    """

    version: str
    before: str | None


def main(arguments: list[str]) -> int:
    """Deploy the zips or roll back; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    lines: list[str] = []  # of the document of --json
    aws = from_options(options, lines)
    try:
        zips = None if options.rollback is not None else artifacts.read(options.dist, options.arch, options.bucket)
        require()
        _print_account(aws, options)
        moved = roll_back(aws, options) if zips is None else deploy(aws, options, zips)
    except DeployError as error:
        sys.stderr.write(f"deploy: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write(f"deploy: interrupted; {_unfinished(options)}\n")
        return INTERRUPTED
    if options.json:
        _print_document(options, moved, lines)
    else:
        _print_result(options, moved)
    return 0


def deploy(aws: Aws, options: argparse.Namespace, zips: artifacts.Artifacts) -> Moved:
    """Bring the function to the built zips and the options, publish a version and move the alias.

    Raises:
        DeployError: an option or a resource does not fit, or AWS returned an error.
    """
    existing = lambda_function.find(aws, options.function)
    spec = FunctionSpec(
        options.function, zips, options.bucket, _role_arn(aws, options, existing is None),
        options.memory, options.timeout, dict(options.env),
    )  # fmt: skip
    lambda_function.require_reader(spec, existing["Configuration"] if existing else None)
    before = alias.current(aws, options.function, options.alias) if existing else None
    arn = layer.ensure_published(aws, options.function, zips.layer, zips.target, options.bucket)
    if existing:
        lambda_function.update(aws, spec, arn, existing["Configuration"])
    else:
        lambda_function.create(aws, spec, arn)
    version = alias.publish(aws, options.function, lambda_function.code_sha256(spec))
    alias.move(aws, options.function, options.alias, version, before)
    return Moved(version, before["FunctionVersion"] if before else None)


def _unfinished(options: argparse.Namespace) -> str:
    """Return what holds after an interruption, in words: the alias moves last."""
    if options.dry_run:
        return "nothing was changed"
    name = f"{options.function}:{options.alias}"
    return f"unless a line above says that {name} moved, callers of it get the previous version. Run deploy.sh again"


def roll_back(aws: Aws, options: argparse.Namespace) -> Moved:
    """Point the alias at an earlier version; nothing else changes.

    Raises:
        DeployError: the alias or the version does not exist, or AWS returned an error.
    """
    before, version = alias.rollback_target(aws, options.function, options.alias, options.rollback or None)
    alias.move(aws, options.function, options.alias, version, before)
    return Moved(version, before["FunctionVersion"])


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/deploy.sh", description=DESCRIPTION)
    add = command.add_argument
    add(
        "--dist", type=Path, default=Path("dist"), metavar="DIR",
        help="folder with layer.zip, function.zip and build.json (default: %(default)s)",
    )  # fmt: skip
    add("--bucket", metavar="BUCKET", help="bucket in the function's region, for zips above 50 MB")
    add(
        "--arch", type=arch_name, choices=list(MACHINES),
        help="reject zips for another architecture (default: the architecture of the zips)",
    )  # fmt: skip
    add(
        "--architecture", dest="arch", type=arch_name, choices=list(MACHINES), default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )  # fmt: skip
    _add_function_options(command)
    add("--dry-run", action="store_true", help="print the commands that would change something; change nothing")
    add(
        "--rollback", nargs="?", const=PREVIOUS, metavar="VERSION",
        help="only point the alias at VERSION (default: the version before the present one)",
    )  # fmt: skip
    add_output_options(
        command, quiet="print only the version of the alias, and errors",
        verbose="print each command of `aws` before it runs, to stderr",
    )  # fmt: skip
    command.add_version()
    return command


def _add_function_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--function", default="yolo", metavar="NAME[:ALIAS]",
        help="function to create or update (default: %(default)s), and the alias that callers use, which moves to each "
        f"new version (default: {ALIAS})",
    )  # fmt: skip
    add("--alias", metavar="NAME", help=argparse.SUPPRESS)
    add("--region", metavar="REGION", help="region (default: the configured one)")
    add("--role", metavar="NAME_OR_ARN", help="execution role; required for a new function unless --create-role is set")
    add(
        "--create-role", action="store_true",
        help="create the role, which may write logs and nothing else (default name: FUNCTION-lambda)",
    )  # fmt: skip
    add(
        "--memory", type=int, metavar="MB",
        help=f"memory (default: {commands.MEMORY} for a new function, unchanged for an existing one)",
    )  # fmt: skip
    add(
        "--timeout", type=int, metavar="SECONDS",
        help=f"timeout (default: {commands.TIMEOUT} for a new function, unchanged for an existing one)",
    )  # fmt: skip
    add(
        "--env", type=_assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable; other variables stay unchanged",
    )  # fmt: skip


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and VARIABLE.fullmatch(name)):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, got {text!r}")
    return name, value


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    options.function, _, alias = options.function.partition(":")
    if alias and options.alias not in (None, alias):
        command.error(f"--alias must be that of --function, {alias}, got {options.alias}")
    options.alias = alias or options.alias or ALIAS
    for name, (least, most) in {"memory": MEMORY_RANGE, "timeout": TIMEOUT_RANGE}.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            command.error(f"--{name} must be between {least} and {most}, got {value}")
    if not FUNCTION_NAME.fullmatch(options.function):
        command.error(f"--function must be 1 to 64 letters, digits, - and _, got {options.function!r}")
    if not ALIAS_NAME.fullmatch(options.alias):
        command.error(f"--alias must be 1 to 128 letters, digits, - and _, not only digits, got {options.alias!r}")
    if options.create_role and (options.role or "").startswith("arn:"):
        command.error(f"--role must be a name with --create-role, got the ARN {options.role}")
    return options


def _print_account(aws: Aws, options: argparse.Namespace) -> None:
    caller = aws.read("sts", "get-caller-identity")
    region = f" in {options.region}" if options.region else ""
    note = "  (dry run: the commands are printed)" if options.dry_run else ""
    aws.report(f"account   {caller['Account']}{region}{note}")


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


def _print_document(options: argparse.Namespace, moved: Moved, lines: list[str]) -> None:
    """Print the document of --json; in a dry run there is no version yet, and `report` has the commands."""
    document = {
        "function": options.function,
        "alias": options.alias,
        "version": None if options.dry_run else moved.version,
        "previous_version": moved.before,
        "dry_run": options.dry_run,
        "report": lines,
    }
    print_line(json.dumps(document))


def _print_result(options: argparse.Namespace, moved: Moved) -> None:
    """Print where the alias points, and the next commands."""
    if options.dry_run:
        print_line("dry run   nothing was changed")
        return
    version, before = moved
    qualified = f"{options.function}:{options.alias}"
    change = "nothing changed" if before == version else f"was {before}" if before else "new"
    region = f" --region {shlex.quote(options.region)}" if options.region else ""
    name = f" --alias {options.alias}" if options.alias != ALIAS else ""
    print_line(f"alias     {qualified} is version {version} ({change})")
    if options.quiet:
        return
    print_line(f"\ncall:         scripts/call.py image.jpg --function {qualified}{region}")
    if before not in (None, version):
        print_line(f"roll back:    scripts/deploy.sh --function {options.function}{name} --rollback {before}{region}")
    print_line(f"remove:       scripts/undeploy.sh --function {options.function}{region}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
