"""A Lambda function on this machine, out of the built zips: start it, invoke it, look at what it cost.

    with LocalLambda(Path("dist"), memory=1769, env={"CONF_THRESHOLD": "0.4"}) as function:
        answer = function.invoke({"image_data": "..."})

One environment, kept warm between invocations; after a timeout or a crash the next one starts anew, as on Lambda.
"""

from __future__ import annotations

import json
import math
import os
import queue
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.local_lambda import artifacts, runtime_client
from scripts.local_lambda.env_vars import Settings
from scripts.local_lambda.environment import ExecutionEnvironment
from scripts.local_lambda.errors import DrawFailed, InitFailed, RequestTooLarge
from scripts.local_lambda.invocation import (
    Answered,
    Asked,
    Channel,
    Delivered,
    Delivery,
    Failed,
    InitError,
    Invocation,
    RestoreError,
    Snapshot,
    exit_error,
    how,
    to_invocation,
)
from scripts.local_lambda.logs import LogPipe
from scripts.local_lambda.runtime_api import RuntimeApi
from scripts.local_lambda.sandbox import Process, ProcessExit

HANDLER = "function.handler.lambda_handler"
MEMORY = 1769  # MB, where Lambda gives one vCPU
TIMEOUT = 30.0  # seconds
MAX_REQUEST = 6 * 1024 * 1024  # bytes of the event as JSON
INIT_LIMIT = 60.0  # seconds; Lambda's 10 s are for its own machines, and it then tries once more
RESTORE_LIMIT = 10.0  # seconds; docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python
DRAW_LIMIT = 60.0  # seconds


