"""Requests and responses of call.py: tries, connections that end, errors of Lambda's API."""

import socket
import threading
from pathlib import Path

import pytest

from scripts import call
from scripts.client.connection import Connection
from scripts.client.endpoint import Endpoint
from tests.scripts.client.conftest import Lambda, printed

BUSY = 429, b'{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}'
UNAVAILABLE = 503, b'{"Message": "Service Unavailable"}'
PLAIN = Endpoint("", "", None, "")


@pytest.mark.parametrize("by", ["function", "url"])
def test_a_throttled_call_is_made_again(by: str, served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served.errors = [BUSY, UNAVAILABLE, BUSY]
    target = ["--url", served.url] if by == "url" else []
    assert call.main([str(red), *target, "--repeat", "2"]) == 0
    assert len(served.requests) == 5
    assert "retries      3 (status 429, 503, or no connection)" in printed(capsys)


def test_a_function_that_stays_throttled_is_an_error(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.api_error = BUSY
    assert call.main([str(red)]) == 1
    assert len(served.requests) == 8
    assert printed(capsys).startswith("red.png   429 Rate Exceeded.")


@pytest.mark.parametrize("status", [400, 403, 500, 502])
def test_another_error_is_not_tried_again(status: int, served: Lambda, red: Path) -> None:
    served.api_error = status, b'{"Message": "no"}'
    assert call.main([str(red), "--url", served.url]) == 1
    assert len(served.requests) == 1


def test_wrong_keys_are_one_line(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served.api_error = 403, b'{"__type": "UnrecognizedClientException", "message": "The security token is invalid."}'
    assert call.main([str(red)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("call: AWS does not accept the credentials: UnrecognizedClientException: The security token")


def test_a_refused_connection_is_shown(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", "http://127.0.0.1:9"]) == 1
    output = capsys.readouterr().out
    assert "no response" in output
    assert "EndpointConnectionError" in output


def test_a_connection_that_ends_without_a_response_is_opened_again(served: Lambda) -> None:
    """A kept connection may have been closed by the other side."""
    served.api_error = 200, b'{"a": 1}'
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def forward() -> None:
            listener.accept()[0].close()
            client = listener.accept()[0]
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n" + b'{"a": 1}')
            client.close()

        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        reply = Connection(PLAIN._replace(url=f"http://127.0.0.1:{port}")).call({})
        thread.join(10)
    assert (reply.status, reply.body, reply.tries) == (200, {"a": 1}, 2)


def test_a_connection_is_kept(served: Lambda) -> None:
    served.api_error = 200, b"{}"
    connection = Connection(PLAIN._replace(url=served.url))
    assert [connection.call({}).status for _ in range(3)] == [200, 200, 200]
    pools = connection._http._manager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118  (not a dict)
