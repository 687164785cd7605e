"""Mixed run: thousands of events of every source, over several environments at once.

The invocations come in rounds. Between two rounds all environments rest, and each is measured: its memory, descriptors,
threads, /tmp, and the duration of one request that is always the same.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import csv
import hashlib
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.aws.limits import MB_PER_CPU
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.errors import NotRunnable
from scripts.local_lambda.invocation import Invocation
from scripts.soak import check, events, images, plan, responses, s3_server, samples
from scripts.soak.calls import Call, Item
from scripts.soak.choice import direct_event
from scripts.soak.command import SAMPLES, print_error, print_log, verdict
from scripts.soak.fault_proxy import FaultyProxy
from scripts.soak.fixtures import BUCKET, RESULT_PREFIX, SoakObject
from scripts.soak.images import KnownImage
from scripts.soak.samples import Sample

SUCCESS = "every response is right, every object has exactly one result, and no environment grew or became slower\n"
TIMEOUT = 10.0  # seconds for an invocation; a dripping object must be reported before
WARM_UP_FROM = 1_000_000  # numbers of the invocations of the warm-up
ROUND = 50  # invocations in a round, or more
MAX_ROUNDS = 100
PROBES = 3  # the fastest of as many counts
YARDSTICK_BYTES = 24 * 1024 * 1024  # hashed for the yardstick: about 20 ms
PROGRESS_INTERVAL = 10  # seconds
PERCENTILE = 0.99


class Environment:
    """One environment of the function, and its samples.

    Attributes:
        function: the environment.
        samples: its resources over time.
        invocations: number of its invocations so far.
    """

    def __init__(self, function: LocalLambda) -> None:
        self.function = function
        self.samples: list[Sample] = []
        self.invocations = 0

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function and count the invocation."""
        self.invocations += 1
        return self.function.invoke(event)

    def sample(self, probe: Any) -> None:
        """Measure the environment while no other one works."""
        durations = [(self.invoke(probe).invoke_ms, _yardstick_ms()) for _ in range(PROBES)]
        pid = self.function.pid
        if pid is None:
            return  # the next sample has another process
        resources = samples.read(pid, Path(self.function.paths["tmp"]))
        probe_ms, yardstick_ms = (min(column) for column in zip(*durations, strict=True))
        self.samples.append(Sample(self.invocations, pid, *resources, probe_ms, yardstick_ms))


class MixedRun:
    """The invocations of a run and what they showed.

    Attributes:
        problems: one line for each violation.
        durations: milliseconds of the invocations without a fault, by source.
        objects: objects that must have a result.
        known: the images.
        references: results of the images.
        counts: invocations, faults, repeated events.
    """

    def __init__(self, client: Any, proxy: FaultyProxy, known: Sequence[KnownImage], seed: int) -> None:
        self.problems: list[str] = []
        self.durations: dict[str, list[float]] = {}
        self.objects: list[SoakObject] = []
        self.counts: Counter[str] = Counter()
        self.references: dict[str, Any] = {}
        self.known = known
        self._client, self._proxy, self._seed = client, proxy, seed

    def warm_up(self, environments: Sequence[Environment]) -> None:
        """Send every image and an event of every kind to every environment, and measure nothing yet.

        The results of the images in the first environment are those that all other responses must have.

        Raises:
            NotRunnable: the model does not take images.
        """
        for environment in environments:
            for image in self.known:
                invocation = environment.invoke(direct_event(image))
                if not image.error and image.name not in self.references:
                    self.references[image.name] = _reference(invocation)
                self._check(Call("warm-up", "http", None, (Item(image, error=image.error),)), invocation)
            start = WARM_UP_FROM + environments.index(environment) * len(plan.ALL)
            for number in range(start, start + len(plan.ALL)):
                self.execute(number, environment)
        self.counts.clear()
        self.durations.clear()

    def execute(self, number: int, environment: Environment) -> None:
        """Upload the objects of an invocation, deliver its event until it succeeds, and check each response."""
        call = plan.call(number, self.known, self._seed)
        for item in call.items:
            if item.key:
                self._client.put_object(Bucket=BUCKET, Key=item.key, Body=item.image.data)
        self.objects += call.objects
        if call.fault:
            self._proxy.faults[call.fault_path] = call.fault
            self._check(call.with_fault(), environment.invoke(call.event))
            self._proxy.remove_fault(call.fault_path)
            if not self._proxy.met.get(call.fault_path):
                self.problems.append(f"{call.source}: the fault of {call.fault_path!r} was not met")
        invocation = environment.invoke(call.event)
        self._check(call, invocation)
        if plan.is_repeated(number):
            self._check(call, environment.invoke(call.event))
        self.counts["invocations"] += 1
        self.counts["with a fault"] += plan.has_fault(number)
        self.counts["repeated"] += plan.is_repeated(number)
        if not plan.has_fault(number):
            self.durations.setdefault(call.source, []).append(invocation.invoke_ms)

    def final_problems(self) -> Iterator[str]:
        """Yield one line for each object without exactly one right result."""
        results = check.stored(self._client)
        yield from check.result_problems(self.objects, results)
        images_by_data = {image.data: image.name for image in self.known}
        for item in self.objects:
            written = self._proxy.writes.get(f"/{BUCKET}/{item.result_key}", 0)
            if written != 1:
                yield f"{item.key!r}: its result was written {written} times"
            body = check.decoded(results.get(item.result_key, b"{}"))
            if not item.broken and responses.result(body) != self.references[images_by_data[item.data]]:
                yield f"{item.key!r}: the stored result differs from that of the image"

    def _check(self, call: Call, invocation: Invocation) -> None:
        self.problems += responses.problems(call, invocation, self.references)


