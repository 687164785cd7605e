"""Calls of boto3 through the Invoke API, with a function in place of the zips."""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda.errors import InitFailed, SandboxFailed
from scripts.local_lambda.invocation import Invocation
from scripts.server.application import Application
from scripts.server.lambda_api import LambdaApi
from scripts.server.pool import Measured
from scripts.server.workers import Workers

LIMIT_S = 10
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:yolo"
Function = Callable[[Any], Any]


class Server:
    """Server of one function at a free port, its client, events and reports."""

    def __init__(self, function: Function, size: int) -> None:
        self.events: list[Any] = []
        self.reports: list[str] = []
        self._function, self.workers = function, Workers(size)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        api = LambdaApi(self._measure, self.workers, self.reports.append, 1769)
        application = Application(self._invoke, self.workers, self.reports.append, api=api)
        self._server = uvicorn.Server(uvicorn.Config(application, log_config=None, ws="none", lifespan="off"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([listener])))
        self._thread.start()
        self.client = boto3.client(
            "lambda", endpoint_url=self.url, region_name="eu-central-1", aws_access_key_id="a",
            aws_secret_access_key="b", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
        )  # fmt: skip

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(LIMIT_S)
        self.workers.shutdown()
        self.client.close()

    def _invoke(self, event: Any) -> Invocation:
        self.events.append(event)
        result = self._function(event)
        return (
            result if isinstance(result, Invocation) else Invocation(result, None, 12.34, None, "line\n", "request-1")
        )

    def _measure(self, event: Any) -> Measured:
        return Measured(self._invoke(event), 80 * 1024**2)


@contextmanager
def serving(function: Function = lambda event: {"event": event}, size: int = 1) -> Iterator[Server]:
    server = Server(function, size)
    try:
        yield server
    finally:
        server.close()


def refused(server: Server, **parameters: Any) -> Any:
    with pytest.raises(ClientError) as error:
        server.client.invoke(**parameters)
    return error.value


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "name", ["yolo", "yolo:live", ARN, f"{ARN}:live", f"{ARN}:$LATEST", "123456789012:function:yolo"]
)
def test_every_name_is_the_function(name: str) -> None:
    with serving() as server:
        response = server.client.invoke(FunctionName=name, Payload=b'{"conf": 0.4, "text": "\xc3\xa9"}')
        assert json.load(response["Payload"]) == {"event": {"conf": 0.4, "text": "é"}}
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert not {"FunctionError", "LogResult"} & set(response)
    assert response["ResponseMetadata"]["RequestId"] == "request-1"


def test_qualifier_as_a_parameter_and_no_payload() -> None:
    with serving() as server:
        response = server.client.invoke(FunctionName="yolo", Qualifier="live")
        assert json.load(response["Payload"]) == {"event": {}}
        error = refused(server, FunctionName="yolo:live", Qualifier="old")
    assert error.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.parametrize(("result", "payload"), [(None, b"null"), ("é", '"é"'.encode()), (b"\xff\xd8", b"\xff\xd8")])
def test_payload_is_what_the_function_returned(result: Any, payload: bytes) -> None:
    with serving(lambda event: result) as server:
        assert server.client.invoke(FunctionName="yolo")["Payload"].read() == payload


def test_error_of_the_function_has_status_200_and_a_report() -> None:
    document = {"errorType": "ValueError", "errorMessage": "wrong", "requestId": "r", "stackTrace": ["a"]}
    with serving(lambda event: Invocation(None, document, 1.0, None, "", "r")) as server:
        response = server.client.invoke(FunctionName="yolo:live")
        assert json.load(response["Payload"]) == document
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert server.reports == ["Invoke: ValueError: wrong"]


def test_function_that_does_not_start_is_an_error_of_the_function() -> None:
    def fail(event: Any) -> Any:
        raise InitFailed("Runtime.ImportModuleError", "no module", [], "log")

    with serving(fail) as server:
        response = server.client.invoke(FunctionName="yolo:live", LogType="Tail")
        document = json.load(response["Payload"])
    assert (document["errorType"], response["FunctionError"]) == ("Runtime.ImportModuleError", "Unhandled")
    assert b"log\n" in base64.b64decode(response["LogResult"])


def test_error_of_the_emulator_is_one_of_the_service() -> None:
    def fail(event: Any) -> Any:
        raise SandboxFailed("no sandbox")

    with serving(fail) as server:
        error = refused(server, FunctionName="yolo:live")
    assert error.response["Error"] == {"Code": "ServiceException", "Message": "no sandbox"}
    assert server.reports == ["Invoke: 500, no sandbox"]


def test_log_has_the_lines_of_lambda() -> None:
    done = Invocation({}, None, 12.34, 100.5, "loaded\n", "r-1")
    with serving(lambda event: done) as server:
        response = server.client.invoke(FunctionName="yolo:live", LogType="Tail")
    assert base64.b64decode(response["LogResult"]).decode() == (
        "START RequestId: r-1 Version: $LATEST\nloaded\nEND RequestId: r-1\n"
        "REPORT RequestId: r-1\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 1769 MB\t"
        "Max Memory Used: 80 MB\tInit Duration: 100.50 ms\t\n"
    )


