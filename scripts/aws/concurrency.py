"""Reserved concurrency of the function, checked against the quota of the account before anything is changed."""

from __future__ import annotations

import argparse
from typing import Any

from scripts.aws.errors import DeployError, Refused
from scripts.aws.limits import UNRESERVED_MINIMUM
from scripts.aws.session import Aws

NONE = "none"  # --reserved-concurrency: no reservation
# Source of the code: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, "Concurrent executions".
INCREASE = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
STEP = 1000  # concurrent executions; what an account has that is not new, and what larger quotas are multiples of


def number_or_none(text: str) -> int | str:
    """Return the value of --reserved-concurrency: a number, or `none`."""
    if text == NONE:
        return text
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a number from 0 on or {NONE}, got {text!r}")
    return int(text)


def reserved(response: dict[str, Any] | None) -> int | None:
    """Return the reservation in a response of GetFunction; None if there is none."""
    value = ((response or {}).get("Concurrency") or {}).get("ReservedConcurrentExecutions")
    return None if value is None else int(value)


def check(aws: Aws, requested: int | str | None, present: int | None) -> None:
    """Check that the account has so many concurrent executions left to reserve.

    Args:
        aws: makes the calls.
        requested: a number, NONE, or None: not requested.
        present: the reservation that the function has, which the new one replaces.

    Raises:
        DeployError: it has not; the message has the command that asks AWS for more.
    """
    if not isinstance(requested, int) or requested <= (present or 0):
        return
    quota = (aws.read("lambda", "get_account_settings") or {}).get("AccountLimit") or {}
    if "UnreservedConcurrentExecutions" not in quota:
        return  # Lambda checks too
    most = max(0, quota["UnreservedConcurrentExecutions"] + (present or 0) - UNRESERVED_MINIMUM)
    if requested > most:
        total = quota["ConcurrentExecutions"]
        raise DeployError(
            f"--reserved-concurrency must be at most {most} in {aws.region} of account {aws.account}, got "
            f"{requested}; of {total} concurrent executions, {UNRESERVED_MINIMUM} must stay unreserved; "
            f"ask for more: {_increase(aws, total + requested - most)}"
        )


def apply(aws: Aws, function: str, requested: int | str | None, present: int | None) -> None:
    """Reserve the concurrency, or remove the reservation, where that differs.

    Raises:
        DeployError: AWS returned an error.
    """
    if requested is None or requested == (NONE if present is None else present):
        return
    if requested == NONE:
        aws.change("lambda", "delete_function_concurrency", FunctionName=function)
    else:
        try:
            aws.change(
                "lambda", "put_function_concurrency", FunctionName=function, ReservedConcurrentExecutions=requested
            )
        except Refused as error:
            if "UnreservedConcurrentExecution" not in str(error):
                raise
            more = _increase(aws, int(requested) + UNRESERVED_MINIMUM)
            raise DeployError(f"{error}; ask for more: {more}", error.code) from error
    if not aws.dry_run:
        effect = "; the function is off" if requested == 0 else ""
        before = NONE if present is None else present
        aws.report(f"reserved  concurrency {requested} (was {before}){effect}")


def _increase(aws: Aws, least: int) -> str:
    """Return the command that asks AWS for a quota of at least so many concurrent executions."""
    return f"{INCREASE} --desired-value {-(-least // STEP) * STEP}{aws.selection}"
