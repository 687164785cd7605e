"""The zips onto Lambda, step by step: layer, function, settings, version, alias; and the alias back again.

Started by scripts/deploy.sh.
"""

import argparse
import re
import shlex
import sys
from pathlib import Path

from layer.targets import MACHINES
from scripts.aws import alias, artifacts, lambda_function, layer, role
from scripts.aws.cli import Aws, DeployError, require
from scripts.aws.lambda_function import FunctionSpec

INTERRUPTED = 130  # exit code
MEMORY_LIMITS, TIMEOUT_LIMITS = (128, 10_240), (1, 900)  # MB, seconds; AWS Lambda quotas
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # AWS Lambda API, CreateFunction
VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")  # AWS Lambda API, Environment
PREVIOUS = ""  # --rollback without a version


def main(arguments: list[str]) -> int:
    """Deploys or rolls back; 0 if all went well, 2 for what the user can mend, 1 for the rest."""
    options = parse(arguments)
    aws = Aws(options.region, options.dry_run, _say)
    try:
        zips = (
            None if options.rollback is not None else artifacts.read(options.dist, options.architecture, options.bucket)
        )
        require()
        _whoami(aws, options)
        if zips is None:
            roll_back(aws, options)
        else:
            deploy(aws, options, zips)
    except DeployError as error:
        sys.stderr.write(f"deploy: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("deploy: interrupted; the alias was moved only if that is said above. Run it again\n")
        return INTERRUPTED
    return 0


def deploy(aws: Aws, options: argparse.Namespace, zips: artifacts.Artifacts) -> None:
    """Bring the function to what was built and asked for, publish it and move the alias."""
    found = lambda_function.find(aws, options.function)
    wanted = FunctionSpec(
        options.function, zips, options.bucket, _role(aws, options, found is None),
        options.memory, options.timeout, dict(options.env),
    )  # fmt: skip
    before = alias.current(aws, options.function, options.alias) if found else None
    arn = layer.published(aws, options.function, zips.layer, zips.target, options.bucket)
    if found:
        lambda_function.update(aws, wanted, arn, found["Configuration"])
    else:
        lambda_function.create(aws, wanted, arn)
    version = alias.publish(aws, options.function, lambda_function.code_sha256(wanted))
    alias.move(aws, options.function, options.alias, version, before)
    _tell(options, version, before["FunctionVersion"] if before else None)


def roll_back(aws: Aws, options: argparse.Namespace) -> None:
    """Point the alias at an earlier version; nothing else changes."""
    pointing, version = alias.earlier(aws, options.function, options.alias, options.rollback or None)
    alias.move(aws, options.function, options.alias, version, pointing)
    _tell(options, version, pointing["FunctionVersion"])


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with 2 and one line if it makes no sense."""
    parser = argparse.ArgumentParser(prog="deploy.sh", allow_abbrev=False, add_help=False)
    parser.add_argument("--dist", type=Path, default=Path("dist"))
    parser.add_argument("--function", default="yolo")
    parser.add_argument("--role")
    parser.add_argument("--create-role", action="store_true")
    parser.add_argument("--bucket")
    parser.add_argument("--memory", type=int)
    parser.add_argument("--timeout", type=int)
    parser.add_argument("--env", type=_assignment, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--alias", default="live")
    parser.add_argument("--architecture", choices=list(MACHINES))
    parser.add_argument("--region")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--rollback", nargs="?", const=PREVIOUS, metavar="VERSION")
    options = parser.parse_args(arguments)
    for name, (least, most) in {"memory": MEMORY_LIMITS, "timeout": TIMEOUT_LIMITS}.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            parser.error(f"--{name} is {value}; Lambda takes {least} to {most}")
    if not FUNCTION_NAME.fullmatch(options.function):
        parser.error(f"--function is {options.function!r}; wanted up to 64 letters, digits, - and _ (--alias is apart)")
    if not re.fullmatch(r"(?!\d+$)[A-Za-z0-9_-]{1,128}", options.alias):
        parser.error(f"--alias is {options.alias!r}; wanted letters, digits, - and _, and not a number")
    if options.create_role and (options.role or "").startswith("arn:"):
        parser.error("--create-role makes a role of a name; --role is an ARN")
    return options


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and VARIABLE.fullmatch(name)):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _whoami(aws: Aws, options: argparse.Namespace) -> None:
    caller = aws.read("sts", "get-caller-identity")
    region = f" in {options.region}" if options.region else ""
    _say(f"account   {caller['Account']}{region}{'  (dry run: the commands are printed)' if options.dry_run else ''}")


def _role(aws: Aws, options: argparse.Namespace, is_new: bool) -> str | None:
    """The ARN of the function's role; None leaves an existing function's as it is."""
    if options.create_role:
        return role.made(aws, options.role or role.default_name(options.function), options.function)
    if options.role:
        return role.arn_of(aws, options.role)
    if is_new:
        raise DeployError(
            f"function {options.function} is new and needs a role: --role NAME, or --create-role makes one"
        )
    return None


def _tell(options: argparse.Namespace, version: str, before: str | None) -> None:
    """What came of it, and the next commands."""
    if options.dry_run:
        _say("dry run   nothing was changed")
        return
    place = f"{options.function}:{options.alias}"
    was = "nothing changed" if before == version else f"was {before}" if before else "new"
    region = f" --region {shlex.quote(options.region)}" if options.region else ""
    name = f" --alias {options.alias}" if options.alias != "live" else ""
    _say(f"alias     {place} is version {version} ({was})")
    _say(f"\ncall it:      scripts/call.py picture.jpg --function {place}{region}")
    if before not in (None, version):
        _say(f"roll back:    scripts/deploy.sh --function {options.function}{name} --rollback {before}{region}")
    _say(f"remove it:    scripts/undeploy.sh --function {options.function}{region}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
