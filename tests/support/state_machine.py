"""Interpreter of the states that the state machine of template.yaml uses; it refuses every other state and field.

No emulator knows ItemBatcher. Time is virtual: waits before retries and calls add to the age of a child, and an
express child ends after five minutes. Children run one after another.

Source: docs.aws.amazon.com/step-functions/latest/dg: concepts-error-handling, input-output-itemreader,
input-output-itembatcher, input-output-resultwriter, intrinsic-functions, limits-overview; iam-policies-eg-dist-map.
"""

import io
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import state_language as language
from tests.support.state_language import CALL_SECONDS, StateFailed

EXPRESS_SECONDS = 300
START = datetime(2026, 11, 27, 10, tzinfo=UTC)
STOPPED = "Stopped"  # by StopExecution
FIELDS = {
    "Pass": {"Result", "Parameters", "OutputPath", "Next"},
    "Choice": {"Choices", "Default"},
    "Map": {
        *("Label", "End", "ItemReader", "ItemBatcher", "ItemProcessor", "ResultWriter", "MaxConcurrencyPath"),
        "ToleratedFailurePercentagePath",
    },
    "Task": {"Resource", "Parameters", "OutputPath", "Retry", "End"},
}


@dataclass
class Child:
    """Execution for one batch: its result when it has ended."""

    name: str
    input: dict[str, Any]
    status: str = "PENDING"  # SUCCEEDED, FAILED, TIMED_OUT
    output: Any = None
    error: str = ""
    cause: str = ""
    age: float = 0.0  # seconds
    waits: list[float] = field(default_factory=list)  # longest waits before the retries

    def row(self, machine: str) -> dict[str, Any]:
        """Return the line of the file that the ResultWriter writes for this child."""
        row: dict[str, Any] = {
            "ExecutionArn": f"{machine.replace(':stateMachine:', ':express:')}/{self.name}",
            "Input": json.dumps(self.input),
            "InputDetails": {"Included": True},
            "Name": self.name,
            "StartDate": "2026-11-27T10:00:00.000Z",
            "StopDate": (START + timedelta(seconds=self.age)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "StateMachineArn": machine,
            "Status": self.status,
        }
        if self.status == "SUCCEEDED":
            return row | {"Output": json.dumps(self.output), "OutputDetails": {"Included": True}}
        return row | ({"Error": self.error, "Cause": self.cause} if self.status != "PENDING" else {})


@dataclass
class MapRun:
    """Run of a Map state."""

    arn: str
    concurrency: int
    tolerated: float
    children: list[Child]

    def counts(self, of_items: bool) -> dict[str, int]:
        """Return the counts of DescribeMapRun."""
        names = {"PENDING": "pending", "SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timedOut"}
        counts = dict.fromkeys(("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"), 0)
        for child in self.children:
            size = len(child.input["Items"]) if of_items else 1
            counts[names[child.status]] += size
            counts["total"] += size
        return {**counts, "resultsWritten": 0}

    def failed_share(self) -> float:
        counts = self.counts(of_items=True)
        return 100 * (counts["failed"] + counts["timedOut"]) / max(counts["total"], 1)


class StateMachine:
    """A definition with its function and its S3.

    Attributes:
        calls: (action of IAM, resource) of every call that the service makes with the role of the machine.
        runs: map runs.
        stops: called before each child; true stops the execution.
    """

    def __init__(self, definition: dict[str, Any], arn: str, s3: Any, invoke: Callable[[str, Any], Any]) -> None:
        """Make a machine.

        Args:
            definition: evaluated.
            arn: of the machine.
            s3: client of boto3.
            invoke: takes the ARN and the payload; returns the response, or raises StateFailed.
        """
        self._definition, self.arn, self._s3, self._invoke = definition, arn, s3, invoke
        self.stops: Callable[[], bool] = lambda: False
        self.calls: set[tuple[str, str]] = set()
        self.runs: list[MapRun] = []

    def run(self, given: dict[str, Any]) -> Any:
        """Return the output of an execution.

        Raises:
            StateFailed: it failed.
            UnknownDefinition: see there.
        """
        return self._run_states(self._definition, {}, {"Execution": {"Input": given}})

    def _run_states(self, definition: dict[str, Any], value: Any, context: dict[str, Any]) -> Any:
        name: str | None = definition["StartAt"]
        language.require(set(definition) - {"ProcessorConfig"} <= {"StartAt", "States"}, definition)
        while name:
            state = definition["States"][name]
            kind = state.get("Type", "")
            language.require(kind in FIELDS and set(state) - {"Type"} <= FIELDS[kind], state)
            if kind == "Choice":
                name = language.choose(state, value)
                continue
            value = getattr(self, f"_{kind.lower()}")(state, value, context)
            language.check_size(value)
            language.require(("Next" in state) != ("End" in state), state)
            name = state.get("Next")
        return value

    def _pass(self, state: dict[str, Any], value: Any, context: dict[str, Any]) -> Any:
        if "Result" in state:
            return state["Result"]
        return language.at(state.get("OutputPath", "$"), language.filled(state["Parameters"], value, context), context)

    def _task(self, state: dict[str, Any], value: Any, context: dict[str, Any]) -> Any:
        language.require(state["Resource"].endswith(":states:::lambda:invoke"), state["Resource"])
        parameters = language.filled(state["Parameters"], value, context)
        language.require(set(parameters) == {"FunctionName", "Payload"}, parameters)
        child: Child = context["Child"]
        attempts = [0] * len(state["Retry"])
        while True:
            self.calls.add(("lambda:InvokeFunction", parameters["FunctionName"]))
            try:
                payload = self._invoke(parameters["FunctionName"], json.loads(json.dumps(parameters["Payload"])))
                child.age += CALL_SECONDS
                return language.at(state["OutputPath"], {"Payload": payload, "StatusCode": 200}, context)
            except StateFailed as failed:
                child.age += failed.seconds
                pause = language.wait(state["Retry"], attempts, failed)
                if pause is None:
                    raise
                child.waits.append(pause)
                child.age += pause

    def _map(self, state: dict[str, Any], value: Any, context: dict[str, Any]) -> Any:
        config = state["ItemProcessor"]["ProcessorConfig"]
        language.require(config["Mode"] == "DISTRIBUTED" and set(config) == {"Mode", "ExecutionType"}, config)
        run = MapRun(
            f"{self.arn.replace(':stateMachine:', ':mapRun:')}/{state['Label']}:{uuid.uuid4()}",
            language.number(language.at(state["MaxConcurrencyPath"], value, context), 0, 10_000),
            language.number(language.at(state["ToleratedFailurePercentagePath"], value, context), 0, 100),
            [Child(f"{state['Label']}:{uuid.uuid4()}", batch) for batch in self._batches(state, value, context)],
        )
        self.runs.append(run)
        self._run_children(run, state["ItemProcessor"], config["ExecutionType"] == "EXPRESS")
        written = self._write(state["ResultWriter"], run, value, context)
        if run.failed_share() > run.tolerated:
            raise StateFailed("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold")
        if any(child.status == "PENDING" for child in run.children):
            raise StateFailed(STOPPED)
        return {"MapRunArn": run.arn, "ResultWriterDetails": written}

    def _run_children(self, run: MapRun, processor: dict[str, Any], is_express: bool) -> None:
        executions = self.arn.replace(":stateMachine:", ":execution:")
        for child in run.children:
            if self.stops() or run.failed_share() > run.tolerated:
                return
            self.calls |= {
                ("states:StartExecution", self.arn),
                ("states:DescribeExecution", f"{executions}/{child.name}"),
                ("states:StopExecution", f"{executions}/{child.name}"),
            }
            try:
                child.output = self._run_states(processor, child.input, {"Child": child})
                child.status = "SUCCEEDED"
            except StateFailed as failed:
                child.status, child.error, child.cause = "FAILED", failed.error, failed.cause
            if is_express and child.age > EXPRESS_SECONDS:
                child.status, child.error, child.cause = "TIMED_OUT", "States.Timeout", ""

    def _batches(self, state: dict[str, Any], value: Any, context: dict[str, Any]) -> Iterator[dict[str, Any]]:
        batcher = state["ItemBatcher"]
        language.require(set(batcher) == {"MaxItemsPerBatchPath", "BatchInput"}, batcher)
        size = language.number(language.at(batcher["MaxItemsPerBatchPath"], value, context), 1, 10_000)
        shared = language.filled(batcher["BatchInput"], value, context)
        for items in itertools.batched(self._items(state["ItemReader"], value, context), size):
            batch = {"BatchInput": shared, "Items": list(items)}
            language.check_size(batch)
            yield batch

    def _items(self, reader: dict[str, Any], value: Any, context: dict[str, Any]) -> Iterator[Any]:
        parameters = language.filled(reader["Parameters"], value, context)
        if reader["Resource"].endswith(":states:::s3:listObjectsV2"):
            language.require(set(reader) == {"Resource", "Parameters"}, reader)
            self.calls.add(("s3:ListBucket", f"arn:aws:s3:::{parameters['Bucket']}"))
            for page in self._s3.get_paginator("list_objects_v2").paginate(**parameters):
                for entry in page.get("Contents", ()):
                    yield {
                        "Etag": entry["ETag"], "Key": entry["Key"], "Size": entry["Size"],
                        "LastModified": int(entry["LastModified"].timestamp()), "StorageClass": entry["StorageClass"],
                    }  # fmt: skip
            return
        language.require(reader["Resource"].endswith(":states:::s3:getObject"), reader)
        language.require(reader["ReaderConfig"] == {"InputType": "JSONL"}, reader)
        self.calls.add(("s3:GetObject", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}"))
        try:
            body = self._s3.get_object(**parameters)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise StateFailed("States.ItemReaderFailed", str(error)) from error
        yield from (json.loads(line) for line in body.decode().splitlines() if line.strip())

    def _write(self, writer: dict[str, Any], run: MapRun, value: Any, context: dict[str, Any]) -> dict[str, str]:
        language.require(set(writer) == {"Resource", "Parameters", "WriterConfig"}, writer)
        language.require(writer["Resource"].endswith(":states:::s3:putObject"), writer["Resource"])
        language.require(writer["WriterConfig"] == {"Transformation": "NONE", "OutputType": "JSONL"}, writer)
        parameters = language.filled(writer["Parameters"], value, context)
        bucket, folder = parameters["Bucket"], f"{parameters['Prefix']}/{run.arn.rpartition(':')[2]}"
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        for status, listed in files.items():
            statuses = {status, "TIMED_OUT"} if status == "FAILED" else {status}
            rows = [child.row(self.arn) for child in run.children if child.status in statuses]
            if rows:
                data = "".join(json.dumps(row) + "\n" for row in rows).encode()
                listed.append({"Key": f"{folder}/{status}_0.jsonl", "Size": len(data)})
                self._put(bucket, listed[0]["Key"], data)
        manifest = {"DestinationBucket": bucket, "MapRunArn": run.arn, "ResultFiles": files}
        self._put(bucket, f"{folder}/manifest.json", json.dumps(manifest).encode())
        return {"Bucket": bucket, "Key": f"{folder}/manifest.json"}

    def _put(self, bucket: str, key: str, data: bytes) -> None:
        actions = ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
        self.calls |= {(action, f"arn:aws:s3:::{bucket}/{key}") for action in actions}
        self._s3.upload_fileobj(io.BytesIO(data), bucket, key)
