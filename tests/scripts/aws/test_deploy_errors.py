"""What deploy.sh and undeploy.sh stop at: one line, exit code 2, and nothing was changed."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws import cli, deploy, lambda_function, layer, undeploy, upload
from scripts.aws.cli import Aws, DeployError, Refused
from scripts.aws.commands import HANDLER, Upload
from tests.support import built_zips

ROLE = "arn:aws:iam::123456789012:role/other"
CONFIGURATION = {
    "Handler": HANDLER,
    "Runtime": "python3.13",
    "Role": ROLE,
    "MemorySize": 1769,
    "Timeout": 30,
    "CodeSha256": "another",
    "Architectures": ["arm64"],
}


class FakeAws:
    """An `aws` command that answers from a table; an exception's text is its error output."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"sts get-caller-identity": {"Account": "123456789012"}}
        self.commands: list[list[str]] = []

    def run(self, words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(words[1:])
        missing = "An error occurred (ResourceNotFoundException) when calling the X operation: none"
        answer = self.answers.get(" ".join(words[1:3]), RuntimeError(missing))
        if isinstance(answer, Exception):
            return subprocess.CompletedProcess(words, 254, "", f"\n{answer}\n")
        return subprocess.CompletedProcess(words, 0, json.dumps(answer), "")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    fake = FakeAws()
    monkeypatch.setattr("scripts.aws.cli.subprocess.run", fake.run)
    monkeypatch.setattr("scripts.aws.cli.shutil.which", lambda _: "/bin/aws")
    monkeypatch.setattr("scripts.aws.lambda_function.ROLE_WAIT", 0)
    yield fake


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return built_zips.write(tmp_path / "dist")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert deploy.main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("deploy: ") and error.count("\n") == 1
    return error


def test_no_aws_command(dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("scripts.aws.cli.shutil.which", lambda _: None)
    assert "the aws command is not on the PATH" in refused(capsys, "--dist", str(dist))


@pytest.mark.parametrize(
    "said",
    [
        "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
        "aws: [ERROR]: An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: it has expired",
        "The config profile (x) could not be found",
        "You must specify a region. You can also configure your region by running \"aws configure\".",
    ],
)  # fmt: skip
def test_no_credentials(said: str, aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers["sts get-caller-identity"] = RuntimeError(said)
    assert "aws is not set up for this: " in refused(capsys, "--dist", str(dist))


def test_a_new_function_without_a_role(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a role: --role NAME, or --create-role makes one" in refused(capsys, "--dist", str(dist))


def test_a_role_that_does_not_exist(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers["iam get-role"] = RuntimeError("An error occurred (NoSuchEntity) when calling the GetRole operation: x")
    assert "there is no role nobody; " in refused(capsys, "--dist", str(dist), "--role", "nobody")


def test_a_role_to_be_made_that_is_another_s(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers["iam get-role"] = {"Role": {"Arn": ROLE, "Tags": []}}
    assert "role other exists and was not made" in refused(
        capsys, "--dist", str(dist), "--role", "other", "--create-role"
    )


def test_no_zips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no build.json in " in refused(capsys, "--dist", str(tmp_path))


def test_one_zip_is_missing(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "layer.zip").unlink()
    assert "no layer.zip in " in refused(capsys, "--dist", str(dist))


def test_a_zip_of_another_build(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "function.zip").write_bytes(b"another")
    assert "is not the one that build.json describes" in refused(capsys, "--dist", str(dist))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"arch": "arm64"}'])
def test_a_build_json_that_is_none(text: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "build.json").write_text(text)
    assert "is not what build_zip.sh writes" in refused(capsys, "--dist", str(dist))


def test_another_architecture_than_built(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "was built for arm64" in refused(capsys, "--dist", str(dist), "--architecture", "x86_64")


def test_more_than_lambda_unzips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dist = built_zips.write(tmp_path / "dist", total_unzipped_bytes=262_144_001)
    assert "262,144,001 bytes unzipped; Lambda takes 262,144,000" in refused(capsys, "--dist", str(dist))


def test_a_zip_above_the_direct_limit_without_a_bucket(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 100)
    assert "name a bucket of the same region with --bucket" in refused(capsys, "--dist", str(dist))


def test_a_function_of_that_name_that_is_another(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers["lambda get-function"] = {"Configuration": {**CONFIGURATION, "Handler": "index.handler"}}
    assert "function yolo is another one (index.handler, " in refused(capsys, "--dist", str(dist))


def test_an_environment_that_cannot_be_read_is_not_replaced(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = {**CONFIGURATION, "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}}
    aws.answers |= {"lambda get-function": {"Configuration": hidden}, "lambda publish-layer-version": {}}
    aws.answers["lambda publish-layer-version"] = {"LayerVersionArn": "arn:layer:1"}
    aws.answers |= {"lambda update-function-code": {}, "lambda wait": {}}
    assert "cannot be read, so it could not be kept: kms" in refused(capsys, "--dist", str(dist))


def test_too_many_variables() -> None:
    with pytest.raises(DeployError, match="4,097 bytes; Lambda takes 4,096"):
        lambda_function.merged({}, {"NOTE": "x" * (4097 - 4 - len("ORT_DISABLE_TELEMETRY1"))})


@pytest.mark.parametrize(
    "words",
    [["--memory", "127"], ["--timeout", "901"], ["--env", "no"], ["--env", "1A=b"], ["--function", "yolo:live"],
     ["--alias", "12"], ["--architecture", "mips"], ["--role", ROLE, "--create-role"]],
)  # fmt: skip
def test_a_command_line_without_sense(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.parse(words)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "is version 1, and there is none before it"),
        (["7"], "has no version 7; it has 1, 3"),
    ],
)
def test_a_rollback_to_nothing(words: list[str], line: str, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    versions = [{"Version": name} for name in ("$LATEST", "1", "3")]
    aws.answers |= {
        "lambda get-alias": {"FunctionVersion": "1"},
        "lambda list-versions-by-function": {"Versions": versions},
    }
    assert line in refused(capsys, "--rollback", *words)


def test_a_rollback_without_an_alias(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no yolo:live that could be rolled back" in refused(capsys, "--rollback")


def test_a_rollback_takes_the_weights_off_the_alias(aws: FakeAws) -> None:
    alias = {"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}
    aws.answers |= {"lambda get-alias": alias, "lambda update-alias": {}}
    aws.answers["lambda list-versions-by-function"] = {"Versions": [{"Version": "1"}, {"Version": "3"}]}
    assert deploy.main(["--rollback"]) == 0
    assert aws.commands[-1][-4:-2] == ["--routing-config", '{"AdditionalVersionWeights":{}}']


def test_a_new_role_is_waited_for(aws: FakeAws, dist: Path) -> None:
    refusal = "An error occurred (InvalidParameterValueException) when calling the CreateFunction operation: The role "
    aws.answers["lambda create-function"] = RuntimeError(refusal + "defined cannot be assumed by Lambda.")
    with pytest.raises(Refused):
        lambda_function._retry_until_role_exists(Aws(None, False, print), ["lambda", "create-function"])
    assert len(aws.commands) == lambda_function.ROLE_TRIES


def test_another_refusal_is_one_line_and_exit_code_1(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answers["lambda get-function"] = RuntimeError(
        "An error occurred (AccessDeniedException) when calling the GetFunction operation: not\nyours"
    )
    assert deploy.main(["--dist", str(dist)]) == 1
    assert capsys.readouterr().err == "deploy: aws lambda get-function: AccessDeniedException: not yours\n"


def test_undeploy_leaves_a_function_that_deploy_did_not_make(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.answers["lambda get-function"] = {"Configuration": CONFIGURATION, "Tags": {"a": "b"}}
    assert undeploy.main(["--yes"]) == 2
    assert "function yolo was not made by deploy.sh" in capsys.readouterr().err
    assert [command[1] for command in aws.commands] == ["get-function"]


def test_secrets_of_the_function_are_not_printed_in_a_dry_run(aws: FakeAws, capsys: pytest.CaptureFixture[str],
                                                              dist: Path) -> None:  # fmt: skip
    before = {**CONFIGURATION, "Environment": {"Variables": {"TOKEN": "hush"}}}
    aws.answers["lambda get-function"] = {"Configuration": before}
    assert deploy.main(["--dist", str(dist), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "hush" not in shown
    assert '"TOKEN": "(kept)"' in shown


def test_a_function_keeps_the_layers_of_others() -> None:
    mine, other = "arn:aws:lambda:us-east-1:1:layer:yolo-packages:", "arn:aws:lambda:us-east-1:2:layer:tracing:4"
    assert layer.attached([], "yolo", f"{mine}2") == [f"{mine}2"]
    assert layer.attached([f"{mine}1", other], "yolo", f"{mine}2") == [f"{mine}2", other]


def test_an_upload_that_cannot_be_taken_away_is_said_and_no_failure(
    aws: FakeAws, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 1)
    aws.answers["s3 cp"] = {}
    said: list[str] = []
    zipped = Upload(dist / "layer.zip", 2, "0" * 64)
    with upload.sent(Aws(None, False, said.append), zipped, "uploads", upload.LAYER) as words:
        assert words == ["--content", f"S3Bucket=uploads,S3Key=yolo-lambda/{'0' * 16}/layer.zip"]
    assert said[0].startswith(f"s3://uploads/yolo-lambda/{'0' * 16}/layer.zip stays")


def test_a_field_of_an_answer_is_a_shell_variable_in_a_dry_run() -> None:
    assert cli.variable_of("LayerVersionArn") == "$LAYER_VERSION_ARN"
