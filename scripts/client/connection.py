"""Connection to a function: boto3 invokes it by its name; a URL gets a request that botocore signs."""

from __future__ import annotations

import base64
import json
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from scripts.aws.errors import NotConfigured, translate
from scripts.aws.limits import EVENT_LIMIT, TIMEOUT_RANGE
from scripts.client import report_line
from scripts.client.endpoint import ONE_TRY, Endpoint

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

TIMEOUT = TIMEOUT_RANGE[1] + 5  # seconds; a function may run until its own timeout
CONNECT_TIMEOUT = 10  # seconds
TRIES = {429: 8, 503: 4, 0: 3}  # status -> tries of a call; throttled, a service that fails, no connection
FIRST_WAIT, MAX_WAIT = 0.5, 20.0  # seconds between two tries; the time doubles


class Reply(NamedTuple):
    """Response to one request.

    Attributes:
        status: HTTP status of the function; 0 if there is no response.
        body: decoded JSON, or text.
        ms: time from sending the request, in its last try, to the end of the response.
        init_ms: init duration of a cold start; None for a warm start, or if it is not visible.
        log: the last 4 KB of the log of the invocation; "" if it is not visible.
        tries: how often the request was sent.
    """

    status: int
    body: Any
    ms: float
    init_ms: float | None
    log: str = ""
    tries: int = 1


class Connection:
    """Connections to an endpoint, kept from call to call; several threads may use them."""

    def __init__(self, endpoint: Endpoint, concurrency: int = 1) -> None:
        """Make the client; nothing is called yet.

        Raises:
            NotConfigured: credentials or region are missing or wrong.
        """
        self._endpoint = endpoint
        if endpoint.function:
            assert endpoint.aws is not None
            self._client = endpoint.aws.client(
                "lambda", max_pool_connections=concurrency, connect_timeout=CONNECT_TIMEOUT, read_timeout=TIMEOUT,
                retries=ONE_TRY,
            )  # fmt: skip
            return
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        self._http = URLLib3Session(
            proxies=get_environ_proxies(endpoint.url), timeout=(CONNECT_TIMEOUT, TIMEOUT),
            max_pool_connections=concurrency,
        )  # fmt: skip

    def describe(self) -> str:
        """Return the URL of the requests, and how they are signed."""
        endpoint = self._endpoint
        path = f"/2015-03-31/functions/{quote(endpoint.function, safe='')}/invocations"
        url = endpoint.url or f"{self._client.meta.endpoint_url}{path}"
        signed = f"signed for {endpoint.region}" if endpoint.aws else "not signed"
        return f"POST {url}, {signed}{', with an API key' if endpoint.key else ''}"

    def call(self, event: dict[str, Any]) -> Reply:
        """Send an event and return the response; after 429, 503 or a failed connection, send it again.

        Raises:
            NotConfigured: the credentials are missing, expired or wrong.
        """
        body = json.dumps(event).encode()
        if len(body) > EVENT_LIMIT:
            error = f"the request must be at most {EVENT_LIMIT:,} bytes (an image of about 4.5 MB), got {len(body):,}"
            return Reply(413, {"error": error, "type": "RequestTooLarge"}, 0.0, None, tries=0)
        tries = 1
        while True:
            reply, is_final = self._try(body)
            if is_final or tries >= TRIES.get(reply.status, 1):
                return reply._replace(tries=tries)
            longest = min(FIRST_WAIT * 2 ** (tries - 1), MAX_WAIT)
            time.sleep(random.uniform(longest / 2, longest))  # so that callers do not come together
            tries += 1

    def _try(self, body: bytes) -> tuple[Reply, bool]:
        """Return the response, and whether another try makes no sense whatever its status is."""
        from botocore import exceptions

        started = time.perf_counter()
        try:
            reply = self._invoke(body) if self._endpoint.function else self._post(body)
        except exceptions.ClientError as error:
            reply = _error_of_api(error)
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
            is_final = isinstance(error, exceptions.ReadTimeoutError)  # the function has run until its time limit
            return Reply(0, f"{type(error).__name__}: {error}", _ms_since(started), None), is_final
        except exceptions.BotoCoreError as error:
            raise translate(error) from error
        return reply._replace(ms=_ms_since(started)), False

    def _invoke(self, body: bytes) -> Reply:
        response = self._client.invoke(FunctionName=self._endpoint.function, Payload=body, LogType="Tail")
        result = _decode(response["Payload"].read())
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        init_ms = report_line.parse(log).init_ms
        if response.get("FunctionError") or not isinstance(result, dict):
            return Reply(502, result, 0.0, init_ms, log)
        return Reply(int(result.get("statusCode", 200)), _decode(result.get("body", result)), 0.0, init_ms, log)

    def _post(self, body: bytes) -> Reply:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        headers = {"Content-Type": "application/json"}
        headers |= {"x-api-key": self._endpoint.key} if self._endpoint.key else {}
        request = AWSRequest("POST", self._endpoint.url, headers=headers, data=body)
        if self._endpoint.aws:
            credentials = self._endpoint.aws.session.get_credentials().get_frozen_credentials()
            SigV4Auth(credentials, "lambda", self._endpoint.region).add_auth(request)
        response = self._http.send(request.prepare())
        return Reply(response.status_code, _decode(response.content), 0.0, None)


def _error_of_api(error: ClientError) -> Reply:
    """Return an error of Lambda's API as a response.

    Raises:
        NotConfigured: the credentials are expired or wrong.
    """
    translated = translate(error)
    if isinstance(translated, NotConfigured):
        raise translated from error
    described, metadata = error.response["Error"], error.response["ResponseMetadata"]
    body = {"Message": described.get("Message") or described.get("Code"), "Code": described.get("Code")}
    return Reply(int(metadata["HTTPStatusCode"]), body, 0.0, None)


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _decode(data: Any) -> Any:
    """Return JSON as values, other bytes as text, and anything else as it is."""
    if not isinstance(data, (bytes, str)):
        return data
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace") if isinstance(data, bytes) else data
