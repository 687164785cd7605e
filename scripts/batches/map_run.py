"""`--via map`: a state machine calls the function; this machine starts it, follows it, and collects its results.

The execution goes on without this process. Its name is kept beside the results, in `results.jsonl.map.json`, before it
is started, so that the same command follows it and starts no second one.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.aws.errors import DeployError
from scripts.aws.prices import EXPRESS_REQUEST, S3_GET, S3_PUT, lambda_usd
from scripts.batches import calls, map_machine, map_record, sources, stored_results
from scripts.batches.errors import FAILED, BatchError
from scripts.batches.job import Job, Outcome
from scripts.batches.map_machine import Machine, State
from scripts.batches.map_record import Execution
from scripts.batches.map_rows import MapRows
from scripts.batches.progress import RunProgress
from scripts.batches.results_file import ResultsFile
from scripts.batches.run import DEFAULT_MEMORY_MB, Totals
from scripts.batches.sources import Item, Source
from scripts.command_line import request_options

POLL = (0.5, 1, 2, 5, 10)  # seconds between two looks; the last one repeats
WAIT = 0.2  # seconds between two looks at Ctrl-C
BEGINS = 30  # seconds in which a new execution may not be visible yet
GOES_ON = (
    "execution {name} goes on without this process; `aws stepfunctions stop-execution --execution-arn {arn}` stops it"
)
ENDED = "execution {name} ended with {status}{reason}"
UNREAD = "the files of execution {name} lack {count:,} of its images; the same command tries them in a new execution"


def fill(job: Job) -> Outcome:
    """Start an execution for the images without a row, or find the one that was started; wait for it; write its rows.

    Raises:
        BatchError: the source or the state machine cannot be used, or the execution failed.
        DeployError: an error of AWS.
        OSError: the file cannot be written.
    """
    if job.results is None:
        raise BatchError("--estimate must be set without --via map")
    source = sources.open_source(job.options.source, job.aws)
    machine = map_machine.describe(job.options, job.aws)
    _check(source, machine, job)
    return MapRun(job, job.results, source, machine).fill()


class MapRun:
    """A run through a state machine."""

    def __init__(self, job: Job, results: ResultsFile, source: Source, machine: Machine) -> None:
        """Prepare it; nothing is started."""
        self._job, self._results, self._source, self._machine = job, results, source, machine
        self._totals = Totals()
        self._unread = 0  # images of the execution that its files do not have

    def fill(self) -> Outcome:
        """See `fill` of this module."""
        options = self._job.options
        parts = [options.source, options.function, request_options(options)]
        execution = map_record.read(self._results.path, map_record.base_name(self._results.path, parts))
        if options.overwrite:
            execution = execution._replace(is_collected=True)
        state = None if execution.is_collected else self._machine.state(execution.name)
        if state is None:
            found = self._start(execution)
            if found is None:
                return self._outcome(is_complete=True)
            execution = found
        else:
            self._job.screen.note(f"execution {execution.name} was started before; it is followed")
        try:
            with RunProgress(self._job.options.quiet or self._job.options.json) as progress:
                state = self._follow(execution, progress)
                if state is None or not self._collect(execution, state, progress):
                    return self._outcome(is_complete=False)
        except DeployError as error:  # such as credentials that have expired
            text = f"{error}; execution {execution.name} goes on, and the same command follows it"
            raise BatchError(text, error.code) from error
        map_record.write(self._results.path, execution._replace(is_collected=True))
        if state.status != "SUCCEEDED":
            reason = f": {state.error}" if state.error else ""
            raise BatchError(ENDED.format(name=execution.name, status=state.status, reason=reason), FAILED)
        if self._unread:
            raise BatchError(UNREAD.format(name=execution.name, count=self._unread), FAILED)
        return self._outcome(is_complete=True)

    def _start(self, last: Execution) -> Execution | None:
        """Start an execution for the images without a row and return it; None if every image has a row."""
        is_first = isinstance(self._source, sources.Prefix) and not (self._results.count or self._results.retried)
        execution = last._replace(is_listing=is_first, is_collected=False)
        if last.is_collected:
            execution = execution._replace(number=last.number + 1)
        while True:
            map_record.write(self._results.path, execution)
            given = self._input(execution)
            if given is None:
                map_record.write(self._results.path, execution._replace(number=last.number, is_collected=True))
                return None
            is_new = self._machine.start(execution.name, given)
            state = None if is_new else self._machine.state(execution.name)
            if is_new or (state and state.is_running):
                self._job.screen.print(f"execution {execution.name} of {self._machine.arn}")
                return execution
            execution = execution._replace(number=execution.number + 1)  # one of an earlier file with this name

    def _input(self, execution: Execution) -> dict[str, Any] | None:
        """Return the input of an execution, with the manifest uploaded if it needs one; None if it has no images."""
        options = self._job.options
        given = {
            "options": request_options(options), "concurrency": options.concurrency,
            "images_per_call": options.images_per_call,
        }  # fmt: skip
        if execution.is_listing:
            return given | {
                "bucket": self._machine.bucket,
                "prefix": options.source.partition("://")[2].partition("/")[2],
            }
        key = f"{self._machine.folder}/{execution.name}.jsonl"
        with tempfile.TemporaryFile() as file:
            count = 0
            for item in self._missing():
                bucket, _, name = item.source.removeprefix("s3://").partition("/")
                file.write(json.dumps({"bucket": bucket, "key": name}).encode() + b"\n")
                count += 1
            if not count:
                return None
            file.seek(0)
            self._job.screen.print(f"manifest  {count:,} images in s3://{self._machine.result_bucket}/{key}")
            self._job.aws.change(
                "s3", "put_object", shown={"Body": "manifest.jsonl"}, Bucket=self._machine.result_bucket, Key=key,
                Body=file,
            )  # fmt: skip
        return given | {"manifest": {"bucket": self._machine.result_bucket, "key": key}}

    def _missing(self) -> Iterator[Item]:
        return (item for item in self._source.items() if not self._results.done(item.source))

    def _follow(self, execution: Execution, progress: RunProgress) -> State | None:
        """Wait for the end of an execution and return it; None after Ctrl-C."""
        began, total, looks = time.monotonic(), -1, 0
        while not self._job.is_interrupted():
            state = self._machine.state(execution.name)
            if state is None and time.monotonic() - began > BEGINS:
                raise BatchError(f"execution {execution.name} does not exist", FAILED)
            if state and state.counts:
                if state.counts["total"] != total:
                    total = state.counts["total"]
                    progress.begin(total, 0)
                progress.update(state.counts.get("succeeded", 0) + state.failed, state.failed, None)
            if state and not state.is_running:
                return state
            self._sleep(POLL[min(looks, len(POLL) - 1)])
            looks += 1
        arn = f"{self._machine.arn.replace(':stateMachine:', ':execution:')}:{execution.name}"
        self._job.screen.note(GOES_ON.format(name=execution.name, arn=arn))
        return None

    def _sleep(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not self._job.is_interrupted():
            time.sleep(WAIT)

    def _collect(self, execution: Execution, state: State, progress: RunProgress) -> bool:
        """Write the rows of an execution that has ended; return whether that is done, and was not interrupted."""
        if not state.map_run:
            return True
        rows = MapRows(self._machine, state, self._results, execution.is_listing)
        progress.begin(state.counts.get("total", 0), 0)
        for entry in stored_results.read(rows, self._job.aws):
            if self._job.is_interrupted():
                return False
            self._totals.add(self._results, entry if isinstance(entry, dict) else _row(*entry))
            progress.update(self._totals.images, self._totals.errors.total(), None)
        if self._source.left_out.total() == 0:
            self._source.left_out.update(rows.left_out)
        self._unread = max(0, state.counts.get("total", 0) - rows.items)
        self._price(rows)
        return True

    def _price(self, rows: MapRows) -> None:
        """Add the price of the calls by the times of the child executions, which include waits before retries."""
        function = calls.describe(self._job.options.function, self._job.aws)
        memory = function.memory_mb or DEFAULT_MEMORY_MB
        self._totals.calls = rows.children
        self._totals.usd = lambda_usd(rows.seconds, memory, function.architecture, rows.children)
        self._totals.usd += rows.children * EXPRESS_REQUEST + self._totals.images * (2 * S3_GET + S3_PUT)

    def _outcome(self, is_complete: bool) -> Outcome:
        if is_complete and not self._results.count:
            raise BatchError(f"{self._job.options.source} must have images, got none")
        return Outcome(is_complete, self._results.count, self._source.left_out, self._totals, {})


def _row(wanted: stored_results.Wanted, document: Any) -> dict[str, Any]:
    if isinstance(document, dict):
        return stored_results.row(wanted.source, document)
    return wanted.missing or {}


def _check(source: Source, machine: Machine, job: Job) -> None:
    """Raise BatchError if a state machine cannot read a source; note a prefix that the stack does not name."""
    if isinstance(source, sources.Folder):
        raise BatchError("SOURCE must be s3://bucket/prefix/ or a manifest with --via map, got a folder")
    bucket = Path(source.identity.removeprefix("s3://")).parts[0]
    if isinstance(source, sources.Prefix) and bucket != machine.bucket:
        raise BatchError(f"SOURCE must be in s3://{machine.bucket}, PicturesBucket of the stack, got s3://{bucket}")
    named = f"s3://{machine.bucket}/{machine.prefix}"
    if isinstance(source, sources.Prefix) and not source.identity.startswith(named):
        job.screen.note(
            f"the role of the function reads {named}, PicturesPrefix of the stack, and not {source.identity}"
        )
