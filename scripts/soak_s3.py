#!/usr/bin/env python3
"""A bucket full of pictures through a queue and the built zips, with broken pictures and a failing S3.

An S3 on loopback (moto), a proxy in front of it that fails chosen objects until their message is reported for retry,
and the function out of its zips under the real runtime client. Afterwards everything is counted. Run it with the
Python that `python3 scripts/environments.py dev` prints.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # started as a file: its own folder is there

from scripts.local_lambda.emulator import LocalLambda  # noqa: E402
from scripts.local_lambda.errors import LocalLambdaError, NotRunnable  # noqa: E402
from scripts.soak import check, fault_proxy, fixtures, report, s3_server, sqs_queue  # noqa: E402

USAGE, FAILED, INTERRUPTED = 2, 1, 130  # exit codes
MEMORY = 1769  # MB, where Lambda gives one vCPU
TIMEOUT = 120.0  # seconds for a batch; with every fault's retries in one
MAX_SHOWN = 20  # problems
SAY_EVERY = 5  # seconds between lines of progress


def main(arguments: list[str]) -> int:
    """Run the command line: 0 if everything is as it has to be, 1 if not, 2 for what cannot be run."""
    options = _options(arguments)
    try:
        with s3_server.s3() as url:
            return _soak(options, url)
    except (s3_server.NoEndpoint, NotRunnable) as error:
        _say(f"soak_s3: {error}\n")
        return USAGE
    except LocalLambdaError as error:
        _say(f"soak_s3: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        _say("soak_s3: interrupted\n")
        return INTERRUPTED


def _soak(options: argparse.Namespace, url: str) -> int:
    client = s3_server.client(url)
    objects = fixtures.plan(options.objects, ROOT / "example" / "samples")
    _say(f"uploading {len(objects):,} objects\n")
    fixtures.upload(client, objects)
    proxy = fault_proxy.FaultyProxy(url)
    proxy.faults |= {one.fault_path: one.fault for one in objects if one.fault}
    environ = {name.upper(): value for name, value in s3_server.CREDENTIALS.items()}
    environ |= {"AWS_ENDPOINT_URL": proxy.url, "RESULT_PREFIX": fixtures.RESULT_PREFIX}
    log = _say_line if options.log else None
    # Not in namespaces: those have no way to the loopback on which the bucket is.
    function = LocalLambda(options.dist, memory=MEMORY, timeout=TIMEOUT, env=environ, isolation="plain", log=log)
    with proxy.serving(), function:
        began = time.monotonic()
        done = sqs_queue.deliver(objects, options.batch, function.invoke, _healer(proxy, objects))
        took, peak = time.monotonic() - began, function.peak_rss_bytes
        results = check.stored(client)
        again = sqs_queue.deliver(objects[: options.batch], options.batch, function.invoke, lambda _: None)
        found = [*check.problems(objects, results, done, proxy.met), *_changed(results, check.stored(client), again)]
    sys.stdout.write(f"\n{report.counts(objects, done, proxy.met, len(results))}")
    sys.stdout.write(report.times(done.rounds, function.init_ms, peak) + f"{'in all':22}{took:.0f} s\n\n")
    sys.stdout.write(report.arithmetic(report.per_picture_ms(done.rounds), options.batch, MEMORY))
    return _verdict(found)


def _healer(proxy: fault_proxy.FaultyProxy, objects: list[fixtures.Placed]) -> Any:
    """After each round: S3 recovers for what was reported; and a line of progress now and then."""
    path_of = {one.key: one.fault_path for one in objects}
    said, seen = time.monotonic(), 0

    def after(round_: sqs_queue.Round) -> None:
        nonlocal said, seen
        seen += len(round_.keys) - len(round_.failed)
        for key in round_.failed:
            proxy.heal(path_of[key])
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            _say(f"{seen:,} of {len(objects):,} done\n")

    return after


def _changed(before: dict[str, bytes], after: dict[str, bytes], again: sqs_queue.Delivered) -> list[str]:
    """What a second delivery of the first batch changed: nothing may."""
    lost = [f"{key!r} failed when it was delivered again" for key in sorted(again.reported)]
    return lost + [f"{key!r} differs after a second delivery" for key in after if before.get(key) != after[key]]


def _verdict(problems: list[str]) -> int:
    if not problems:
        sys.stdout.write("every object has exactly one result; every fault was reported and came right; nothing lost\n")
        return 0
    for line in problems[:MAX_SHOWN]:
        _say(f"soak_s3: {line}\n")
    _say(f"soak_s3: {len(problems)} problems\n")
    return FAILED


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak_s3.py", description=str(__doc__).splitlines()[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="folder with the zips (dist)")
    parser.add_argument("--objects", type=int, default=1000, metavar="N", help="in the bucket (%(default)s)")
    parser.add_argument("--batch", type=int, default=10, metavar="N", help="messages to an event (%(default)s)")
    parser.add_argument("--log", action="store_true", help="show what the function logs, every fault among it")
    options = parser.parse_args(arguments)
    if options.objects < 1 or options.batch < 1:
        parser.error("--objects and --batch want a whole number above 0")
    return options


def _say_line(line: str) -> None:
    _say(f"  | {line}\n")


def _say(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
