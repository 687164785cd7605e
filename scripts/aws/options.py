"""Command line of deploy.sh."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from layer.targets import MACHINES, arch_name
from scripts.aws import commands, concurrency, locations, logs, url_options
from scripts.aws.limits import MEMORY_RANGE, TIMEOUT_RANGE
from scripts.aws.session import add_session_options
from scripts.command_line import ALIAS, Parser, add_output_options

FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # AWS Lambda API, CreateFunction
ALIAS_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}")  # AWS Lambda API, CreateAlias
VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")  # AWS Lambda API, Environment
CANARY_RANGE = (1, 99)  # percent
OF_DEPLOYMENTS = (
    *("role", "create_role", "memory", "timeout", "reserved_concurrency", "log_retention", "env"),
    *("url", "new_key", "cors", "read", "write", "kms_key"),
)
PREVIOUS = ""  # --rollback without a version
DESCRIPTION = """\
Put the zips from scripts/build_zip.sh on AWS Lambda. Run it again after each build: it changes only what differs,
publishes a version and moves the alias to it."""


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
    url_options.add_options(command)
    locations.add_options(command)
    add("--dry-run", action="store_true", help="print the commands that would change something; change nothing")
    _add_traffic_options(command)
    add_output_options(
        command, quiet="print only the version of the alias, and errors",
        verbose="print each call as a command of `aws` before it is made, to stderr",
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
    add_session_options(command)
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
        "--reserved-concurrency", type=concurrency.number_or_none, metavar="N",
        help="concurrent executions that only this function gets, and that it never exceeds; 0 turns the function off, "
        f"{concurrency.NONE} removes the reservation (default: unchanged, none for a new function)",
    )  # fmt: skip
    add(
        "--log-retention", type=int, metavar="DAYS",
        help=f"days after which logs are deleted, {logs.NEVER}: never (default: {logs.RETENTION} for a new log group, "
        "unchanged for an existing one)",
    )  # fmt: skip
    add(
        "--env", type=_assignment, action="append", default=[], metavar="NAME=VALUE",
        help="environment variable of the function; repeatable; other variables stay unchanged",
    )  # fmt: skip


def _add_traffic_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--canary", type=int, metavar="PERCENT",
        help="send only this share of the calls of the alias, 1 to 99, to the new version; the others still get the "
        "present one (default: all calls get the new version)",
    )  # fmt: skip
    add("--promote", action="store_true", help="only send all calls to the version of --canary")
    add(
        "--rollback", nargs="?", const=PREVIOUS, metavar="VERSION",
        help="only point the alias at VERSION (default: the main version if a canary runs, which ends it, and "
        "otherwise the version before the present one)",
    )  # fmt: skip


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and VARIABLE.fullmatch(name)):
        raise argparse.ArgumentTypeError(
            f"must be NAME=VALUE, got {text!r}; a name is a letter and then letters, digits or _"
        )
    return name, value


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    options.function, _, alias = options.function.partition(":")
    if alias and options.alias not in (None, alias):
        command.error(f"--alias must be that of --function, {alias}, got {options.alias}")
    options.alias = alias or options.alias or ALIAS
    ranges = {"memory": MEMORY_RANGE, "timeout": TIMEOUT_RANGE, "canary": CANARY_RANGE}
    for name, (least, most) in ranges.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            command.error(f"--{name} must be between {least} and {most}, got {value}")
    if options.log_retention not in (None, *logs.DAYS):
        days = ", ".join(map(str, logs.DAYS))
        command.error(f"--log-retention must be one of {days}, got {options.log_retention}")
    _check_traffic(command, options)
    if not FUNCTION_NAME.fullmatch(options.function):
        command.error(f"--function must be 1 to 64 letters, digits, - and _, got {options.function!r}")
    if not ALIAS_NAME.fullmatch(options.alias):
        command.error(f"--alias must be 1 to 128 letters, digits, - and _, not only digits, got {options.alias!r}")
    if options.create_role and (options.role or "").startswith("arn:"):
        command.error(f"--role must be a name with --create-role, got the ARN {options.role}")
    url_options.check_options(command, options)
    locations.check_options(command, options)
    return options


def _check_traffic(command: Parser, options: argparse.Namespace) -> None:
    """Exit with 2 if options exclude each other: the alias moves in one way, and two of them do nothing else."""
    moves = {"--canary": options.canary, "--promote": options.promote or None, "--rollback": options.rollback}
    requested = [name for name, value in moves.items() if value is not None]
    if len(requested) > 1:
        command.error(f"{' and '.join(requested)} cannot be combined")
    if requested in ([], ["--canary"]):
        return
    values = {name: getattr(options, name) for name in OF_DEPLOYMENTS}
    unused = [name for name, value in values.items() if value is not None and value is not False and value != []]
    if unused:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        command.error(f"{requested[0]} only moves the alias and cannot be combined with {names}")
