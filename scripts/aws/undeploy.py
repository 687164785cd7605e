"""Command of scripts/undeploy.sh: remove what deploy.sh created, which tags and descriptions identify."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NamedTuple

from scripts import environments
from scripts.aws import grants, lambda_function, layer, logs, role, url
from scripts.aws.errors import USAGE, DeployError
from scripts.aws.session import Aws, account_line, add_session_options, from_options, print_line
from scripts.command_line import Parser, add_output_options

INTERRUPTED = 130  # exit code
DESCRIPTION = """\
List what scripts/deploy.sh created (the function with its versions and aliases, its layer versions, and the role if
it was created too), ask, and remove that and nothing else."""
EPILOG = "The exit code is 0 also if there was nothing to remove, and 2 also if the removal was not confirmed."


class Resources(NamedTuple):
    """What deploy.sh created for a function.

    Attributes:
        function: its name; None if it does not exist.
        layers: versions of its layer, newest first.
        role: its name; None if deploy.sh did not create it.
        log_group: its name; None without --logs, or if deploy.sh did not create it.
        urls: Function URLs by the names of their aliases.
    """

    function: str | None
    layers: list[dict[str, Any]]
    role: str | None
    log_group: str | None
    urls: dict[str, str]

    def lines(self) -> list[str]:
        """Return a line for each resource; empty if there are none."""
        function = [f"function {self.function} with its versions and aliases"] if self.function else []
        layers = [f"layer version {version['LayerVersionArn']}" for version in self.layers]
        urls = [f"URL {address}" for address in self.urls.values()]
        role = [f"role {self.role}"] if self.role else []
        log_group = [f"log group {self.log_group} with its logs"] if self.log_group else []
        return urls + function + layers + role + log_group

    def document(self) -> dict[str, Any]:
        """Return the fields of the document of --json."""
        arns = [version["LayerVersionArn"] for version in self.layers]
        urls = [*self.urls.values()]
        fields = {"function": self.function, "layer_versions": arns, "role": self.role, "log_group": self.log_group}
        return {**fields, "urls": urls}


def main(arguments: list[str]) -> int:
    """Remove the function; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    if not environments.has_packages("aws"):
        return environments.run_in("aws", ["-m", "scripts.aws.undeploy", *arguments])
    lines: list[str] = []  # of the document of --json
    aws = from_options(options, lines)
    try:
        is_asked = not (options.yes or options.dry_run)
        (print_line if is_asked else aws.report)(account_line(aws))
        resources = find(aws, options)
        code = undeploy(aws, options, resources)
    except DeployError as error:
        sys.stderr.write(f"undeploy: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("undeploy: interrupted; run undeploy.sh again to remove the rest\n")
        return INTERRUPTED
    if options.json:
        document = {"account": aws.account, "region": aws.region, **resources.document()}
        print_line(json.dumps({**document, "dry_run": options.dry_run, "report": lines}))
    return code


def undeploy(aws: Aws, options: argparse.Namespace, resources: Resources) -> int:
    """List the resources, ask, remove them, and return the exit code.

    Raises:
        DeployError: AWS returned an error.
    """
    name = options.function
    lines = resources.lines()
    if not lines:
        aws.report(f"nothing to remove for {name}")
        return 0
    is_asked = not (options.yes or options.dry_run)
    show = print_line if is_asked else aws.report  # the answer needs the list, also with --quiet
    for line in ("to be removed:", *(f"  {line}" for line in lines)):
        show(line)
    if is_asked and not _confirmed():
        sys.stderr.write("undeploy: nothing was removed\n")
        return USAGE
    remove(aws, options, resources)
    if not (options.dry_run or resources.log_group):
        command = f"aws logs delete-log-group --log-group-name {logs.default_name(name)}{aws.selection}"
        aws.report(f"removed; this deletes its logs: {command}")
    return 0


def find(aws: Aws, options: argparse.Namespace) -> Resources:
    """Return what deploy.sh created for the function of the command line.

    Raises:
        DeployError: the function exists, and deploy.sh did not create it.
    """
    name = options.function
    response: dict[str, Any] | None = lambda_function.find(aws, name)
    if response and not lambda_function.is_own(response):
        raise DeployError(
            f"function {name} was not created by deploy.sh (it has no tag {lambda_function.TAG}); "
            f"`aws lambda delete-function --function-name {name}{aws.selection}` removes it"
        )
    role_name = response["Configuration"]["Role"].rsplit("/", 1)[-1] if response else role.default_name(name)
    layers = layer.own_versions(aws, name)
    removable = role.is_removable(aws, role_name, name)
    log_group = logs.find_own(aws, name) if options.logs else None
    urls = url.addresses(aws, name) if response else {}
    return Resources(name if response else None, layers, role_name if removable else None, log_group, urls)


def remove(aws: Aws, options: argparse.Namespace, resources: Resources) -> None:
    """Remove the resources of the function; the role before it, because only the function has the name of its role.

    Raises:
        DeployError: AWS returned an error.
    """
    name = options.function
    for alias in resources.urls:
        url.remove(aws, name, alias)
    if resources.role:
        grants.remove(aws, resources.role)
        role.remove(aws, resources.role)
    if resources.function:
        aws.remove("lambda", "delete_function", FunctionName=name)
    for version in resources.layers:
        aws.change("lambda", "delete_layer_version", LayerName=layer.name(name), VersionNumber=int(version["Version"]))
    if resources.log_group:
        logs.remove(aws, resources.log_group)


def parser() -> Parser:
    """Return the parser of the command line."""
    command = Parser(prog="scripts/undeploy.sh", description=DESCRIPTION, epilog=EPILOG)
    add = command.add_argument
    add("--function", default="yolo", metavar="NAME", help="function to remove (default: %(default)s)")
    add_session_options(command)
    add("--logs", action="store_true", help="remove its log group too, if deploy.sh created it")
    add("--dry-run", action="store_true", help="print the commands; change nothing")
    add("--yes", action="store_true", help="remove without asking")
    add_output_options(
        command, quiet="print only the question, with what is to be removed, and errors",
        verbose="print each call as a command of `aws` before it is made, to stderr",
    )  # fmt: skip
    command.add_version()
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options: argparse.Namespace = command.parse_args(arguments)
    if ":" in options.function:
        command.error(f"--function must be a name without an alias, got {options.function}: all aliases are removed")
    if options.json and not (options.yes or options.dry_run):
        command.error("--json requires --yes or --dry-run: a question would be in the document")
    return options


def _confirmed() -> bool:
    sys.stdout.write("remove all of it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