def run(options: argparse.Namespace, url: str) -> int:
    """Run the mixed soak test and print its report. Return the exit code.

    Args:
        options: `dist`, `invocations`, `environments`, `seed`, `samples` and `log` of the command line.
        url: URL of the S3 server.

    Raises:
        LocalLambdaError: the zips cannot be run.
    """
    client, proxy = s3_server.client(url), FaultyProxy(url)
    client.create_bucket(Bucket=BUCKET)
    mixed = MixedRun(client, proxy, images.make(SAMPLES), options.seed)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.enter_context(proxy.serving())
        environments = [
            Environment(stack.enter_context(_function(options, proxy.url))) for _ in range(options.environments)
        ]
        mixed.warm_up(environments)
        _rounds(mixed, environments, options.invocations)
        peaks = [environment.function.peak_rss_bytes for environment in environments]
    measured = [environment.samples for environment in environments]
    problems = [*mixed.problems, *mixed.final_problems(), *_resource_problems(measured)]
    sys.stdout.write(_report(mixed, measured, peaks, time.monotonic() - began))
    if options.samples:
        _write_samples(options.samples, measured)
    return verdict(problems, SUCCESS)


def _function(options: argparse.Namespace, endpoint: str) -> LocalLambda:
    environ = {name.upper(): value for name, value in s3_server.CREDENTIALS.items()}
    environ |= {"AWS_ENDPOINT_URL": endpoint, "RESULT_PREFIX": RESULT_PREFIX, "ALLOWED_BUCKETS": BUCKET}
    environ |= {"API_KEY_SHA256": events.KEY_SHA256, "UPLOAD_BUCKET": BUCKET}
    log = print_log if options.verbose else None
    # Not in namespaces: they have their own loopback and cannot reach the S3 server.
    return LocalLambda(options.dist, memory=MB_PER_CPU, timeout=TIMEOUT, env=environ, isolation="plain", log=log)


def _rounds(mixed: MixedRun, environments: Sequence[Environment], invocations: int) -> None:
    """Execute all invocations, in rounds, and take samples before the first one and after each."""
    rounds = max(samples.MIN_SAMPLES - 1, min(MAX_ROUNDS, invocations // ROUND))
    bounds = [invocations * number // rounds for number in range(rounds + 1)]
    probe, printed = direct_event(min((image for image in mixed.known if not image.error), key=_size)), 0.0
    with concurrent.futures.ThreadPoolExecutor(len(environments)) as pool:
        for start, end in zip([0, *bounds], bounds, strict=False):
            numbers = iter(range(start, end))
            for done in [pool.submit(_work, mixed, environment, numbers) for environment in environments]:
                done.result()
            for environment in environments:
                environment.sample(probe)
            if time.monotonic() - printed > PROGRESS_INTERVAL:
                printed = time.monotonic()
                print_error(f"{end:,} of {invocations:,} invocations, {len(mixed.problems)} problems\n")


def _work(mixed: MixedRun, environment: Environment, numbers: Iterator[int]) -> None:
    """Execute invocations until the round has none left; `next` on an iterator of a range is atomic."""
    for number in numbers:
        mixed.execute(number, environment)


def _reference(invocation: Invocation) -> Any:
    """Return the result of an image.

    Raises:
        NotRunnable: the model does not take images.
    """
    with contextlib.suppress(ValueError):
        body = responses.body_of(invocation.response)
        if "error" not in body:
            return responses.result(body)
    raise NotRunnable(f"the zips must have a model for images, got {invocation.error or invocation.response}")


def _resource_problems(measured: Sequence[Sequence[Sample]]) -> Iterator[str]:
    for number, own in enumerate(measured, 1):
        yield from (f"environment {number}: {problem}" for problem in samples.problems(own))


def _report(mixed: MixedRun, measured: Sequence[Sequence[Sample]], peaks: Sequence[int], seconds: float) -> str:
    """Return the counts, the times by source, and the resources of each environment."""
    counts = mixed.counts
    broken = sum(item.broken for item in mixed.objects)
    rows = [
        ("invocations", f"{counts['invocations']:,}, {counts['with a fault']:,} of them with a fault"),
        ("repeated events", f"{counts['repeated']:,}"),
        ("objects", f"{len(mixed.objects):,}, {broken:,} of them broken"),
        ("peak memory", f"{max(peaks) / samples.MB:.0f} MB"),
        ("total", f"{seconds:.0f} s"),
    ]
    text = "\n" + "".join(f"{name:22}{value}\n" for name, value in rows)
    text += f"\n{'source':22}{'invocations':>12}{'median, ms':>12}{'99 %, ms':>12}\n"
    for source, durations in sorted(mixed.durations.items()):
        slow = sorted(durations)[int((len(durations) - 1) * PERCENTILE)]
        text += f"{source:22}{len(durations):>12,}{statistics.median(durations):>12.1f}{slow:>12.1f}\n"
    return f"{text}\n{samples.table(measured)}\n"


def _write_samples(path: Path, measured: Sequence[Sequence[Sample]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("environment", *Sample._fields))
        writer.writerows((number, *sample) for number, own in enumerate(measured, 1) for sample in own)


def _yardstick_ms() -> float:
    began = time.perf_counter()
    hashlib.sha256(bytes(YARDSTICK_BYTES)).digest()
    return (time.perf_counter() - began) * 1000


def _size(image: KnownImage) -> int:
    return len(image.data)
