"""Contenders of a benchmark: their zips, and how they are started and invoked."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import NotMeasured, agreement, cpus, trace
from benchmarks.agreement import Box
from scripts.local_lambda import artifacts, runtime_client
from scripts.local_lambda.emulator import HANDLER, LocalLambda
from scripts.local_lambda.errors import InitFailed
from scripts.local_lambda.invocation import Invocation

TIMEOUT = 120.0  # seconds; torch from a slow disk takes far less
THAW_WAIT = 0.01  # seconds, until a thawed process listens again
PROBE_HANDLER = "probe.lambda_handler"


class Contender(NamedTuple):
    """A function that returns detections.

    Attributes:
        name: short, for tables.
        description: one sentence.
        dist: folder with layer.zip, function.zip and build.json.
        probe: folder with the probe for its Python; None: no probe, times are measured only by the caller.
        handler: `module.function`.
        environ: environment variables of the function.
        package_folders: folders of this machine that it uses in addition to its zips.
    """

    name: str
    description: str
    dist: Path
    probe: Path | None
    handler: str = HANDLER
    environ: Mapping[str, str] = {}
    package_folders: tuple[Path, ...] = ()


class Resources(NamedTuple):
    """Resources of a function.

    Attributes:
        cpus: number of CPUs.
        memory: memory size in MB, as the function reads it from its environment.
        share: CPU time, in CPUs; None: not limited.
    """

    cpus: int
    memory: int
    share: float | None = None


class Start(NamedTuple):
    """A cold start and its first response.

    Attributes:
        init_ms: from the start of the process until it requests an event.
        invoke_ms: from sending the event until the response is received.
        steps: milliseconds by step; empty without a probe.
        peak_bytes: peak resident size.
        boxes: the detections.
    """

    init_ms: float
    invoke_ms: float
    steps: dict[str, float]
    peak_bytes: int
    boxes: list[Box]

    @property
    def first_response_ms(self) -> float:
        """Time from the start of the process to its first response, without the wait for the event."""
        return self.init_ms + self.invoke_ms


@contextlib.contextmanager
def unpacked(contender: Contender, resources: Resources) -> Iterator[LocalLambda]:
    """Unpack the zips of the contender into folders on the disk; no process runs yet.

    Isolation by namespaces is not used: it has the files in memory, where the page cache cannot be dropped.
    """
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(cpus.share(resources.share)) if resources.share else None
        with cpus.pinned(resources.cpus), cpus.joined(group) if group else contextlib.nullcontext():
            function = LocalLambda(
                contender.dist, memory=resources.memory, timeout=TIMEOUT, isolation="plain",
                env=_environ(contender), handler=PROBE_HANDLER if contender.probe else contender.handler,
            )  # fmt: skip
        stack.enter_context(contextlib.closing(function))
        yield function


def folders(contender: Contender, function: LocalLambda) -> list[Path]:
    """Return the folders of its files: the unpacked zips, and the folders of packages."""
    return [Path(function.paths["task"]), Path(function.paths["opt"]), *contender.package_folders]


def start(contender: Contender, function: LocalLambda, event: Any) -> Start:
    """Stop the running process, start a new one, and invoke it once.

    Raises:
        NotMeasured: the start or the invocation failed.
    """
    init(contender, function)
    invocation = invoke(contender, function, event)
    steps: dict[str, float] = {}
    if contender.probe:
        record = trace.read(invocation.logs)
        steps = trace.steps(record, function.started_at, function.init_ms, invocation.invoke_ms)
        peak = record.peak_bytes
    else:
        peak = function.peak_rss_bytes
    return Start(function.init_ms, invocation.invoke_ms, steps, peak, agreement.boxes(invocation.response))


def init(contender: Contender, function: LocalLambda) -> float:
    """Stop the running process and start a new one; return milliseconds until it requests an event.

    Raises:
        NotMeasured: the start failed.
    """
    function.stop()
    try:
        function.start()
    except InitFailed as error:
        raise NotMeasured(f"{contender.name} does not start: {error}\n{''.join(error.trace)}\n{error.logs}") from error
    return function.init_ms


def invoke(contender: Contender, function: LocalLambda, event: Any) -> Invocation:
    """Invoke a running process once.

    Raises:
        NotMeasured: the invocation failed.
    """
    function.thaw()
    time.sleep(THAW_WAIT)
    invocation = function.invoke(event)
    function.freeze()  # spinning threads of this process would take CPU time from the next contender
    if invocation.error:
        raise NotMeasured(f"{contender.name} failed: {invocation.error}\n{invocation.logs}")
    return invocation


def _environ(contender: Contender) -> dict[str, str]:
    environ = dict(contender.environ)
    if contender.probe:
        built = artifacts.read(contender.dist)
        client = runtime_client.ensure(built.interpreter, built.arch)  # as without a probe, which is added after it
        environ |= {"PROBE_HANDLER": contender.handler, "PYTHONPATH": f"{client}:{contender.probe}"}
    return environ