class LocalLambda:
    """The function in its enclosure; a context manager.

    Attributes:
        init_ms: start of the process to its first request for an event; of the last start. With SnapStart to the
            snapshot.
        restore_ms: from the snapshot to the first request for an event: what our hook takes; NaN without SnapStart.
        started_at: that start, time.monotonic().
        paths: `task`, `opt`, `tmp`, `lang` and `runtime`, as the function sees them.
        isolation: `namespace` or `plain`.
        isolation_note: what that means here, and why it is not the better one.
        python: version of the Python that runs it, `3.13.0`.
        arch: `x86_64` or `arm64`.
    """

    def __init__(
        self,
        dist: Path,
        *,
        memory: int = MEMORY,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
        handler: str = HANDLER,
        isolation: str = "auto",
        snap_start: bool = False,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Unpack the zips; the function starts on entering the context.

        Args:
            dist: folder with layer.zip, function.zip and build.json.
            memory: MB that the function is told it has; not enforced.
            timeout: seconds for one invocation.
            env: the function's environment variables.
            handler: `module.function`.
            isolation: `auto`, `namespace` or `plain`.
            snap_start: have the hooks of SnapStart run, around a snapshot that is not taken.
            log: called with each line that the function writes, from another thread.

        Raises:
            NotRunnable: no zips, another architecture, the Python is not here, or no enclosure can be made.
        """
        wanted = artifacts.read(dist)
        folder = runtime_client.ensure(wanted.interpreter, wanted.arch)
        self._stage = ExecutionEnvironment(
            wanted, folder, Settings(handler, memory, dict(env or {}), snap_start), isolation
        )
        self._cell = self._stage.cell
        self._api = RuntimeApi(self._cell.listener)
        self._logs = LogPipe(log or _ignore)
        self._timeout = timeout
        self.python, self.arch = wanted.interpreter.version, wanted.arch
        self.isolation, self.isolation_note = self._cell.way.isolation, self._stage.note
        self._process: Process | None = None
        self._peak = 0
        self.init_ms = self.restore_ms = self.started_at = math.nan
        self.paths: Mapping[str, str] = self._cell.paths

    def __enter__(self) -> LocalLambda:
        """Start the function.

        Raises:
            InitFailed: it did not get as far as asking for an event.
        """
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the function and its enclosure."""
        self.close()

    def close(self) -> None:
        """End everything that was started; nothing is left on the machine."""
        try:
            if self._process:
                self._retire()
        finally:
            self._api.close()
            self._cell.close()
            self._logs.close()

    @property
    def peak_rss_bytes(self) -> int:
        """Largest resident size of the function's process so far, bytes; over all processes if there were several."""
        if self._process:
            self._peak = max(self._peak, self._cell.peak(self._process))
        return self._peak

    def start(self) -> None:
        """Start a process and wait until it asks for an event.

        Raises:
            InitFailed: it reported an error, ended, or took too long.
        """
        exchange = self._api.exchange = Channel()
        began = self.started_at = time.monotonic()
        with Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), self._logs.handle, self._logs.handle)
            self._process = process = self._stage.start("bootstrap.py", streams)
        process.ended.add_done_callback(lambda future: exchange.heard.put(future.result()))
        message, snapshot = self._hear(began + INIT_LIMIT), None
        if isinstance(message, Snapshot):
            snapshot, message = message, self._hear(message.at + RESTORE_LIMIT)
        if isinstance(message, Asked):
            self.init_ms = ((snapshot or message).at - began) * 1000
            self.restore_ms = (message.at - snapshot.at) * 1000 if snapshot else math.nan
            return
        self._retire()
        if isinstance(message, (InitError, RestoreError)):
            error = message.error
        elif isinstance(message, ProcessExit):
            error = exit_error(message)
        else:
            phase, limit = ("restore", RESTORE_LIMIT) if snapshot else ("init", INIT_LIMIT)
            late = f"no end of the {phase} phase after {limit:g} s"
            error = {"errorType": "Sandbox.Timedout", "errorMessage": late}
        trace = [str(line) for line in error.get("stackTrace") or []]
        raise InitFailed(str(error["errorType"]), str(error["errorMessage"]), trace, self._logs.take())

    def stop(self) -> None:
        """End the process, as Lambda ends an idle one; the next invocation starts another in the same folders."""
        if self._process:
            self._retire()

    def freeze(self) -> None:
        """Let nothing of the process run until `thaw`, as Lambda does between invocations; an ended one stays so."""
        if self._process:
            self._cell.freeze(self._process)

    def thaw(self) -> None:
        """Undo `freeze`; it may take a moment until the process runs."""
        if self._process:
            self._cell.thaw(self._process)

    def invoke(self, event: Any) -> Invocation:
        """Send one event through the function.

        Args:
            event: anything JSON can say.

        Raises:
            RequestTooLarge: the event is over 6 MB.
            InitFailed: a new process was needed and did not start.
        """
        body = json.dumps(event, separators=(",", ":")).encode()
        if len(body) > MAX_REQUEST:
            raise RequestTooLarge(f"the event is {len(body):,} bytes as JSON; Lambda takes {MAX_REQUEST:,}")
        init_ms = None
        if self._process is None or self._process.ended.done():
            self.start()
            init_ms = self.init_ms
        self._logs.take()
        delivery = Delivery(str(uuid.uuid4()), body, self._timeout)
        self._api.exchange.events.put(delivery)
        outcome, invoke_ms = self._outcome(delivery)
        response, error = to_invocation(outcome, delivery)
        return Invocation(response, error, invoke_ms, init_ms, self._logs.take(), delivery.request_id)

    def draw(self, picture: bytes, body: dict[str, Any], max_pixels: int) -> bytes:
        """The picture with what was found, upright, as JPEG: drawn by the shipped code in the same enclosure.

        Args:
            picture: the bytes that were sent.
            body: of the response.
            max_pixels: what `function.preprocess.image.read` may decode.

        Raises:
            DrawFailed: the drawing program ended with an error.
        """
        header = json.dumps({"max_pixels": max_pixels, "body": body}).encode()
        ended, jpeg, errors = self._stage.run("draw_boxes.py", header + b"\n" + picture, DRAW_LIMIT)
        if ended.status or not jpeg:
            raise DrawFailed(f"drawing the boxes failed ({how(ended)}):\n{errors.strip()}")
        return jpeg

    def _hear(self, deadline: float) -> Any:
        """The next message of the process, or None at the deadline."""
        try:
            return self._api.exchange.heard.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def _outcome(self, delivery: Delivery) -> tuple[Any, float]:
        """What came of a delivery and after how many ms; afterwards the process asks again, or is gone."""
        began, outcome = time.monotonic(), None
        deadline, ended_at = began + delivery.timeout, None
        while True:
            message = self._hear(deadline)
            if isinstance(message, Delivered):
                began, deadline = message.at, message.at + delivery.timeout
            elif isinstance(message, (Answered, Failed)) and outcome is None:
                outcome, ended_at = message, message.at
            else:
                break
        if not isinstance(message, Asked):
            self._retire()
        if outcome is None:
            outcome = message  # how it ended, or None: the time is up
        return outcome, ((ended_at or time.monotonic()) - began) * 1000

    def _retire(self) -> None:
        """End the process if it has not ended, and keep its peak."""
        process, self._process = self._process, None
        assert process is not None
        self._cell.kill(process)
        self._peak = max(self._peak, process.ended.result().peak)
        self._api.exchange.events.put(None)  # only now: the client would complain in the log


def _ignore(line: str) -> None:
    """The log of a caller who does not want one."""
