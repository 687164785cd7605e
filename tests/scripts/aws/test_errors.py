"""Errors of credentials, configuration, permissions and throttling: one line each, which says what to do."""

import datetime
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.aws import deploy, undeploy
from scripts.aws.session import Aws
from tests.scripts.aws.conftest import ENVIRON, Error, FakeAws
from tests.scripts.aws.function import Function
from tests.scripts.aws.test_deploy_errors import error_line

SESSION = "arn:aws:iam::123456789012:user/ann"
START_URL = "https://corp.awsapps.com/start"
CONFIG = f"""\
[default]
region = eu-west-1
[profile sso]
region = eu-west-1
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Dev
[sso-session corp]
sso_start_url = {START_URL}
sso_region = eu-west-1
[profile legacy-sso]
region = eu-west-1
sso_start_url = {START_URL}
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Dev
[profile login]
region = eu-west-1
login_session = {SESSION}
[profile process]
region = eu-west-1
credential_process = false
[profile source]
region = eu-west-1
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nothing
[profile partial]
region = eu-west-1
aws_access_key_id = a
[profile no-region]
aws_access_key_id = a
aws_secret_access_key = b
[profile bad-region]
region = eu west
aws_access_key_id = a
aws_secret_access_key = b
[profile nowhere]
region = eu-west-1
aws_access_key_id = a
aws_secret_access_key = b
endpoint_url = http://127.0.0.1:9
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with profiles and without credentials."""
    for name in [*ENVIRON, *(name for name in os.environ if name.startswith("AWS_"))]:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(CONFIG)
    variables = {
        "HOME": tmp_path,
        "AWS_CONFIG_FILE": tmp_path / "config",
        "AWS_SHARED_CREDENTIALS_FILE": tmp_path / "credentials",
        "AWS_LOGIN_CACHE_DIRECTORY": tmp_path / "login",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("scripts.aws.session.RETRIES", 1)
    return tmp_path


SIGN_ON = "the session of single sign-on is missing or expired ("
SIGN_ON_AGAIN = "run `aws sso login`, with --profile for a named profile"
LOGIN = "the session of `aws login` is missing or expired ("
LOGIN_AGAIN = "run `aws login`, with --profile for a named profile"
NO_PROFILE = "; `aws configure list-profiles` lists those that exist"
SET = "`aws configure`, `aws login` and `aws sso login` set them; --profile or AWS_PROFILE names a profile"


@pytest.mark.parametrize(
    ("profile", "code", "start", "end"),
    [
        ("default", 2, "no credentials of AWS (Unable to locate credentials)", SET),
        ("partial", 2, "no credentials of AWS (Partial credentials found", SET),
        ("process", 2, "credentials cannot be read: ", SET),
        ("no-region", 2, "no region; set --region, AWS_REGION or ", "`aws configure set region REGION`"),
        ("bad-region", 2, "Provided region_name 'eu west'", "`aws configure set region REGION`"),
        ("nobody", 2, "The config profile (nobody) could not be found", NO_PROFILE),
        ("source", 2, 'The source_profile "nothing" referenced', "(~/.aws/config, or the file of AWS_CONFIG_FILE)"),
        ("sso", 2, SIGN_ON, SIGN_ON_AGAIN),
        ("legacy-sso", 2, SIGN_ON, SIGN_ON_AGAIN),
        ("login", 2, LOGIN, LOGIN_AGAIN),
        ("nowhere", 1, "AWS cannot be reached: ", "; check the network, the proxy and the region"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["deploy", "undeploy"])
def test_profile_that_does_not_work(
    command: str, profile: str, code: int, start: str, end: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = {"deploy": deploy.main, "undeploy": undeploy.main}[command]
    arguments = {"deploy": ["--rollback"], "undeploy": ["--yes"]}[command]
    assert main([*arguments, "--profile", profile]) == code
    output, errors = capsys.readouterr()
    (line,) = errors.splitlines()
    assert line.startswith(f"{command}: {start}") and line.endswith(end), line
    assert output == ""


@pytest.mark.parametrize(("profile", "key"), [("sso", "corp"), ("legacy-sso", START_URL)])
def test_expired_single_sign_on(profile: str, key: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z", "startUrl": START_URL, "region": "eu-west-1"}
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
    (cache / f"{digest}.json").write_text(json.dumps(token))
    line = error_line(capsys, "--rollback", "--profile", profile)
    assert "expired" in line and line.endswith(f"{SIGN_ON_AGAIN}\n")


class SignIn(BaseHTTPRequestHandler):
    """The service that renews the sessions of `aws login`; every session has expired."""

    def do_POST(self) -> None:
        body = json.dumps({"error": "TOKEN_EXPIRED", "message": "expired"}).encode()
        self.send_response(403)
        self.send_header("x-amzn-errortype", "AccessDeniedException")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def sign_in() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), SignIn) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_expired_session_of_aws_login(
    home: Path, sign_in: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    access = {
        "accessKeyId": "a",
        "secretAccessKey": "b",
        "sessionToken": "c",
        "accountId": "123456789012",
        "expiresAt": (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    token = {"accessToken": access, "refreshToken": "r", "clientId": "i", "dpopKey": key.decode()}
    (home / "login").mkdir()
    (home / "login" / f"{hashlib.sha256(SESSION.encode()).hexdigest()}.json").write_text(json.dumps(token))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNIN", sign_in)
    line = error_line(capsys, "--rollback", "--profile", "login")
    assert line == (
        f"deploy: {LOGIN}Your session has expired or credentials have changed. "
        f"Please reauthenticate using 'aws login'.); {LOGIN_AGAIN}\n"
    )


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_temporary_credentials(code: str, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.responses["GetCallerIdentity"] = Error(code, "The security token included in the request is expired", 403)
    line = error_line(capsys, "--rollback")
    assert line.startswith("deploy: the credentials have expired: ") and "run `aws sso login` or `aws login`" in line


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"])
def test_credentials_of_another_partition(code: str, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.responses["GetCallerIdentity"] = Error(code, "The security token included in the request is invalid.", 403)
    line = error_line(capsys, "--rollback", "--region", "cn-north-1")
    assert line.startswith(f"deploy: AWS does not accept the credentials: {code}: ")
    assert line.endswith("; those of a partition (aws, aws-cn, aws-us-gov) are valid only in its regions\n")


@pytest.mark.parametrize(
    ("operation", "error", "action"),
    [
        (
            "GetFunction",
            Error(
                "AccessDeniedException",
                f"User: {SESSION} is not authorized to perform: lambda:GetFunction on resource: "
                "arn:aws:lambda:eu-west-1:123456789012:function:yolo because no identity-based policy allows the "
                "lambda:GetFunction action",
                403,
            ),
            "lambda:GetFunction",
        ),
        ("PublishVersion", Error("AccessDeniedException", "no message", 403), "lambda:PublishVersion"),
        (
            "CreateRole",
            Error("AccessDenied", f"User: {SESSION} is not authorized to perform: iam:CreateRole on resource: x", 403),
            "iam:CreateRole",
        ),
        (
            "UpdateFunctionConfiguration",
            Error("AccessDeniedException", f"User: {SESSION} is not authorized to perform: iam:PassRole on x", 403),
            "iam:PassRole",
        ),
        ("ListLayerVersions", Error("AccessDeniedException", "no message", 403), "lambda:ListLayerVersions"),
        ("PutObject", Error("AccessDenied", "Access Denied", 403), "s3:PutObject"),
    ],
)
def test_missing_permission_is_named(
    operation: str, error: Error, action: str, function: Function, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 1)
    function.aws.responses |= {"GetRole": Error("NoSuchEntity"), "PutObject": {}, "DeleteObject": {}, operation: error}
    flags = ["--create-role"] if operation == "CreateRole" else []
    line = error_line(capsys, "--dist", str(function.dist), "--bucket", "uploads", *flags, code=1)
    assert line.startswith(
        f"deploy: {operation}: {error.code}: {error.message}; the caller needs {action}: docs/deploy.md, "
    )


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException", "Throttling"])
def test_throttled_call(code: str, function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.aws.responses["PublishVersion"] = Error(code, "Rate exceeded", 429)
    line = error_line(capsys, "--dist", str(function.dist), code=1)
    remedy = "AWS limits the rate of calls: run the command again in a minute"
    assert line == f"deploy: PublishVersion: {code}: Rate exceeded; {remedy}\n"


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("eu-west-1", "aws", "amazonaws.com"),
    ],
)
def test_every_partition_has_its_own_names(
    region: str, partition: str, suffix: str, function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GetFunction", "GetAlias"):
        del function.aws.responses[name]
    role = f"arn:{partition}:iam::123456789012:role/yolo-lambda"
    function.aws.responses |= {
        "CreateRole": {"Role": {"Arn": role}},
        "AttachRolePolicy": {},
        "GetRole": Error("NoSuchEntity"),
    }
    dry = function.run("--create-role", "--region", region, "--dry-run")
    assert any(f"aws lambda create-function --function-name yolo --role {role} " in line for line in dry)
    found = {"Configuration": {"State": "Active"}}
    function.aws.responses |= {"GetFunction": [Error("ResourceNotFoundException"), found], "CreateFunction": {}}
    function.run("--create-role", "--region", region)
    attached = {
        "RoleName": "yolo-lambda",
        "PolicyArn": f"arn:{partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    }
    assert ("AttachRolePolicy", attached) in function.aws.calls
    assert Aws(region).client("sts").meta.endpoint_url == f"https://sts.{region}.{suffix}"


def test_no_module_names_a_partition() -> None:
    folder = Path(deploy.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "arn:aws:" in path.read_text("utf-8")] == []
