"""Result of deploy.sh: the versions of the alias, in lines of text or as a document."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import NamedTuple

from scripts.aws.alias import Traffic
from scripts.aws.session import Aws, print_line
from scripts.aws.url import Url
from scripts.command_line import ALIAS


class Moved(NamedTuple):
    """Where the alias points now, and where it pointed before; `before` is None for a new alias.

    `url` is the Function URL, if an option requests one.
    """

    after: Traffic
    before: Traffic | None
    url: Url | None = None


def print_document(aws: Aws, options: argparse.Namespace, moved: Moved, lines: list[str]) -> None:
    """Print the document of --json; in a dry run there is no version yet, and `report` has the commands."""
    after = None if options.dry_run else moved.after
    document = {
        "account": aws.account,
        "region": aws.region,
        "function": options.function,
        "alias": options.alias,
        "version": after and after.main,
        "previous_version": moved.before and moved.before.main,
        "canary": after and after.canary,
        "traffic": after and after.percents(),
        **(_url_fields(options, moved.url) if moved.url else {}),
        "dry_run": options.dry_run,
        "report": lines,
    }
    print_line(json.dumps(document))


def print_result(options: argparse.Namespace, moved: Moved) -> None:
    """Print where the alias points, and the next commands."""
    if options.dry_run:
        print_line("dry run   nothing was changed")
        return
    for line in [*_traffic_lines(options, moved), *(moved.url.lines() if moved.url else [])]:
        print_line(line)
    if not options.quiet:
        print_line("")
        for label, command in _next_commands(options, moved).items():
            print_line(f"{label + ':':<13} {command}")


def _traffic_lines(options: argparse.Namespace, moved: Moved) -> list[str]:
    """Return the versions of the alias, their shares of the calls, and what became of a canary."""
    after, before = moved.after, moved.before
    change = "nothing changed" if after == before else f"was {before.main}" if before else "new"
    alias = f"alias     {options.function}:{options.alias} is version {after.main}"
    if after.canary:
        percents = after.percents()
        change = f", {change}" if after == before else ""
        line = f"canary    version {after.canary} ({percents[after.canary]} % of the calls{change})"
        return [f"{alias} ({percents[after.main]} % of the calls)", line]
    if before and before.canary:
        is_promoted = before.canary == after.main
        change = f"was {before.main}" if before.main != after.main else "as before"
        end = "promoted" if is_promoted else f"ended: it had {before.percents()[before.canary]} % of the calls"
        return [f"{alias} ({change})", f"canary    version {before.canary} {end}; version {after.main} gets all calls"]
    if options.canary:
        reason = "there was no version before" if before is None else f"version {after.main} was there before"
        return [f"{alias} ({change})", f"canary    none: {reason}; version {after.main} gets all calls"]
    return [f"{alias} ({change})"]


def _next_commands(options: argparse.Namespace, moved: Moved) -> dict[str, str]:
    """Return the next commands by what they do."""
    after, before = moved.after, moved.before
    qualified = f"{options.function}:{options.alias}"
    values = {"region": options.region, "profile": options.profile}
    session = "".join(f" --{name} {shlex.quote(value)}" for name, value in values.items() if value)
    name = f" --alias {options.alias}" if options.alias != ALIAS else ""
    deploy = f"scripts/deploy.sh --function {options.function}{name}"
    commands = {"call": f"scripts/call.py image.jpg --function {qualified}{session}"}
    commands |= moved.url.commands(options.profile) if moved.url else {}
    if after.canary:
        commands |= {"promote": f"{deploy} --promote{session}", "roll back": f"{deploy} --rollback{session}"}
    elif before and before.main != after.main:
        commands["roll back"] = f"{deploy} --rollback {before.main}{session}"
    return {**commands, "remove": f"scripts/undeploy.sh --function {options.function}{session}"}


def _url_fields(options: argparse.Namespace, url: Url) -> dict[str, str | None]:
    """Return the fields of the URL; `key` is a new API key, which is shown only once."""
    return {"url": None if options.dry_run else url.address, "url_auth": url.kind, "key": url.access.key}
