#!/usr/bin/env python3
"""Process a bucket of images with the built zips, as S3 events in an SQS queue, with broken images and S3 errors.

An S3 server on loopback (moto), a proxy in front of it that fails chosen objects until their message is reported for
retry, and the function from its zips with the real runtime client. At the end everything is counted. Run it with the
Python that `python3 scripts/environments.py dev` prints.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path[0] = str(ROOT)  # started as a file: the first entry is the folder of this file

from scripts.aws.limits import MB_PER_CPU  # noqa: E402
from scripts.environments import project_version  # noqa: E402
from scripts.local_lambda.emulator import LocalLambda  # noqa: E402
from scripts.local_lambda.errors import LocalLambdaError, NotRunnable  # noqa: E402
from scripts.soak import check, fault_proxy, fixtures, report, s3_server, sqs_queue  # noqa: E402

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
EPILOG = "exit codes: 0 every object has exactly one result, 1 not, 2 usage or environment error, 130 interrupted"
SUCCESS = (
    "every object has exactly one result, that of its newest version; every fault was reported and retried; "
    "nothing is lost\n"
)
TIMEOUT = 120.0  # seconds for a batch, with the retries of all faults in it
MAX_PROBLEMS = 20  # printed
PROGRESS_INTERVAL = 5  # seconds


def main(arguments: list[str]) -> int:
    """Run the soak test; return the exit code: 0, 1, 2 or 130."""
    options = parse(arguments)
    try:
        with s3_server.s3() as url:
            return _soak(options, url)
    except (s3_server.NoEndpoint, NotRunnable) as error:
        _print_error(f"soak_s3: {error}\n")
        return USAGE
    except LocalLambdaError as error:
        _print_error(f"soak_s3: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        _print_error("soak_s3: interrupted\n")
        return INTERRUPTED


def _soak(options: argparse.Namespace, url: str) -> int:
    """Upload the objects, deliver their events, print the report. Return the exit code."""
    client = s3_server.client(url)
    objects = fixtures.plan(options.objects, ROOT / "example" / "samples")
    _print_error(f"uploading {len(objects):,} objects\n")
    objects = fixtures.upload(client, objects)
    proxy = fault_proxy.FaultyProxy(url)
    proxy.faults |= {item.fault_path: item.fault for item in objects if item.fault}
    environ = {name.upper(): value for name, value in s3_server.CREDENTIALS.items()}
    environ |= {"AWS_ENDPOINT_URL": proxy.url, "RESULT_PREFIX": fixtures.RESULT_PREFIX}
    log = _print_log if options.log else None
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
    return _verdict(problems)


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
            _print_error(f"{processed:,} of {total:,} messages done\n")

    return after


def _changes(before: dict[str, bytes], after: dict[str, bytes], second: sqs_queue.DeliveryReport) -> list[str]:
    """Return the changes of a second delivery of the first batch; there must be none."""
    failed = [f"{key!r} failed when it was delivered again" for key in sorted(second.reported)]
    return failed + [f"{key!r} differs after a second delivery" for key in after if before.get(key) != after[key]]


def _verdict(problems: list[str]) -> int:
    if not problems:
        sys.stdout.write(SUCCESS)
        return 0
    for line in problems[:MAX_PROBLEMS]:
        _print_error(f"soak_s3: {line}\n")
    _print_error(f"soak_s3: {len(problems)} problems\n")
    return FAILED


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    description = str(__doc__).splitlines()[0]
    command = argparse.ArgumentParser(prog="scripts/soak_s3.py", description=description, epilog=EPILOG)
    add = command.add_argument
    add("--dist", type=Path, default=ROOT / "dist", metavar="DIR", help="folder with the zips (default: dist)")
    add("--objects", type=int, default=1000, metavar="N", help="objects in the bucket (default: %(default)s)")
    add("--batch", type=int, default=10, metavar="N", help="messages per event (default: %(default)s)")
    add("--log", action="store_true", help="print the log of the function, with every injected fault")
    add("--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit")
    return command


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options, or exit with 2 and a message if a value is wrong."""
    command = parser()
    options = command.parse_args(arguments)
    for name in ("objects", "batch"):
        if getattr(options, name) < 1:
            command.error(f"--{name} must be at least 1, got {getattr(options, name)}")
    return options


def _print_log(line: str) -> None:
    _print_error(f"  | {line}\n")


def _print_error(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
