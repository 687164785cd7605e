"""Rows of a map run: the files that Step Functions wrote at its end, and the results that the function wrote to S3.

A child execution has a batch of images as its input. One that succeeded has a row for each of them, with the place of
the result. One that failed may have results too: those that the function wrote before the error.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from scripts.batches import objects
from scripts.batches.map_machine import Machine, State
from scripts.batches.results_file import ResultsFile
from scripts.batches.sources import reason_to_leave_out
from scripts.batches.stored_results import Wanted

STATUSES = ("SUCCEEDED", "FAILED", "PENDING")  # of the files; FAILED has children that timed out too
NOT_BEGUN = "the execution ended before the batch of the image"
RESOLUTION = timedelta(seconds=1)  # of LastModified


class MapRows:
    """Rows of a map run, in the order of its files.

    Attributes:
        left_out: reason -> objects of the listing that are no images.
        items: images and other objects of the child executions that were read.
        children: child executions that were read.
        seconds: from start to end, of all of them together.
    """

    def __init__(self, machine: Machine, state: State, results: ResultsFile, is_listing: bool) -> None:
        """Prepare the rows; nothing is read.

        Args:
            machine: of the execution.
            state: of the execution, which has ended.
            results: images with a row are not read again.
            is_listing: leave out objects that are no images.
        """
        self.left_out: Counter[str] = Counter()
        self.items, self.children, self.seconds = 0, 0, 0.0
        self._machine, self._state, self._results, self._is_listing = machine, state, results, is_listing

    def __iter__(self) -> Iterator[Wanted | dict[str, Any]]:
        """Yield a row, or the result to read, for each image without a row.

        Raises:
            BatchError: a file cannot be read.
            DeployError: an error of AWS.
        """
        for key in self._files():
            for child in _children(objects.body(self._machine.result_bucket, key, self._machine.aws)):
                yield from self._child(child)

    def _files(self) -> list[str]:
        """Return the keys of the files: from the manifest, or from a listing if the run did not write one."""
        folder = f"{self._machine.folder}/{self._state.map_run.rpartition(':')[2]}/"
        keys = sorted(objects.keys(self._machine.result_bucket, folder, self._machine.aws))
        if f"{folder}manifest.json" in keys:
            body = objects.body(self._machine.result_bucket, f"{folder}manifest.json", self._machine.aws)
            files = json.loads(body.read())["ResultFiles"]
            keys = [file["Key"] for status in STATUSES for file in files.get(status, ())]
        return [key for key in keys if key.rpartition("/")[2].startswith(STATUSES)]

    def _child(self, child: dict[str, Any]) -> Iterator[Wanted | dict[str, Any]]:
        batch = json.loads(child["Input"])
        shared = batch["BatchInput"]["names"]["bucket"]
        addresses = [(item.get("bucket") or shared, item.get("key") or item["Key"]) for item in batch["Items"]]
        self._measure(child)
        self.items += len(addresses)
        rows = json.loads(child["Output"])["results"] if child.get("Output") else None
        for number, (bucket, key) in enumerate(addresses):
            source = f"s3://{bucket}/{key}"
            reason = reason_to_leave_out(key) if self._is_listing else ""
            if rows and "skipped" in rows[number] and key.startswith(self._machine.result_prefix):
                reason = "results"
            if reason:
                self.left_out[reason] += 1
            elif not self._results.done(source):
                yield self._of_row(source, rows[number]) if rows else self._of_failure(source, key, child)

    def _of_row(self, source: str, row: dict[str, Any]) -> Wanted | dict[str, Any]:
        if "result" in row:
            bucket, key = objects.split(row["result"], "result")
            missing = _error(source, "MissingResult", f"{row['result']} does not exist any more")
            return Wanted(source, bucket, key, missing=missing)
        if "skipped" in row:
            return _error(source, "Skipped", row["skipped"])
        return _error(source, row["type"], row["error"])

    def _of_failure(self, source: str, key: str, child: dict[str, Any]) -> Wanted:
        kind = child.get("Error") or child["Status"]
        reason = NOT_BEGUN if child["Status"] in ("PENDING", "RUNNING") else f"the batch of the image ended with {kind}"
        missing = _error(source, kind, child.get("Cause") or reason)
        place = f"{self._machine.result_prefix}{key}.json"
        return Wanted(source, self._machine.result_bucket, place, self._state.started - RESOLUTION, missing)

    def _measure(self, child: dict[str, Any]) -> None:
        self.children += 1
        if "StopDate" in child:
            times = (datetime.fromisoformat(child[name]) for name in ("StartDate", "StopDate"))
            start, stop = times
            self.seconds += (stop - start).total_seconds()


def _children(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the child executions of a file: JSON lines, or one array from a machine without WriterConfig."""
    lines = (line for line in body.iter_lines(chunk_size=1 << 16) if line.strip())
    first = next(lines, b"")
    if first.startswith(b"["):
        yield from json.loads(b"\n".join([first, *lines]))
    elif first:
        yield json.loads(first)
        yield from map(json.loads, lines)


def _error(source: str, kind: str, message: str) -> dict[str, Any]:
    return {"source": source, "error": " ".join(str(message).split()), "type": kind}
