"""Endpoint with the wire format of Step Functions (JSON 1.0) on the interpreter of tests/support/state_machine.py.

An execution that was started waits until `run_next` runs it in the thread of its caller: the time limits of the
function need the main thread.
"""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.state_language import StateFailed
from tests.support.state_machine import STOPPED, StateMachine

OPERATIONS = {
    "StartExecution": "start_execution",
    "DescribeExecution": "describe_execution",
    "DescribeStateMachine": "describe_state_machine",
    "ListMapRuns": "list_map_runs",
    "DescribeMapRun": "describe_map_run",
    "StopExecution": "stop_execution",
}


class Missing(Exception):
    """Error of the service: its code and message."""


@dataclass
class Execution:
    """Execution of the machine."""

    name: str
    input: str
    started: float
    status: str = "RUNNING"
    output: str = ""
    error: str = ""
    cause: str = ""
    first_run: int | None = None  # its map run among those of the machine
    is_stopped: bool = False


class FakeStepFunctions:
    """Step Functions with one machine; a context manager.

    Attributes:
        url: of the endpoint.
        machine: interpreted.
        executions: by name.
        requests: names of the operations that were called.
    """

    def __init__(self, machine: StateMachine, definition: dict[str, Any]) -> None:
        self.machine, self._definition = machine, definition
        self.executions: dict[str, Execution] = {}
        self.requests: list[str] = []
        self._waiting: deque[Execution] = deque()
        self._current: Execution | None = None
        machine.stops = lambda: bool(self._current and self._current.is_stopped)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def run_next(self) -> bool:
        """Run the execution that waits longest; return whether there was one."""
        if not self._waiting:
            return False
        execution = self._current = self._waiting.popleft()
        execution.first_run = len(self.machine.runs)
        try:
            execution.output = json.dumps(self.machine.run(json.loads(execution.input)))
            execution.status = "SUCCEEDED"
        except StateFailed as failed:
            execution.status = "ABORTED" if failed.error == STOPPED else "FAILED"
            execution.error, execution.cause = failed.error, failed.cause
        return True

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request."""
        self.requests.append(operation)
        response: dict[str, Any] = getattr(self, f"_{OPERATIONS[operation]}")(given)
        return response

    def _start_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        self._require_machine(given["stateMachineArn"])
        existing = self.executions.get(given["name"])
        if existing and (existing.status != "RUNNING" or existing.input != given["input"]):
            raise Missing("ExecutionAlreadyExists", f"Execution Already Exists: {given['name']}")
        if not existing:
            existing = self.executions[given["name"]] = Execution(given["name"], given["input"], time.time())
            self._waiting.append(existing)
        return {"executionArn": self._arn(given["name"]), "startDate": existing.started}

    def _describe_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._find(given["executionArn"])
        response = {"executionArn": given["executionArn"], "stateMachineArn": self.machine.arn, "name": found.name,
                    "status": found.status, "startDate": found.started, "input": found.input}  # fmt: skip
        fields = {"output": found.output, "error": found.error, "cause": found.cause}
        return response | {name: value for name, value in fields.items() if value}

    def _describe_state_machine(self, given: dict[str, Any]) -> dict[str, Any]:
        self._require_machine(given["stateMachineArn"])
        return {"stateMachineArn": self.machine.arn, "name": "yolo-bulk", "definition": json.dumps(self._definition),
                "roleArn": "arn:aws:iam::123456789012:role/bulk", "type": "STANDARD", "creationDate": 0}  # fmt: skip

    def _list_map_runs(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._find(given["executionArn"])
        if found.first_run is None or found.first_run >= len(self.machine.runs):
            return {"mapRuns": []}
        run = self.machine.runs[found.first_run]
        return {"mapRuns": [{"executionArn": given["executionArn"], "mapRunArn": run.arn,
                             "stateMachineArn": self.machine.arn, "startDate": found.started}]}  # fmt: skip

    def _describe_map_run(self, given: dict[str, Any]) -> dict[str, Any]:
        (run,) = (run for run in self.machine.runs if run.arn == given["mapRunArn"])
        return {"mapRunArn": given["mapRunArn"], "executionArn": "", "status": "RUNNING", "startDate": 0,
                "maxConcurrency": run.concurrency, "toleratedFailurePercentage": run.tolerated,
                "toleratedFailureCount": 0, "itemCounts": run.counts(of_items=True),
                "executionCounts": run.counts(of_items=False)}  # fmt: skip

    def _stop_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        self._find(given["executionArn"]).is_stopped = True
        return {"stopDate": time.time()}

    def _find(self, arn: str) -> Execution:
        found = self.executions.get(arn.rpartition(":")[2])
        if not found or self._arn(found.name) != arn:
            raise Missing("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return found

    def _require_machine(self, arn: str) -> None:
        if arn != self.machine.arn:
            raise Missing("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")

    def _arn(self, name: str) -> str:
        return f"{self.machine.arn.replace(':stateMachine:', ':execution:')}:{name}"


def _handler(fake: FakeStepFunctions) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].removeprefix("AWSStepFunctions.")
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, body = 200, fake.answer(operation, given)
            except Missing as error:
                code, message = error.args
                status, body = 400, {"__type": code, "message": message}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *values: object) -> None:
            pass

    return Handler
