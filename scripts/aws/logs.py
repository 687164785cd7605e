"""Log group of the function: created with a retention before Lambda creates one that keeps its logs for ever."""

from __future__ import annotations

from typing import Any

from scripts.aws.errors import Refused
from scripts.aws.session import Aws

TAG = "yolo-lambda-zip"  # its value is the name of the function; only a log group with this tag is ever removed
RETENTION = 30  # days
NEVER = 0  # --log-retention: logs never expire
# Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html.
DAYS = (
    *(NEVER, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def default_name(function: str) -> str:
    """Return the log group of a function that names none."""
    return f"/aws/lambda/{function}"


def ensure(aws: Aws, function: str, configuration: dict[str, Any] | None, days: int | None) -> None:
    """Create the log group with a retention, or set the requested retention of an existing one.

    Args:
        aws: makes the calls.
        function: name of the function.
        configuration: that of an existing function, which may name another log group.
        days: NEVER or a number of DAYS; None: RETENTION for a new group, and an existing one stays as it is.

    Raises:
        DeployError: AWS returned an error. Without a requested retention, a call that is not allowed is only reported.
    """
    name = ((configuration or {}).get("LoggingConfig") or {}).get("LogGroup") or default_name(function)
    try:
        _ensure(aws, function, name, days)
    except Refused as error:
        if days is not None or not error.is_denied:
            raise
        aws.report(f"logs      the retention of {name} was not set: {error}")


def find_own(aws: Aws, function: str) -> str | None:
    """Return the name of the log group that deploy.sh created for a function; None if there is none."""
    group = _find(aws, default_name(function))
    if not group:
        return None
    arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
    tags = (aws.read("logs", "list_tags_for_resource", resourceArn=arn) or {}).get("tags", {})
    return str(group["logGroupName"]) if tags.get(TAG) == function else None


def remove(aws: Aws, name: str) -> None:
    """Remove a log group with all of its logs."""
    aws.change("logs", "delete_log_group", logGroupName=name)


def _ensure(aws: Aws, function: str, name: str, days: int | None) -> None:
    group = _find(aws, name)
    if group is None:
        days = RETENTION if days is None else days
        try:
            aws.change("logs", "create_log_group", logGroupName=name, tags={TAG: function})
        except Refused as error:
            if error.kind != "ResourceAlreadyExistsException":  # created since it was looked for
                raise
    if days is None or days == ((group or {}).get("retentionInDays") or NEVER):
        return
    if days == NEVER:
        aws.change("logs", "delete_retention_policy", logGroupName=name)
    else:
        aws.change("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)
    if not aws.dry_run:
        aws.report(f"logs      {name} keeps its logs {f'for {days} days' if days else 'for ever'}")


def _find(aws: Aws, name: str) -> dict[str, Any] | None:
    groups = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return next((group for group in groups if group["logGroupName"] == name), None)
