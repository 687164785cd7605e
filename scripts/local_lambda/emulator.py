"""Lambda function on this machine, from the built zips: start it, invoke it, measure it.

    with LocalLambda(Path("dist"), memory=1769, env={"CONF_THRESHOLD": "0.4"}) as function:
        invocation = function.invoke({"image_data": "..."})

Its environment stays warm between invocations; after a timeout or a crash the next one starts a new process.
"""

from __future__ import annotations

import json
import math
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scripts.aws.limits import EVENT_LIMIT, MB_PER_CPU
from scripts.local_lambda import artifacts, runtime_client
from scripts.local_lambda.env_vars import Settings
from scripts.local_lambda.environment import ExecutionEnvironment
from scripts.local_lambda.errors import DrawFailed, InitFailed, RequestTooLarge
from scripts.local_lambda.invocation import (
    Channel,
    Delivery,
    EventSent,
    HandlerError,
    Invocation,
    NextRequested,
    ResponseReceived,
    Snapshot,
    describe_exit,
    init_error,
    to_invocation,
)
from scripts.local_lambda.logs import LogPipe
from scripts.local_lambda.runtime_api import RuntimeApi
from scripts.local_lambda.sandbox import Process

HANDLER = "function.handler.lambda_handler"
TIMEOUT = 30.0  # seconds
INIT_LIMIT = 60.0  # seconds; Lambda's limit of 10 s is for its own machines, and Lambda then retries once
RESTORE_LIMIT = 10.0  # seconds; docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python
DRAW_LIMIT = 60.0  # seconds


