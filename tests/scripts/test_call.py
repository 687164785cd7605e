"""call.py with a server on loopback that is a Function URL and Lambda's API, both with the real handler."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from scripts import call
from scripts.client import NotCallable, credentials, report, sigv4
from scripts.client.connection import Connection, Endpoint, Reply, by_name, region_of
from scripts.client.sigv4 import Credentials
from tests.conftest import RED_CELL, Context

REPORT = "REPORT RequestId: 1\tDuration: 9.10 ms\tBilled Duration: 310 ms\tMemory Size: 1769 MB\t"
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}


class Lambda(ThreadingHTTPServer):
    """Both endpoints of one function; the first call is a cold start."""

    daemon_threads = True

    def __init__(self, handler: ModuleType) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.handler = handler
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.function_error = False
        self.api_error: tuple[int, bytes] | None = None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Lambda

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            cold = not self.server.requests
            self.server.requests.append((self.path, dict(self.headers.items()), body))
            if self.server.api_error:
                self._send(*self.server.api_error, {})
            elif self.path.endswith("/invocations"):
                response = self.server.handler.lambda_handler(json.loads(body), Context())
                log = REPORT + ("Init Duration: 301.25 ms\t" if cold else "")
                extra = {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}
                extra |= {"X-Amz-Function-Error": "Unhandled"} if self.server.function_error else {}
                self._send(200, json.dumps(response).encode(), extra)
            else:
                response = self.server.handler.lambda_handler(self._event(body), Context())
                self._send(response["statusCode"], response["body"].encode(), {})

    def _event(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        return {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {"http": {"method": "POST", "path": path}, "domainName": "x.lambda-url.eu-west-1.on.aws"},
            "body": body.decode(),
            "isBase64Encoded": False,
        }

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def served(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    with Lambda(handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for name, value in {**KEYS, "AWS_ENDPOINT_URL_LAMBDA": server.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.delenv(credentials.KEY_VARIABLE, raising=False)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def red(tmp_path: Path, red_png: bytes) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(red_png)
    return path


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of call.py without the metrics of the handler, which runs in the same process."""
    lines = capsys.readouterr().out.splitlines()
    return "\n".join(line for line in lines if not line.startswith('{"_aws"'))


