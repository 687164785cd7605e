"""Estimate from the zips on this machine: memory sizes as shares of CPU time, as Lambda gives them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks import cpus
from scripts.aws.limits import MB_PER_CPU
from scripts.client import images
from scripts.client.images import Image
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.errors import InitFailed, RequestTooLarge
from scripts.local_lambda.invocation import Invocation
from scripts.local_lambda.report import body_of
from scripts.result_table import error as describe_error
from scripts.tuning.measurement import Row, Sample, in_turn, row

INIT_CPUS = 2.0  # of the init phase at any size; community measurements, not documented by AWS
ENVIRONMENT = {"METRICS": "0"}
TIMEOUT = 300.0  # seconds; a small share of a CPU takes long
MB = 1024 * 1024


def measure(dist: Path, memory: int, found: list[Image], request: dict[str, str], cold: int, warm: int) -> Row:
    """Return the estimate for one memory size.

    Args:
        dist: folder with the zips.
        memory: MB; decides the threads of the function, and its CPU time if that can be limited here.
        found: images to send.
        request: options of each request.
        cold: number of starts, with a call each.
        warm: number of further calls; each image is sent at least once.

    Raises:
        NotRunnable: the zips do not run on this machine.
    """
    share = memory / MB_PER_CPU
    with _function(dist, memory) as (function, group):
        if share > cpus.count():
            return Row(function.arch, memory, error=f"needs {share:.1f} CPUs, this machine has {cpus.count()}")
        samples = []
        try:
            for image in in_turn(found, cold)[:cold]:
                _start(function, group, share)
                samples.append(_call(function, image, request, function.init_ms))
            for image in in_turn(found, warm):
                samples.append(_call(function, image, request, None))
                if function.peak_rss_bytes > memory * MB:
                    peak = function.peak_rss_bytes / MB
                    samples.append(Sample(f"needs {peak:.0f} MB: Lambda would end the function", memory_mb=peak))
                    break
        except InitFailed as error:
            samples.append(Sample(f"the function does not start: {error}"))
        return row(function.arch, memory, samples)


@contextlib.contextmanager
def _function(dist: Path, memory: int) -> Iterator[tuple[LocalLambda, Path | None]]:
    """Yield the function, not started, and the group of its processes; None if CPU time cannot be limited."""
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(cpus.share(INIT_CPUS)) if cpus.has_quota() else None
        with cpus.joined(group) if group else contextlib.nullcontext():
            function = LocalLambda(dist, memory=memory, timeout=TIMEOUT, env=ENVIRONMENT)
        stack.enter_context(contextlib.closing(function))
        yield function, group


def _start(function: LocalLambda, group: Path | None, share: float) -> None:
    """Start a new process; its init phase has two CPUs, and all that follows the share of the memory size."""
    function.stop()
    if group:
        cpus.limit(group, INIT_CPUS)
    function.start()
    if group:
        cpus.limit(group, share)


def _call(function: LocalLambda, image: Image, request: dict[str, str], init_ms: float | None) -> Sample:
    try:
        done = function.invoke(images.event(image, request))
    except OSError as error:
        return Sample(f"{image.source} cannot be read: {error.strerror}")
    except RequestTooLarge as error:
        return Sample(f"{image.name}: {error}")
    return Sample(_error(image, done), done.invoke_ms, done.invoke_ms, init_ms, function.peak_rss_bytes / MB)


def _error(image: Image, done: Invocation) -> str:
    if done.error:
        return f"{image.name}: {done.error.get('errorType')}: {done.error.get('errorMessage')}"
    status = done.response.get("statusCode") if isinstance(done.response, dict) else None
    return "" if status == 200 else f"{image.name}: {describe_error(status, body_of(done.response)) or status}"