class LocalLambda:
    """Function in its sandbox; a context manager.

    Attributes:
        init_ms: time from the start of the last process to its first request for an event; with SnapStart to the
            snapshot.
        restore_ms: time from the snapshot to the first request for an event, which is the time of the restore hook;
            NaN without SnapStart.
        started_at: start of the last process, time.monotonic().
        paths: `task`, `opt`, `tmp`, `lang` and `runtime`, as the function sees them.
        isolation: `namespace` or `plain`.
        isolation_note: description of the isolation, and the reasons why a better mode was not used.
        python: version of the Python of the function, `3.13.0`.
        arch: `x86_64` or `arm64`.
    """

    def __init__(
        self,
        dist: Path,
        *,
        memory: int = MB_PER_CPU,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
        handler: str = HANDLER,
        isolation: str = "auto",
        snap_start: bool = False,
        log: Callable[[str], None] | None = None,
        event_limit: int | None = EVENT_LIMIT,
    ) -> None:
        """Unpack the zips; the function starts when the context is entered.

        Args:
            dist: folder with layer.zip, function.zip and build.json.
            memory: memory size in MB that the function sees; not enforced.
            timeout: time limit of one invocation in seconds.
            env: environment variables of the function.
            handler: `module.function`.
            isolation: `auto`, `namespace` or `plain`.
            snap_start: run the SnapStart hooks; no snapshot is taken.
            log: called with each line of the log, from another thread.
            event_limit: largest event in bytes as JSON; None: no limit, which Lambda does not offer.

        Raises:
            NotRunnable: there are no zips, they are for another architecture, their Python is not installed, or no
                sandbox can be made.
        """
        target = artifacts.read(dist)
        runtime = runtime_client.ensure(target.interpreter, target.arch)
        settings = Settings(handler, memory, dict(env or {}), snap_start)
        self._environment = ExecutionEnvironment(target, runtime, settings, isolation)
        self._sandbox = self._environment.sandbox
        self._api = RuntimeApi(self._sandbox.listener)
        self._logs = LogPipe(log or (lambda _: None))
        self._timeout = timeout
        self._event_limit = event_limit
        self.python, self.arch = target.interpreter.version, target.arch
        self.isolation, self.isolation_note = self._sandbox.mode.isolation, self._environment.note
        self._process: Process | None = None
        self._peak = 0
        self.init_ms = self.restore_ms = self.started_at = math.nan
        self.paths: Mapping[str, str] = self._sandbox.paths

    def __enter__(self) -> LocalLambda:
        """Start the function.

        Raises:
            InitFailed: the function failed before it requested an event.
        """
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """End the function and its sandbox."""
        self.close()

    def close(self) -> None:
        """End all processes and delete all temporary files."""
        try:
            if self._process:
                self._end_process()
        finally:
            self._api.close()
            self._sandbox.close()
            self._logs.close()

    @property
    def peak_rss_bytes(self) -> int:
        """Peak resident memory of the function in bytes: the maximum over all its processes so far."""
        if self._process:
            self._peak = max(self._peak, self._sandbox.peak(self._process))
        return self._peak

    @property
    def pid(self) -> int | None:
        """Process id of the function on this machine; None if it has ended. Only in the mode `plain`."""
        if self._process is None or self._process.ended.done():
            return None
        return next(iter(self._sandbox.process_ids()), None)

    def start(self) -> None:
        """Start a process and wait until it requests an event.

        Raises:
            InitFailed: the process reported an error, ended, or timed out.
        """
        channel = self._api.channel = Channel()
        began = self.started_at = time.monotonic()
        with Path(os.devnull).open("rb") as devnull:
            streams = (devnull.fileno(), self._logs.handle, self._logs.handle)
            self._process = process = self._environment.start("bootstrap.py", streams)
        process.ended.add_done_callback(lambda future: channel.messages.put(future.result()))
        message, snapshot = channel.receive(began + INIT_LIMIT), None
        if isinstance(message, Snapshot):
            snapshot, message = message, channel.receive(message.at + RESTORE_LIMIT)
        if isinstance(message, NextRequested):
            self.init_ms = ((snapshot or message).at - began) * 1000
            self.restore_ms = (message.at - snapshot.at) * 1000 if snapshot else math.nan
            return
        self._end_process()
        phase, limit = ("restore", RESTORE_LIMIT) if snapshot else ("init", INIT_LIMIT)
        error = init_error(message, f"the {phase} phase did not end within {limit:g} s")
        trace = [str(line) for line in error.get("stackTrace") or []]
        raise InitFailed(str(error["errorType"]), str(error["errorMessage"]), trace, self._logs.take())

    def stop(self) -> None:
        """End the process, as Lambda ends an idle environment; the next invocation starts another in its folders."""
        if self._process:
            self._end_process()

    def freeze(self) -> None:
        """Stop the process until `thaw`, as Lambda does between invocations; does nothing if it has ended."""
        if self._process:
            self._sandbox.freeze(self._process)

    def thaw(self) -> None:
        """Continue the process after `freeze`; it may not run immediately."""
        if self._process:
            self._sandbox.thaw(self._process)

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function with an event.

        Args:
            event: any value that JSON can represent.

        Raises:
            RequestTooLarge: the event exceeds `event_limit`, 6 MB by default.
            InitFailed: a new process was needed and did not start.
        """
        body = json.dumps(event, separators=(",", ":")).encode()
        if self._event_limit is not None and len(body) > self._event_limit:
            raise RequestTooLarge(f"the event must be at most {self._event_limit:,} bytes as JSON, got {len(body):,}")
        init_ms = None
        if self._process is None or self._process.ended.done():
            self.start()
            init_ms = self.init_ms
        self._logs.take()
        delivery = Delivery(str(uuid.uuid4()), body, self._timeout)
        self._api.channel.events.put(delivery)
        outcome, invoke_ms = self._wait_for_outcome(delivery)
        response, error = to_invocation(outcome, delivery)
        return Invocation(response, error, invoke_ms, init_ms, self._logs.take(), delivery.request_id)

    def draw(self, image: bytes, body: dict[str, Any], max_pixels: int) -> bytes:
        """Return the image with its detections as JPEG, upright, drawn by the shipped code in the same sandbox.

        Args:
            image: bytes of the image that was sent.
            body: body of the response.
            max_pixels: limit for `function.preprocess.multiband.drawable`.

        Raises:
            DrawFailed: the drawing program ended with an error.
        """
        header = json.dumps({"max_pixels": max_pixels, "body": body}).encode()
        ended, jpeg, errors = self._environment.run("draw_boxes.py", header + b"\n" + image, DRAW_LIMIT)
        if ended.status or not jpeg:
            raise DrawFailed(f"drawing the boxes failed ({describe_exit(ended)}):\n{errors.strip()}")
        return jpeg

    def _wait_for_outcome(self, delivery: Delivery) -> tuple[Any, float]:
        """Return the outcome of a delivery and its time in ms.

        Afterwards the process has requested the next event, or has ended.
        """
        began, outcome = time.monotonic(), None
        deadline, ended_at = began + delivery.timeout, None
        while True:
            message = self._api.channel.receive(deadline)
            if isinstance(message, EventSent):
                began, deadline = message.at, message.at + delivery.timeout
            elif isinstance(message, (ResponseReceived, HandlerError)) and outcome is None:
                outcome, ended_at = message, message.at
            else:
                break
        if not isinstance(message, NextRequested):
            self._end_process()
        if outcome is None:
            outcome = message  # the ProcessExit, or None after a timeout
        return outcome, ((ended_at or time.monotonic()) - began) * 1000

    def _end_process(self) -> None:
        """End the process if it has not ended, and keep its peak memory."""
        process, self._process = self._process, None
        if process is None:  # `stop` ended it from another thread
            return
        self._sandbox.kill(process)
        self._peak = max(self._peak, process.ended.result().peak)
        self._api.channel.events.put(None)  # not earlier: the client would log an error