def test_the_boxes_of_a_function_are_printed(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--function", "yolo:live"]) == 0
    lines = printed(capsys).splitlines()
    assert lines[1].split() == ["320", "x", "320", "1", "box"]
    assert lines[3].split()[2:] == [f"{edge:.2f}" for edge in RED_CELL]
    assert "cold start, init 301 ms" in lines[0]
    assert served.requests[0][0] == "/2015-03-31/functions/yolo%3Alive/invocations"


def test_a_url_and_a_function_name_return_the_same_boxes(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--json"]) == 0
    by_url = json.loads(printed(capsys))["answers"][0]["body"]["detections"]
    assert call.main([str(red), "--json"]) == 0
    assert by_url == json.loads(printed(capsys))["answers"][0]["body"]["detections"]


@pytest.mark.parametrize("by", ["function", "url"])
def test_the_options_reach_the_function(by: str, served: Lambda, red: Path) -> None:
    target = ["--url", served.url] if by == "url" else []
    options = ["--conf", "0.4", "--iou", "0.5", "--max-det", "7", "--classes", "0,red", "--option", "draw=1"]
    assert call.main([str(red), *target, *options]) == 0
    sent = json.loads(served.requests[0][2])
    assert sent.keys() == {"conf", "iou", "max_det", "classes", "draw", "image_data", "image_name"}
    assert {name: str(sent[name]) for name in ("conf", "iou", "max_det", "classes", "draw")} == {
        "conf": "0.4", "iou": "0.5", "max_det": "7", "classes": "0,red", "draw": "1",
    }  # fmt: skip
    assert sent["image_name"] == "red.png"


def test_quiet_prints_only_images_with_an_error(
    served: Lambda, red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--quiet", "--repeat", "2", "--save", str(tmp_path / "out")]) == 0
    assert printed(capsys) == ""
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert call.main([str(red), str(tmp_path / "broken.png"), "--quiet"]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("broken.png   415 UnsupportedImage: ")


def test_verbose_prints_the_url_and_the_log_to_stderr(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--verbose", "--json"]) == 0
    output = capsys.readouterr()
    first, log = output.err.splitlines()
    assert first == f"POST {served.url}/2015-03-31/functions/yolo%3Alive/invocations, signed for eu-west-1"
    assert log.startswith("red.png  | REPORT RequestId: 1 ") and "Init Duration: 301.25 ms" in log
    assert json.loads(output.out.splitlines()[-1])["answers"][0]["status"] == 200


def test_verbose_says_that_a_url_gets_no_log(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--verbose", "--url", served.url]) == 0
    first, log = capsys.readouterr().err.splitlines()
    assert first == f"POST {served.url}, not signed"
    assert log == "red.png  | no log: only a call with --function gets it"


def test_a_log_has_no_control_characters() -> None:
    assert report.format_log("a", Reply(200, {}, 1.0, None, "b\x1b[2J\r\nc\n")) == "a  | b\\x1b[2J\na  | c\n"


def test_a_function_without_an_alias_is_called_by_the_alias_live(served: Lambda, red: Path) -> None:
    assert call.main([str(red), "--function", "gauges"]) == 0
    assert served.requests[0][0] == "/2015-03-31/functions/gauges%3Alive/invocations"


def test_an_error_response_is_shown_and_exits_with_1(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--conf", "7"]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("red.png   422 InvalidOption: conf must be between 0 and 1, got '7'   ")


def test_an_unhandled_error_of_the_function_has_status_502(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.function_error = True
    assert call.main([str(red), "--json"]) == 1
    assert json.loads(printed(capsys))["answers"][0]["status"] == 502


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (415, {"error": "no image", "type": "UnsupportedImage", "request_id": "1"}, "415 UnsupportedImage: no image"),
        (502, {"errorMessage": "a\nb", "errorType": "ValueError", "stackTrace": ["x"]}, "502 ValueError: a b"),
        (403, {"Message": "Forbidden"}, "403 Forbidden"),
        (404, {"error": "unknown model 'x'"}, "404 unknown model 'x'"),
    ],
)
def test_an_error_is_one_line(status: int, body: dict[str, Any], line: str) -> None:
    assert report.format_reply("a.jpg", Reply(status, body, 12.3, None)) == f"a.jpg   {line}   12 ms\n"


@pytest.mark.parametrize("body", ["gateway timeout", ["error"], {"error": {"code": 1}}, None])
def test_a_response_that_is_no_error_of_the_function_is_shown_as_it_is(body: Any) -> None:
    first, second = report.format_reply("a.jpg", Reply(504, body, 12.3, None)).splitlines()
    assert first == "a.jpg   504   12 ms"
    assert second.strip() == (body if isinstance(body, str) else json.dumps(body))


def test_an_error_of_the_lambda_api_is_shown(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served.api_error = 404, b'{"Message": "Function not found"}'
    assert call.main([str(red)]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("red.png   404 Function not found   ")


def test_an_interruption_says_how_many_calls_are_finished(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Connection.call

    def interrupted_after_two(connection: Connection, event: dict[str, Any]) -> Any:
        if len(served.requests) == 2:
            raise KeyboardInterrupt
        return real(connection, event)

    monkeypatch.setattr(Connection, "call", interrupted_after_two)
    assert call.main([str(red), "--repeat", "5"]) == 130
    message = "call: interrupted; 2 of 5 calls have a response; no result is printed or saved\n"
    assert capsys.readouterr().err.endswith(message)


def test_a_refused_connection_is_shown(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", "http://127.0.0.1:9"]) == 1
    assert "no response" in capsys.readouterr().out


def test_images_are_saved_with_their_boxes_under_different_names(served: Lambda, red: Path, tmp_path: Path) -> None:
    assert call.main([str(red), str(red), "--save", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["red-2.jpg", "red.jpg"]
    with Image.open(tmp_path / "out" / "red.jpg") as annotated, Image.open(red) as plain:
        assert annotated.size == plain.size
        assert annotated.convert("RGB").tobytes() != plain.convert("RGB").tobytes()


def test_drawing_runs_under_the_build_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.call._can_draw", lambda: False)
    monkeypatch.setattr("scripts.call._run_under_build", lambda arguments: len(arguments))
    assert call.main(["a.jpg", "--save", "out"]) == 3


def test_a_load_test_reports_calls_percentiles_and_cold_starts(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--concurrency", "3", "--repeat", "7"]) == 0
    output = printed(capsys)
    assert len(served.requests) == 7
    assert "calls        7, concurrency 3" in output
    assert "responses    7 x 200" in output
    assert "cold starts  1, init 301 to 301 ms" in output
    assert [name for name in ("p50", "p90", "p99", "max") if name not in output] == []


def test_cold_starts_are_not_visible_by_url(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", served.url, "--repeat", "2"]) == 0
    assert "cold starts  not visible by URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 5.0), (90, 9.0), (99, 10.0), (100, 10.0)]
)  # fmt: skip
def test_percentiles_use_the_nearest_rank(percent: int, value: float) -> None:
    assert report.percentile([float(value) for value in range(1, 11)], percent) == value


def test_a_load_test_without_responses_has_no_times() -> None:
    statistics = report.summary([Reply(0, "closed", 5.0, None)], 1.0)
    assert (statistics["ms"], statistics["statuses"]) == ({}, {"0": 1})


def test_a_plain_url_is_not_signed_and_a_function_name_is(served: Lambda, red: Path) -> None:
    call.main([str(red), "--url", served.url])
    call.main([str(red), "--url", served.url, "--sign"])
    call.main([str(red)])
    assert ["Authorization" in headers for _, headers, _ in served.requests] == [False, True, True]
    assert "/eu-west-1/lambda/aws4_request" in served.requests[1][1]["Authorization"]


@pytest.mark.parametrize(("options", "is_signed"), [([], True), (["--no-sign"], False), (["--sign"], True)])
def test_a_function_url_is_signed_for_its_own_region(
    options: list[str], is_signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    endpoint = call._endpoint(call.parse(["a.jpg", "--url", "https://abc.lambda-url.us-west-2.on.aws/", *options]))
    assert (endpoint.credentials is not None, endpoint.region) == (is_signed, "us-west-2" if is_signed else "")


def test_a_function_url_without_credentials_is_not_signed(no_account: None) -> None:
    endpoint = call._endpoint(call.parse(["a.jpg", "--url", "https://abc.lambda-url.us-west-2.on.aws/"]))
    assert endpoint.credentials is None


def test_a_host_that_contains_a_function_url_is_not_one() -> None:
    assert region_of("https://abc.lambda-url.us-west-2.on.aws.evil.example/") is None
    assert region_of("https://abc.lambda-url.us-west-2.on.aws/analyze") == "us-west-2"


@pytest.mark.parametrize("options", [[], ["--url", "https://a.example/", "--sign", "--region", "us-east-1"]])
def test_missing_credentials_are_one_line(
    options: list[str], no_account: None, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), *(options or ["--region", "us-east-1"])]) == 2
    assert capsys.readouterr().err == f"call: {credentials.NO_CREDENTIALS}\n"


def test_a_missing_region_is_one_line(no_account: None, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red)]) == 2
    assert capsys.readouterr().err == f"call: {credentials.NO_REGION}\n"


def test_credentials_come_from_the_aws_command(
    no_account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id=A\naws_secret_access_key=B\naws_session_token=C\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert credentials.credentials({}) == Credentials("A", "B", "C")


def test_an_image_above_the_event_limit_is_not_sent(
    served: Lambda, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(4_800_000))
    assert call.main([str(tmp_path / "large.jpg")]) == 2
    assert "must be at most 6,291,456 bytes" in capsys.readouterr().err
    assert served.requests == []


def test_a_missing_image_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main(["nothing.jpg", "--region", "us-east-1"]) == 2
    assert capsys.readouterr().err == "call: IMAGE must be a file, got nothing.jpg, which does not exist\n"


def test_an_invalid_url_is_one_line(red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", "yolo:live"]) == 2
    assert "--url must be an https:// URL, got 'yolo:live'" in capsys.readouterr().err


KEY = "correct horse"


@pytest.fixture
def key_needed(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(api_key_sha256=(digest,)))


@pytest.mark.parametrize(("options", "variable"), [(["--key", KEY], ""), ([], KEY), (["--key", KEY], "another")])
def test_the_api_key_of_the_option_or_of_the_variable_is_sent(
    options: list[str], variable: str, served: Lambda, key_needed: None, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(credentials.KEY_VARIABLE, variable)
    assert call.main([str(red), "--url", served.url, *options]) == 0
    assert served.requests[0][1]["x-api-key"] == KEY


@pytest.mark.parametrize("options", [[], ["--key", "another"]])
def test_a_401_says_how_to_give_a_key(
    options: list[str], served: Lambda, key_needed: None, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, *options]) == 1
    output = capsys.readouterr()
    assert "red.png   401 Unauthorized: " in output.out
    assert output.err.splitlines()[-1] == f"call: {credentials.NO_KEY}"
    assert all(name in credentials.NO_KEY for name in ("YOLO_LAMBDA_KEY", "--key"))


def test_the_api_key_is_not_printed(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", served.url, "--key", KEY, "--verbose"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith(f"POST {served.url}, not signed, with an API key\n")
    assert KEY not in output.out + output.err


def test_a_call_by_name_sends_no_key(served: Lambda, red: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.KEY_VARIABLE, KEY)
    assert call.main([str(red)]) == 0
    assert "x-api-key" not in served.requests[0][1]


def test_a_key_without_a_url_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        call.parse(["a.jpg", "--key", KEY])
    assert stopped.value.code == 2
    assert "--key must be used with --url" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["a\nx-other: 1", "schlüssel"])
def test_a_key_that_no_header_can_have_is_one_line(
    key: str, served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--key", key]) == 2
    assert capsys.readouterr().err == "call: --key must be printable ASCII characters, got others\n"
    assert served.requests == []


def test_a_signed_request_has_the_key_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    arguments = ["a.jpg", "--url", "https://abc.lambda-url.us-west-2.on.aws/", "--key", KEY]
    headers = Connection(call._endpoint(call.parse(arguments)))._headers(b"{}")
    assert headers["x-api-key"] == KEY
    assert "x-api-key" in headers["Authorization"]


def test_a_closed_connection_is_opened_again(served: Lambda) -> None:
    connection = Connection(Endpoint(served.url, False, None, ""))
    served.api_error = 200, b"{}"
    assert connection.call({}).status == 200
    assert connection._connection is not None
    connection._connection.sock.close()
    connection._connection.sock = None
    assert connection.call({}).status == 200
    connection.close()


SIGNED_URLS = [
    "https://abc.lambda-url.eu-west-1.on.aws/",
    "https://abc.lambda-url.eu-west-1.on.aws",
    "https://abc.lambda-url.eu-west-1.on.aws/analyze?iou=0.5&conf=0.4&classes=a%20b%2Cc&empty=",
    by_name("yolo:live", "eu-west-1", Credentials("k", "s", None), None).url,
    by_name("arn:aws:lambda:eu-west-1:1:function:yolo:live", "eu-west-1", Credentials("k", "s", None), None).url,
    "http://127.0.0.1:5000/2015-03-31/functions/yolo/invocations",
]


@pytest.mark.parametrize("token", [None, "session/token=="])
@pytest.mark.parametrize("url", SIGNED_URLS)
def test_the_signature_equals_that_of_botocore(url: str, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.credentials
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    now = datetime(2026, 11, 21, 15, 40, 1, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: now.replace(tzinfo=None))
    body, headers = '{"image_name": "ä"}'.encode(), {"Content-Type": "application/json", "X-Amz-Log-Type": "Tail"}
    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    SigV4Auth(botocore.credentials.Credentials("AKID", "secret", token), "lambda", "eu-west-1").add_auth(request)
    ours = sigv4.sign_headers(url, headers, body, Credentials("AKID", "secret", token), "eu-west-1", now)
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert ours["Authorization"] == request.headers["Authorization"]


def test_missing_credentials_raise_not_callable(no_account: None) -> None:
    with pytest.raises(NotCallable):
        credentials.credentials({})
