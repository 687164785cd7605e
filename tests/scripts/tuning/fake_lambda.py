"""Lambda on loopback: settings, code, versions and layers of one function, and calls with REPORT lines."""

import base64
import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scripts.aws.commands import HANDLER
from scripts.tuning.zips import code_sha256

CODE = b"the code of the function"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:yolo-packages:7"
OTHER_LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:other:1"
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
FIELDS = ("MemorySize", "Layers", "Runtime", "Description")


class FakeLambda(ThreadingHTTPServer):
    """An account with the function `yolo`, whose version 5 is `live`.

    Attributes:
        latest: settings of $LATEST.
        versions: settings by number.
        layers: descriptions of the versions of the layer `yolo-packages`.
        max_memory: MB that the account may use.
        least_memory: MB below which the function ends with an error.
        calls: version and memory of each invocation.
        codes: digests and architectures of each new code.
        delay: seconds that a call takes.
        ignored: settings that make no new version if they alone differ.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.latest: dict[str, Any] = {
            "FunctionName": "yolo", "Handler": HANDLER, "Runtime": "python3.13", "MemorySize": 1769,
            "Version": "$LATEST",
            "CodeSha256": code_sha256(CODE), "CodeSize": len(CODE), "Architectures": ["x86_64"], "State": "Active",
            "LastUpdateStatus": "Successful", "Layers": [{"Arn": OTHER_LAYER}, {"Arn": LAYER}], "Description": "mine",
        }  # fmt: skip
        self.versions: dict[str, dict[str, Any]] = {"5": {**copy.deepcopy(self.latest), "Version": "5"}}
        self.layers: dict[int, str] = {7: "yolo-lambda-zip sha256:1"}
        self.max_memory, self.least_memory, self.delay = 10_240, 128, 0.0
        self.calls: list[tuple[str, int]] = []
        self.codes: list[tuple[str, str]] = []
        self.next_version, self.lock = 6, threading.Lock()
        self.ignored: tuple[str, ...] = ()
        self.warm: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def state(self) -> Any:
        """Return what tune.py has to leave as it was."""
        return copy.deepcopy((self.latest, self.versions, self.layers))


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeLambda

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.split("/")][2:]
        qualifier = parse_qs(url.query).get("Qualifier", [""])[0]
        if b"GetCallerIdentity" in body:
            return self._send(200, IDENTITY, {"Content-Type": "text/xml"})
        if url.path == "/code.zip":
            return self._send(200, CODE, {})
        if parts[-1] == "invocations":
            return self._invoke(parts[1].partition(":")[2])
        with self.server.lock:
            if parts[0] == "layers":
                status, answer = self._layers(parts, body)
            else:
                status, answer = self._function(parts, qualifier, body)
        error = {"x-amzn-ErrorType": answer["Code"]} if status >= 400 else {}
        return self._send(status, json.dumps(answer).encode() if answer else b"", error)

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815  (names of http.server)

    def _function(self, parts: list[str], qualifier: str, body: bytes) -> tuple[int, dict[str, Any]]:
        server, name, rest = self.server, parts[1], "/".join(parts[2:])
        sent = json.loads(body) if body else {}
        if name != "yolo" or (qualifier and qualifier not in {*server.versions, "live"}):
            return 404, {"Code": "ResourceNotFoundException", "Message": "none"}
        if self.command == "DELETE":
            del server.versions[qualifier]
            return 204, {}
        if self.command == "PUT" and rest == "configuration":
            if sent.get("MemorySize", 0) > server.max_memory:
                message = f"'MemorySize' value failed to satisfy constraint: at most {server.max_memory}"
                return 400, {"Code": "InvalidParameterValueException", "Message": message}
            sent |= {"Layers": [{"Arn": arn} for arn in sent["Layers"]]} if "Layers" in sent else {}
            server.latest |= {field: sent[field] for field in FIELDS if field in sent}
        elif self.command == "PUT":
            code = base64.b64decode(sent["ZipFile"])
            server.latest |= {"CodeSha256": code_sha256(code), "Architectures": sent["Architectures"]}
            server.codes.append((code_sha256(code), *sent["Architectures"]))
        elif self.command == "POST":
            return 201, self._publish(sent["Description"])
        elif rest == "versions":
            return 200, {"Versions": [server.latest, *server.versions.values()]}
        configuration = server.versions["5" if qualifier == "live" else qualifier] if qualifier else server.latest
        if rest:
            return 200, configuration
        tags = {"yolo-lambda-zip": "deploy.sh"}
        return 200, {"Configuration": configuration, "Code": {"Location": f"{server.url}/code.zip"}, "Tags": tags}

    def _publish(self, description: str) -> dict[str, Any]:
        server = self.server
        last = server.versions[max(server.versions, key=int)]
        ignored = ("Version", *server.ignored)
        if all(last[name] == value for name, value in server.latest.items() if name not in ignored):
            return last
        version = str(server.next_version)
        server.next_version += 1
        server.versions[version] = {**copy.deepcopy(server.latest), "Version": version, "Description": description}
        return server.versions[version]

    def _layers(self, parts: list[str], body: bytes) -> tuple[int, dict[str, Any]]:
        layers, arn = self.server.layers, LAYER.rpartition(":")[0]
        if self.command == "DELETE":
            del layers[int(parts[3])]
            return 204, {}
        if self.command == "POST":
            version = max(layers) + 1
            layers[version] = json.loads(body)["Description"]
            return 201, {"LayerVersionArn": f"{arn}:{version}", "Version": version}
        rows = [{"LayerVersionArn": f"{arn}:{version}", "Version": version, "Description": layers[version]}
                for version in layers]  # fmt: skip
        return 200, {"LayerVersions": rows}

    def _invoke(self, version: str) -> None:
        server = self.server
        with server.lock:
            memory, architecture = server.versions[version]["MemorySize"], server.versions[version]["Architectures"][0]
            server.calls.append((version, memory))
            is_cold = server.warm.setdefault(version, 0) < 2  # two environments
            server.warm[version] += 1
        threading.Event().wait(server.delay)
        ms = round(100 * 1769 / memory * (0.5 if architecture == "arm64" else 1), 2)
        init = "\tInit Duration: 301.25 ms" if is_cold else ""
        log = (
            f"REPORT RequestId: 1\tDuration: {ms} ms\tBilled Duration: {int(ms) + 1} ms\tMax Memory Used: 94 MB{init}\t"
        )
        headers = {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}
        if memory < server.least_memory:
            headers["X-Amz-Function-Error"] = "Unhandled"
            return self._send(200, b'{"errorType": "Runtime.OutOfMemory", "errorMessage": "signal: killed"}', headers)
        return self._send(200, json.dumps({"statusCode": 200, "body": '{"detections": []}'}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        length = {} if status == 204 else {"Content-Length": str(len(body))}
        for name, value in {**headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""
