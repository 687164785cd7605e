"""Result of deploy.sh: the versions of the alias, in lines of text or as a document."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import NamedTuple

from scripts.aws.session import Aws, print_line
from scripts.command_line import ALIAS


class Moved(NamedTuple):
    """Versions of the alias.

    Attributes:
        version: the one that it points to now; in a dry run a shell variable.
        before: the one that it pointed to; None for a new alias.
    """

    version: str
    before: str | None


def print_document(aws: Aws, options: argparse.Namespace, moved: Moved, lines: list[str]) -> None:
    """Print the document of --json; in a dry run there is no version yet, and `report` has the commands."""
    document = {
        "account": aws.account,
        "region": aws.region,
        "function": options.function,
        "alias": options.alias,
        "version": None if options.dry_run else moved.version,
        "previous_version": moved.before,
        "dry_run": options.dry_run,
        "report": lines,
    }
    print_line(json.dumps(document))


def print_result(options: argparse.Namespace, moved: Moved) -> None:
    """Print where the alias points, and the next commands."""
    if options.dry_run:
        print_line("dry run   nothing was changed")
        return
    version, before = moved
    qualified = f"{options.function}:{options.alias}"
    change = "nothing changed" if before == version else f"was {before}" if before else "new"
    values = {"region": options.region, "profile": options.profile}
    session = "".join(f" --{name} {shlex.quote(value)}" for name, value in values.items() if value)
    name = f" --alias {options.alias}" if options.alias != ALIAS else ""
    print_line(f"alias     {qualified} is version {version} ({change})")
    if options.quiet:
        return
    print_line(f"\ncall:         scripts/call.py image.jpg --function {qualified}{session}")
    if before not in (None, version):
        print_line(f"roll back:    scripts/deploy.sh --function {options.function}{name} --rollback {before}{session}")
    print_line(f"remove:       scripts/undeploy.sh --function {options.function}{session}")
