"""Who is measured: what each is made of, and how it is started and asked."""

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

TIMEOUT = 120.0  # seconds; torch from a slow disk is far below
AWAKE_WAIT = 0.01  # seconds, from its being thawed until it listens again
PROBED = "probe.lambda_handler"


class Contender(NamedTuple):
    """One way to answer.

    Attributes:
        name: short, for tables.
        says: what it is, in a sentence.
        dist: folder with layer.zip, function.zip and build.json.
        probe: folder with the probe for its Python; None: measured from outside only.
        handler: `module.function`.
        environ: variables of its function.
        packages: folders of the machine that it uses beside its zips.
    """

    name: str
    says: str
    dist: Path
    probe: Path | None
    handler: str = HANDLER
    environ: Mapping[str, str] = {}
    packages: tuple[Path, ...] = ()


class Place(NamedTuple):
    """Where it runs: CPUs, MB that it is told, and the share of CPU time that it gets (None: all of those CPUs)."""

    cpus: int
    memory: int
    share: float | None = None


class Start(NamedTuple):
    """A cold start: milliseconds until it asked for an event, and of the first event; steps, memory, boxes."""

    init_ms: float
    invoke_ms: float
    steps: dict[str, float]  # ms; empty without a probe
    peak_bytes: int
    boxes: list[Box]

    @property
    def first_answer_ms(self) -> float:
        """Start of the process to its first answer, without the time in which nobody had asked yet."""
        return self.init_ms + self.invoke_ms


@contextlib.contextmanager
def ready(contender: Contender, place: Place) -> Iterator[LocalLambda]:
    """The contender unpacked into folders on the disk; no process runs yet.

    Not in namespaces: their files are in memory, where the page cache cannot be dropped.
    """
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(cpus.share(place.share)) if place.share else None
        with cpus.pinned(place.cpus), cpus.joined(group) if group else contextlib.nullcontext():
            function = LocalLambda(
                contender.dist, memory=place.memory, timeout=TIMEOUT, isolation="plain",
                env=_environ(contender), handler=PROBED if contender.probe else contender.handler,
            )  # fmt: skip
        stack.enter_context(contextlib.closing(function))
        yield function


def folders(contender: Contender, function: LocalLambda) -> list[Path]:
    """Where its files are: the unpacked zips, and packages beside them."""
    return [Path(function.paths["task"]), Path(function.paths["opt"]), *contender.packages]


def start(contender: Contender, function: LocalLambda, event: Any) -> Start:
    """End what runs, start it anew, and have it answer an event.

    Raises:
        NotMeasured: it did not start, or did not answer.
    """
    function.stop()
    try:
        function.start()
    except InitFailed as error:
        raise NotMeasured(f"{contender.name} does not start: {error}\n{''.join(error.trace)}\n{error.logs}") from error
    answer = invoke(contender, function, event)
    steps: dict[str, float] = {}
    if contender.probe:
        told = trace.read(answer.logs)
        steps = trace.steps(told, function.started_at, function.init_ms, answer.invoke_ms)
        peak = told.peak_bytes
    else:
        peak = function.peak_rss_bytes
    return Start(function.init_ms, answer.invoke_ms, steps, peak, agreement.boxes(answer.response))


def invoke(contender: Contender, function: LocalLambda, event: Any) -> Invocation:
    """One answer of a process that may be warm.

    Raises:
        NotMeasured: it failed.
    """
    function.thaw()
    time.sleep(AWAKE_WAIT)
    answer = function.invoke(event)
    function.freeze()  # some leave threads that spin, which would take time from whoever is measured next
    if answer.error:
        raise NotMeasured(f"{contender.name} failed: {answer.error}\n{answer.logs}")
    return answer


def _environ(contender: Contender) -> dict[str, str]:
    environ = dict(contender.environ)
    if contender.probe:
        wanted = artifacts.read(contender.dist)
        client = runtime_client.ensure(wanted.interpreter, wanted.arch)  # stands there anyway; the probe comes after it
        environ |= {"PROBE_HANDLER": contender.handler, "PYTHONPATH": f"{client}:{contender.probe}"}
    return environ
