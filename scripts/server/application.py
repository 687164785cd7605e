"""ASGI application: every HTTP request is an invocation of the function, and errors have the status of Lambda."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from function.api import cors
from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda import function_url
from scripts.local_lambda.errors import LocalLambdaError, RequestTooLarge
from scripts.local_lambda.function_url import BadResponse, Request, Response
from scripts.local_lambda.invocation import Invocation
from scripts.server.lambda_api import LambdaApi

Invoke = Callable[[dict[str, Any]], Invocation]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
NO_BODY = (204, 304)  # statuses
HTTP_PORT = 80  # of a server that names none
# What the Function URL of template.yaml allows to the origins of CorsOrigins.
CORS_METHODS = "GET,POST"
CORS_HEADERS = "content-type,authorization,x-api-key,x-amz-date,x-amz-security-token,x-amz-content-sha256"


class Application:
    """ASGI application; it serves HTTP alone."""

    def __init__(
        self,
        invoke: Invoke,
        executor: Executor,
        report: Callable[[str], None],
        origins: Sequence[str] = (),
        is_signed: bool = False,
        api: LambdaApi | None = None,
    ) -> None:
        """Make an application.

        Args:
            invoke: invokes the function with an event; called in a thread of `executor`.
            executor: its threads wait for the function.
            report: called with one line for each error of the function.
            origins: allowed origins of web pages, as in CORS_ORIGINS; the front end sends their headers.
            is_signed: every request counts as signed by IAM, without a check of a signature.
            api: responds to the requests of boto3; None: they are requests of the Function URL.
        """
        self._invoke, self._executor, self._report, self._origins = invoke, executor, report, origins
        self._is_signed, self._api = is_signed, api

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await _body(receive)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        origin = dict(headers).get("origin", "")
        request = Request(
            scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"),
            headers, body or b"", f"HTTP/{scope['http_version']}", (scope.get("client") or ("127.0.0.1",))[0],
            scope["scheme"], (scope.get("server") or ("", None))[1] or HTTP_PORT,
        )  # fmt: skip
        if self._api and (response := await self._api.respond(request, is_too_large=body is None)):
            await _respond(send, scope, response)
            return
        if self._origins and origin and scope["method"] == "OPTIONS":
            await _respond(send, scope, Response(200, self._cors(origin, is_preflight=True), b""))
            return
        if body is None:
            reply = _too_large()
        else:
            loop = asyncio.get_running_loop()
            event = function_url.event(request, self._is_signed)
            reply = await loop.run_in_executor(self._executor, self._reply, event)
        if self._origins:
            reply.headers.extend(self._cors(origin, is_preflight=False))
        await _respond(send, scope, reply)

    def _reply(self, event: dict[str, Any]) -> Response:
        """Invoke the function and return the response of the Function URL."""
        http = event["requestContext"]["http"]
        try:
            done = self._invoke(event)
            if done.error is not None:
                message = f"{done.error.get('errorType')}: {done.error.get('errorMessage')}"
                return self._failure(http, message)
            made = function_url.response(done.response)
        except RequestTooLarge:
            return _too_large()
        except (LocalLambdaError, BadResponse) as error:
            return self._failure(http, str(error))
        made.headers.append(("x-amzn-requestid", done.request_id))
        return made

    def _failure(self, http: dict[str, Any], message: str) -> Response:
        self._report(f"{http['method']} {http['path']}: 502, {message}")
        return Response(502, [("content-type", "text/plain")], b"Internal Server Error")

    def _cors(self, origin: str, is_preflight: bool) -> list[tuple[str, str]]:
        made = cors.headers(self._origins, origin)
        if is_preflight and "Access-Control-Allow-Origin" in made:
            made |= {
                "Access-Control-Allow-Methods": CORS_METHODS,
                "Access-Control-Allow-Headers": CORS_HEADERS,
                "Access-Control-Max-Age": str(cors.MAX_AGE_S),
            }
        return list(made.items())


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request; None if no event can have it. It is read to its end in any case.

    A client that still sends when the connection closes does not read the response.
    """
    body, size, has_more = bytearray(), 0, True
    while has_more:
        message = await receive()
        size += len(message.get("body", b""))
        if size <= EVENT_LIMIT:
            body += message.get("body", b"")
        has_more = message.get("more_body", False)
    return bytes(body) if size <= EVENT_LIMIT else None


def _too_large() -> Response:
    message = f"Request must be smaller than {EVENT_LIMIT} bytes for the InvokeFunction operation"
    return Response(413, [("content-type", "application/json")], json.dumps({"Message": message}).encode())


async def _respond(send: Send, scope: dict[str, Any], reply: Response) -> None:
    """Send a response; one to HEAD has no body."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    body = b"" if reply.status in NO_BODY else reply.body
    if reply.status not in NO_BODY:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
