"""Queue run: a bucket of objects as S3 events in an SQS queue, each delivered until its result exists."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from scripts.aws.limits import MB_PER_CPU
from scripts.local_lambda.emulator import LocalLambda
from scripts.soak import check, fault_proxy, fixtures, report, s3_server, sqs_queue
from scripts.soak.command import SAMPLES, print_error, print_log, verdict

SUCCESS = (
    "every object has exactly one result, that of its newest version; every fault was reported and retried; "
    "nothing is lost\n"
)
TIMEOUT = 120.0  # seconds for a batch, with the retries of all faults in it
PROGRESS_INTERVAL = 5  # seconds


def run(options: argparse.Namespace, url: str) -> int:
    """Upload the objects, deliver their events, print the report. Return the exit code.

    Args:
        options: `dist`, `objects`, `batch` and `log` of the command line.
        url: URL of the S3 server.

    Raises:
        LocalLambdaError: the zips cannot be run.
    """
    client = s3_server.client(url)
    objects = fixtures.plan(options.objects, SAMPLES)
    print_error(f"uploading {len(objects):,} objects\n")
    objects = fixtures.upload(client, objects)
    proxy = fault_proxy.FaultyProxy(url)
    proxy.faults |= {item.fault_path: item.fault for item in objects if item.fault}
    environ = {name.upper(): value for name, value in s3_server.CREDENTIALS.items()}
    environ |= {"AWS_ENDPOINT_URL": proxy.url, "RESULT_PREFIX": fixtures.RESULT_PREFIX}
    log = print_log if options.verbose else None
    # Not in namespaces: they have their own loopback and cannot reach the S3 server.
    function = LocalLambda(options.dist, memory=MB_PER_CPU, timeout=TIMEOUT, env=environ, isolation="plain", log=log)
    with proxy.serving(), function:
        began = time.monotonic()
        delivered = sqs_queue.deliver(objects, options.batch, function.invoke, _after_batch(proxy, objects))
        duration, peak = time.monotonic() - began, function.peak_rss_bytes
        results = check.stored(client)
        second = sqs_queue.deliver(objects[: options.batch], options.batch, function.invoke, lambda _: None)
        problems = list(check.problems(objects, results, delivered, proxy.met))
        problems += _changes(results, check.stored(client), second)
    sys.stdout.write(f"\n{report.counts(objects, delivered, proxy.met, len(results))}")
    sys.stdout.write(report.times(delivered.batches, function.init_ms, peak) + f"{'total':22}{duration:.0f} s\n\n")
    sys.stdout.write(report.estimate(report.per_image_ms(delivered.batches), options.batch, MB_PER_CPU))
    return verdict(problems, SUCCESS)


def _after_batch(
    proxy: fault_proxy.FaultyProxy, objects: list[fixtures.SoakObject]
) -> Callable[[sqs_queue.Batch], None]:
    """Return the action after each batch: remove the faults of the reported objects, print the progress at times."""
    fault_paths = {item.key: item.fault_path for item in objects} | {item.older_id: "" for item in objects}
    printed, processed = time.monotonic(), 0
    total = len(objects) + sum(item.older is not None for item in objects)  # messages

    def after(batch: sqs_queue.Batch) -> None:
        nonlocal printed, processed
        processed += len(batch.keys) - len(batch.failed)
        for key in batch.failed:
            proxy.remove_fault(fault_paths[key])
        if time.monotonic() - printed > PROGRESS_INTERVAL:
            printed = time.monotonic()
            print_error(f"{processed:,} of {total:,} messages done\n")

    return after


def _changes(before: dict[str, bytes], after: dict[str, bytes], second: sqs_queue.DeliveryReport) -> list[str]:
    """Return the changes of a second delivery of the first batch; there must be none."""
    failed = [f"{key!r} failed when it was delivered again" for key in sorted(second.reported)]
    return failed + [f"{key!r} differs after a second delivery" for key in after if before.get(key) != after[key]]
