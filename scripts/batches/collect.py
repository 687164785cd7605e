"""`--collect`: one file out of the results that the function wrote for events of S3, a queue or a job.

The result of an image is `{RESULT_PREFIX}{key of the image}.json`, with the bucket and the key in `source`
(function/sources/s3_results.py). Other objects are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from scripts.batches import objects, stored_results
from scripts.batches.errors import BatchError
from scripts.batches.job import Job, Outcome
from scripts.batches.progress import RunProgress
from scripts.batches.results_file import ResultsFile
from scripts.batches.run import Totals
from scripts.batches.stored_results import Wanted

SUFFIX = ".json"
OTHER_FOLDERS = ("/map-runs/", "/batch-jobs/")  # below RESULT_PREFIX, of BulkMachine and BatchRole in template.yaml
NO_RESULTS = "no results"  # reason of objects that are left out


def fill(job: Job) -> Outcome:
    """Write a row for each result below the prefix that has none.

    Raises:
        BatchError: the bucket or a result cannot be read, or there are no results.
        DeployError: an error of AWS.
        OSError: the file cannot be written.
    """
    if job.results is None:
        raise BatchError("--estimate must not be set with --collect, which calls no function")
    collection = Collection(job, job.results)
    is_complete = collection.run()
    if is_complete and not job.results.count:
        others = collection.left_out.total()
        raise BatchError(f"{job.options.collect} must have results of images, got {others:,} other objects")
    return Outcome(is_complete, job.results.count, collection.left_out, collection.totals, {})


class Collection:
    """Results below a prefix.

    Attributes:
        left_out: reason -> objects that are no results.
        totals: of this run.
    """

    def __init__(self, job: Job, results: ResultsFile) -> None:
        """Prepare it; nothing is read."""
        self.left_out: Counter[str] = Counter()
        self.totals = Totals()
        self._job, self._results = job, results
        self._bucket, self._prefix = objects.split(job.options.collect, "--collect")
        self._places: tuple[str, str] | None = None  # RESULT_PREFIX and the bucket of the images, from a result

    def run(self) -> bool:
        """Write the rows; return whether that is done, and was not interrupted."""
        with RunProgress(self._job.options.quiet or self._job.options.json) as progress:
            for entry in stored_results.read(self._wanted(), self._job.aws):
                if self._job.is_interrupted():
                    return False
                if isinstance(entry, tuple):
                    self._write(entry[0].key, entry[1])
                progress.listed(self._results.count)
        return not self._job.is_interrupted()

    def _wanted(self) -> Iterator[Wanted]:
        """Yield the results that have no row. The first one is read in any case: it shows where the images are."""
        for key in objects.keys(self._bucket, self._prefix, self._job.aws):
            if not key.endswith(SUFFIX) or any(folder in f"/{key}" for folder in OTHER_FOLDERS):
                self.left_out[NO_RESULTS] += 1
            elif not self._results.done(self._source(key)):
                yield Wanted("", self._bucket, key)

    def _source(self, key: str) -> str:
        """Return the image of a result by the names of an earlier one; "" if that is not known."""
        prefix, bucket = self._places or ("", "")
        return f"s3://{bucket}/{key[len(prefix) : -len(SUFFIX)]}" if bucket and key.startswith(prefix) else ""

    def _write(self, key: str, document: Any) -> None:
        source = document.get("source") if isinstance(document, dict) else None
        names = (source.get("bucket"), source.get("key")) if isinstance(source, dict) else (None, None)
        if not all(isinstance(name, str) and name for name in names) or not key.endswith(f"{names[1]}{SUFFIX}"):
            self.left_out[NO_RESULTS] += 1
            return
        self._places = key.removesuffix(f"{names[1]}{SUFFIX}"), str(names[0])
        self.totals.add(self._results, stored_results.row(f"s3://{names[0]}/{names[1]}", document))
