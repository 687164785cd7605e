"""The state machine of `Bulk=on`: where it is, where its results go, and its executions.

Source: docs.aws.amazon.com/step-functions/latest/apireference: StartExecution, DescribeExecution, ListMapRuns,
DescribeMapRun; latest/dg/input-output-resultwriter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from scripts.aws.errors import Refused
from scripts.aws.session import Aws
from scripts.batches.errors import BatchError

RUNNING = ("RUNNING", "PENDING_REDRIVE")
FOLDER = "map-runs"  # below RESULT_PREFIX
EXISTS, NO_EXECUTION, NO_MACHINE = "ExecutionAlreadyExists", "ExecutionDoesNotExist", "StateMachineDoesNotExist"
NOT_MADE = "{arn} does not exist; `sam deploy --parameter-overrides Bulk=on PicturesBucket=NAME` makes it ({error})"
OTHER = "--state-machine must be the one that template.yaml makes with Bulk=on, got {arn}"


class State(NamedTuple):
    """State of an execution.

    Attributes:
        status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        error: with its cause; "" without one.
        started: time of its start.
        map_run: ARN; "" until it has begun.
        counts: of its items: total, succeeded, failed, timedOut, aborted, ...; {} until it has begun.
    """

    status: str
    error: str
    started: datetime
    map_run: str = ""
    counts: Mapping[str, int] = {}

    @property
    def is_running(self) -> bool:
        """Whether the execution has not ended."""
        return self.status in RUNNING

    @property
    def failed(self) -> int:
        """Number of items that failed after their retries."""
        return sum(self.counts.get(name, 0) for name in ("failed", "timedOut", "aborted"))


class Machine(NamedTuple):
    """A state machine.

    Attributes:
        arn: of it.
        bucket, prefix: of the images that its function may read.
        result_bucket: of the results, of manifests, and of the files of map runs.
        result_prefix: of the results of the function, such as results/.
        aws: session.
    """

    arn: str
    bucket: str
    prefix: str
    result_bucket: str
    result_prefix: str
    aws: Aws

    @property
    def folder(self) -> str:
        """Prefix of the files of map runs, without a slash at its end."""
        return self.result_prefix + FOLDER

    def start(self, name: str, given: dict[str, Any]) -> bool:
        """Start an execution; return False if there is one with this name and it may have another input.

        Raises:
            DeployError: an error of AWS.
        """
        text = json.dumps(given, sort_keys=True)
        try:
            self.aws.change("stepfunctions", "start_execution", stateMachineArn=self.arn, name=name, input=text)
        except Refused as error:
            if error.kind == EXISTS:
                return False
            raise
        return True

    def state(self, name: str) -> State | None:
        """Return the state of an execution; None if there is none with this name."""
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        found = _read(self.aws, NO_EXECUTION, "describe_execution", executionArn=arn)
        if found is None:
            return None
        error = ": ".join(filter(None, (found.get("error"), found.get("cause"))))
        state = State(str(found["status"]), error, found["startDate"])
        runs = _read(self.aws, NO_EXECUTION, "list_map_runs", executionArn=arn) or {}
        if not runs.get("mapRuns"):
            return state
        map_run = str(runs["mapRuns"][0]["mapRunArn"])
        described = self.aws.read("stepfunctions", "describe_map_run", mapRunArn=map_run) or {}
        return state._replace(map_run=map_run, counts=described.get("itemCounts", {}))


def describe(options: Any, aws: Aws) -> Machine:
    """Return the state machine of --state-machine, or that of the function.

    Raises:
        BatchError: it does not exist, or is not that of template.yaml.
        DeployError: an error of AWS.
    """
    arn = options.state_machine or default_arn(options.function, aws)
    found = _read(aws, NO_MACHINE, "describe_state_machine", stateMachineArn=arn)
    if found is None:
        raise BatchError(NOT_MADE.format(arn=arn, error=NO_MACHINE))
    try:
        defaults = json.loads(found["definition"])["States"]["Defaults"]["Result"]
        names = ("bucket", "prefix", "result_bucket", "result_prefix")
        bucket, prefix, result_bucket, folder = (str(defaults[name]) for name in names)
        if not folder.endswith(FOLDER):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BatchError(OTHER.format(arn=arn)) from None
    return Machine(arn, bucket, prefix, result_bucket, folder.removesuffix(FOLDER), aws)


def default_arn(function: str, aws: Aws) -> str:
    """Return the ARN of the state machine in the stack of a function, NAME:ALIAS or its ARN."""
    if function.startswith("arn:"):
        _, partition, _, region, account, _, name, *_ = function.split(":")
    else:
        partition, region, account, name = aws.partition, aws.region, aws.account, function.partition(":")[0]
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}-bulk"


def _read(aws: Aws, missing: str, operation: str, **parameters: Any) -> Any:
    """Return a response; None if the error is `missing`."""
    try:
        return aws.read("stepfunctions", operation, **parameters)
    except Refused as error:
        if error.kind == missing:
            return None
        raise