def test_log_is_its_last_4_kb() -> None:
    with serving(lambda event: Invocation({}, None, 1.0, None, "x" * 9999, "r")) as server:
        log = base64.b64decode(server.client.invoke(FunctionName="yolo", LogType="Tail")["LogResult"])
    assert (len(log), log[:1], log[-7:]) == (4096, b"x", b"80 MB\t\n")


def test_call_above_the_concurrency_is_throttled_and_one_of_the_function_url_waits() -> None:
    free = threading.Event()
    with serving(lambda event: free.wait(LIMIT_S), size=2) as server:
        running = [threading.Thread(target=server.client.invoke, kwargs={"FunctionName": "yolo"}) for _ in range(2)]
        for thread in running:
            thread.start()
        until(lambda: len(server.events) == 2)
        error = refused(server, FunctionName="yolo:live")
        waiting = threading.Thread(target=httpx.get, args=(server.url,), kwargs={"timeout": LIMIT_S})
        waiting.start()
        free.set()
        for thread in (*running, waiting):
            thread.join(LIMIT_S)
        assert len(server.events) == 3
        until(lambda: not server.workers.are_busy)
        assert server.client.invoke(FunctionName="yolo")["StatusCode"] == 200
    assert isinstance(error, server.client.exceptions.TooManyRequestsException)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert error.response["retryAfterSeconds"] == "1"
    assert error.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_throttled_call_succeeds_with_the_retries_of_boto3() -> None:
    with serving(lambda event: time.sleep(0.2)) as server:
        config = Config(retries={"mode": "adaptive", "total_max_attempts": 20})
        clients = [
            boto3.client(
                "lambda", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="a",
                aws_secret_access_key="b", config=config,
            )
            for _ in range(3)
        ]  # fmt: skip
        calls = [threading.Thread(target=each.invoke, kwargs={"FunctionName": "yolo:live"}) for each in clients]
        for call in calls:
            call.start()
        for call in calls:
            call.join(60)
        for client in clients:
            client.close()
    assert len(server.events) == 3


def test_asynchronous_call_is_accepted_and_waits() -> None:
    free = threading.Event()
    with serving(lambda event: free.wait(LIMIT_S)) as server:
        responses = [
            server.client.invoke(FunctionName="yolo:live", InvocationType="Event", Payload=b"[1]") for _ in range(3)
        ]
        assert len(server.events) <= 1
        free.set()
        until(lambda: server.events == [[1]] * 3)
    assert [response["StatusCode"] for response in responses] == [202] * 3


def test_failed_asynchronous_call_is_reported() -> None:
    document = {"errorType": "ValueError", "errorMessage": "wrong"}
    with serving(lambda event: Invocation(None, document, 1.0, None, "", "r")) as server:
        server.client.invoke(FunctionName="yolo:live", InvocationType="Event")
        until(lambda: server.reports == ["Invoke (Event): ValueError: wrong"])


def test_asynchronous_call_that_did_not_run_before_the_end_is_reported() -> None:
    free = threading.Event()
    with serving(lambda event: free.wait(LIMIT_S)) as server:
        for _ in range(2):
            server.client.invoke(FunctionName="yolo:live", InvocationType="Event")
        server.workers.shutdown(wait=False, cancel_futures=True)
        free.set()
    assert server.reports == ["Invoke: an asynchronous invocation did not run before the server ended"]


def test_dry_run_calls_nothing() -> None:
    with serving() as server:
        response = server.client.invoke(FunctionName="yolo:live", InvocationType="DryRun")
        assert (response["StatusCode"], server.events) == (204, [])


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", EVENT_LIMIT), ("Event", 1024 * 1024)])
def test_event_above_the_limit_is_refused(kind: str, limit: int) -> None:
    with serving() as server:
        error = refused(server, FunctionName="yolo:live", InvocationType=kind, Payload=b'"' + b"x" * limit + b'"')
        assert server.events == []
    assert error.response["Error"]["Code"] == "RequestTooLargeException"
    assert (error.response["ResponseMetadata"]["HTTPStatusCode"], str(limit) in str(error)) == (413, True)


@pytest.mark.parametrize(
    ("parameters", "code", "status"),
    [
        ({"FunctionName": "yolo:live", "Payload": b"{"}, "InvalidRequestContentException", 400),
        ({"FunctionName": "yolo live"}, "ValidationException", 400),
        ({"FunctionName": "yolo:live", "InvocationType": "Later"}, "InvalidParameterValueException", 400),
    ],
)
def test_wrong_requests_have_the_errors_of_lambda(parameters: dict[str, Any], code: str, status: int) -> None:
    with serving() as server:
        error = refused(server, **parameters)
    assert (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_web_page_cannot_call_the_function_without_a_key() -> None:
    with serving() as server:
        reply = httpx.post(f"{server.url}/2015-03-31/functions/yolo/invocations", content=b"{}")
        assert server.events == []
    assert (reply.status_code, reply.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/2015-03-31/functions/yolo/invocations"), ("POST", "/2015-03-31/functions/yolo")]
)
def test_other_requests_are_those_of_the_function_url(method: str, path: str) -> None:
    with serving(lambda event: {"statusCode": 201, "body": event["rawPath"]}) as server:
        reply = httpx.request(method, server.url + path)
    assert (reply.status_code, reply.text) == (201, path)
