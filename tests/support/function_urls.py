"""Endpoint of Lambda with the URLs and the policies of aliases, which moto 5.2.1 does not have; moto does all the rest.

moto has one URL for each function, and drops the policy of an alias when it moves. Source: AWS Lambda API reference,
CreateFunctionUrlConfig, UpdateFunctionUrlConfig, ListFunctionUrlConfigs, AddPermission, RemovePermission, GetPolicy.
"""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATH = re.compile(r"/20\d\d-\d\d-\d\d/functions/(?P<name>[^/]+)/(?P<kind>urls?|policy)(?:/(?P<sid>[^/]+))?/?")
ALIAS = re.compile(r"/20\d\d-\d\d-\d\d/functions/(?P<name>[^/]+)/aliases/(?P<alias>[^/]+)")
EXPECTED = {  # the two fields of permissions that belong to a URL -> the action that they go with
    "FunctionUrlAuthType": "lambda:InvokeFunctionUrl",
    "InvokedViaFunctionUrl": "lambda:InvokeFunction",
}
HOP = {"host", "connection", "content-length", "transfer-encoding"}


class Refusal(Exception):
    def __init__(self, status: int, kind: str) -> None:
        super().__init__(kind)
        self.status = status


class FunctionUrls:
    """URLs and policies by function and alias.

    Attributes:
        changes: calls that changed a URL or a policy, as method and kind, such as "POST url".
        opened: the variables of the version behind a URL, for each time that it became public, or that a version came
            behind a public one.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.urls: dict[tuple[str, str], dict[str, Any]] = {}
        self.policies: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self.changes: list[str] = []
        self.opened: list[dict[str, str]] = []

    def is_public(self, name: str, alias: str) -> bool:
        """Return whether AWS lets a request without a signature pass."""
        config = self.urls.get((name, alias))
        allowed = {
            statement["Action"]: statement["Condition"] for statement in self.policies.get((name, alias), {}).values()
        }
        return bool(config) and config["AuthType"] == "NONE" and allowed == {
            "lambda:InvokeFunctionUrl": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
            "lambda:InvokeFunction": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        }  # fmt: skip

    def respond(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(target)
        match = PATH.fullmatch(parts.path)
        if not match:
            response = self._forward(method, target, headers, body)
            self._record_move(method, parts.path)
            return response
        alias = parse_qs(parts.query).get("Qualifier", [""])[0]
        before = self.is_public(match["name"], alias)
        try:
            status, document = self._own(method, match, alias, json.loads(body or b"{}"))
        except Refusal as refusal:
            return refusal.status, json.dumps({"__type": str(refusal), "message": "fake"}).encode()
        if method != "GET":
            self.changes.append(f"{method} {match['kind']}")
        if self.is_public(match["name"], alias) and not before:
            self.opened.append(self._variables(match["name"], alias))
        return status, json.dumps(document).encode()

    def _record_move(self, method: str, path: str) -> None:
        moved = ALIAS.fullmatch(path)
        if moved and method == "PUT" and self.is_public(moved["name"], moved["alias"]):
            self.opened.append(self._variables(moved["name"], moved["alias"]))

    def _own(self, method: str, match: re.Match[str], alias: str, fields: dict[str, Any]) -> tuple[int, Any]:
        place = match["name"], alias
        if match["kind"] == "urls":
            configs = [config for (name, _), config in self.urls.items() if name == match["name"]]
            return 200, {"FunctionUrlConfigs": configs}
        if alias not in self._aliases(match["name"]):
            raise Refusal(404, "ResourceNotFoundException")
        own = self._url if match["kind"] == "url" else self._policy
        return own(method, place, match["sid"], fields)

    def _url(self, method: str, place: tuple[str, str], _: str | None, fields: dict[str, Any]) -> tuple[int, Any]:
        if (place in self.urls) == (method == "POST"):
            raise Refusal(
                *(409, "ResourceConflictException") if method == "POST" else (404, "ResourceNotFoundException")
            )
        if method == "DELETE":
            del self.urls[place]
            return 204, {}
        if method == "POST":
            name, alias = place
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}:{alias}"
            address = f"https://{len(self.changes)}abc.lambda-url.us-east-1.on.aws/"
            self.urls[place] = {"FunctionUrl": address, "FunctionArn": arn, "InvokeMode": "BUFFERED"}
        if fields.get("Cors"):
            fields["Cors"]["AllowCredentials"] = False
        if method != "GET":
            self.urls[place] |= fields
        return 200, self.urls[place]

    def _policy(self, method: str, place: tuple[str, str], sid: str | None, fields: dict[str, Any]) -> tuple[int, Any]:
        statements = self.policies.setdefault(place, {})
        if method == "GET" and statements:
            return 200, {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [*statements.values()]})}
        if method == "DELETE" and sid in statements:
            del statements[str(sid)]
            return 204, {}
        if method != "POST":
            raise Refusal(404, "ResourceNotFoundException")
        if fields["StatementId"] in statements:
            raise Refusal(409, "ResourceConflictException")
        for name, action in EXPECTED.items():
            if name in fields and fields["Action"] != action:
                raise Refusal(400, "InvalidParameterValueException")
        conditions: dict[str, Any] = {}
        if "FunctionUrlAuthType" in fields:
            conditions["StringEquals"] = {"lambda:FunctionUrlAuthType": fields["FunctionUrlAuthType"]}
        if fields.get("InvokedViaFunctionUrl"):
            conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
        statements[fields["StatementId"]] = {
            "Sid": fields["StatementId"], "Effect": "Allow", "Principal": fields["Principal"],
            "Action": fields["Action"], "Condition": conditions,
        }  # fmt: skip
        return 201, {"Statement": json.dumps(statements[fields["StatementId"]])}

    def _aliases(self, name: str) -> dict[str, str]:
        status, body = self._forward("GET", f"/2015-03-31/functions/{name}/aliases", {}, b"")
        aliases = json.loads(body)["Aliases"] if status == 200 else []
        return {alias["Name"]: alias["FunctionVersion"] for alias in aliases}

    def _variables(self, name: str, alias: str) -> dict[str, str]:
        version = self._aliases(name)[alias]
        _, body = self._forward("GET", f"/2015-03-31/functions/{name}/configuration?Qualifier={version}", {}, b"")
        variables: dict[str, str] = json.loads(body)["Environment"]["Variables"]
        return variables

    def _forward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP}
        kept.setdefault("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request")
        request = urllib.request.Request(self.upstream + target, data=body or None, headers=kept, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@contextmanager
def serve(upstream: str) -> Iterator[tuple[FunctionUrls, str]]:
    """Yield the state and the address of an endpoint of Lambda in front of one of moto."""
    state = FunctionUrls(upstream)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = state.respond(self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status >= 400:
                self.send_header("x-amzn-errortype", json.loads(content).get("__type", ""))
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status != 204:
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
