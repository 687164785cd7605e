"""Errors of deploy.sh and undeploy.sh: one line, exit code 2, and nothing is changed."""

from pathlib import Path

import pytest

from scripts.aws import deploy, lambda_function, layer, options, session, undeploy, upload
from scripts.aws.commands import HANDLER, Upload
from scripts.aws.errors import DeployError, Refused
from scripts.aws.session import Aws
from tests.scripts.aws.conftest import Error, FakeAws
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
    "State": "Active",
    "LastUpdateStatus": "Successful",
}


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """Return the only line of stderr of a deployment that ends with this exit code."""
    assert deploy.main(list(arguments)) == code
    error = capsys.readouterr().err
    assert error.startswith("deploy: ") and error.count("\n") == 1
    return error


def test_a_new_function_without_a_role(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a role: --role names one, --create-role creates one" in error_line(capsys, "--dist", str(dist))


def test_a_role_that_does_not_exist(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.responses["GetRole"] = Error("NoSuchEntity")
    assert "role nobody does not exist; " in error_line(capsys, "--dist", str(dist), "--role", "nobody")


def test_create_role_rejects_an_existing_role(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.responses["GetRole"] = {"Role": {"Arn": ROLE, "Tags": []}}
    assert "role other exists and was not created by deploy.sh" in error_line(
        capsys, "--dist", str(dist), "--role", "other", "--create-role"
    )


def test_a_missing_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "build.json is missing" in error_line(capsys, "--dist", str(tmp_path))


def test_a_missing_zip(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "layer.zip").unlink()
    assert "layer.zip is missing" in error_line(capsys, "--dist", str(dist))


def test_a_zip_of_another_build(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "function.zip").write_bytes(b"another")
    assert "is not the file that build.json describes" in error_line(capsys, "--dist", str(dist))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"arch": "arm64"}'])
def test_an_invalid_manifest(text: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / "build.json").write_text(text)
    assert error_line(capsys, "--dist", str(dist)).startswith(f"deploy: {dist / 'build.json'} ")
    assert "scripts/build_zip.sh writes it" in error_line(capsys, "--dist", str(dist))


@pytest.mark.parametrize("option", ["--arch", "--architecture"])
def test_another_architecture_than_built(option: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--arch must be arm64, " in error_line(capsys, "--dist", str(dist), option, "x86_64")


def test_an_unzipped_size_above_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dist = built_zips.write(tmp_path / "dist", total_unzipped_bytes=262_144_001)
    assert "unzipped size must be at most 262,144,000 bytes, got 262,144,001" in error_line(capsys, "--dist", str(dist))


def test_a_zip_above_the_direct_limit_without_a_bucket(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 100)
    assert "--bucket names a bucket in the region of the function" in error_line(capsys, "--dist", str(dist))


def test_a_function_with_another_handler(aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aws.responses["GetFunction"] = {"Configuration": {**CONFIGURATION, "Handler": "index.handler"}}
    assert f"handler of function yolo must be {HANDLER}, got index.handler; " in error_line(capsys, "--dist", str(dist))


def test_an_environment_that_cannot_be_read_is_not_replaced(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unreadable = {**CONFIGURATION, "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}}
    aws.responses |= {
        "GetFunction": {"Configuration": unreadable},
        "PublishLayerVersion": {"LayerVersionArn": "arn:layer:1"},
        "UpdateFunctionCode": {},
    }
    assert "cannot be read, so they cannot be kept: kms" in error_line(capsys, "--dist", str(dist))


WITH_SCALE = {**CONFIGURATION, "Environment": {"Variables": {"READ_SCALE": "0:10 bar", "READ_CLASSES": "gauge"}}}


@pytest.mark.parametrize("flags", [[], ["--dry-run"], ["--env", "READ_SCALE="]])
def test_zips_without_the_model_that_variables_of_the_function_need(
    flags: list[str], aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.responses["GetFunction"] = {"Configuration": WITH_SCALE}
    line = error_line(capsys, "--dist", str(dist), *flags)
    names = ["READ_CLASSES"] if "READ_SCALE=" in flags else ["READ_CLASSES", "READ_SCALE"]
    assert f"deploy: {' and '.join(names)} of function yolo must be used with a model that reads, " in line
    assert line.rstrip().endswith(": " + " ".join(f"--env {name}=" for name in names))
    assert all(operation.startswith("Get") for operation in aws.operations)


def test_new_function_without_the_model_that_its_variables_need(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--role", ROLE, "--env", "READ_SCALE=0:10 bar"]
    assert "READ_SCALE of function yolo must be used with a model that reads" in error_line(
        capsys, "--dist", str(dist), *flags
    )
    assert all(operation.startswith("Get") for operation in aws.operations)


def test_variables_above_the_limit() -> None:
    with pytest.raises(DeployError, match="must be at most 4,096 bytes, got 4,097"):
        lambda_function.merged({}, {"NOTE": "x" * (4097 - 4 - len("ORT_DISABLE_TELEMETRY1"))})


@pytest.mark.parametrize(
    "arguments",
    [["--memory", "127"], ["--timeout", "901"], ["--env", "no"], ["--env", "1A=b"], ["--func", "yolo"],
     ["--function", "yolo:live", "--alias", "prod"], ["--function", "yolo:12"], ["--function", "a b"],
     ["--alias", "12"], ["--arch", "mips"], ["--architecture", "mips"], ["--role", ROLE, "--create-role"]],
)  # fmt: skip
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        options.parse(arguments)
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ([], "is version 1, and there is no version before it"),
        (["7"], "unknown version '7' of yolo; available: 1, 3"),
    ],
)
def test_a_rollback_to_a_missing_version(
    version: list[str], message: str, aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = [{"Version": name} for name in ("$LATEST", "1", "3")]
    aws.responses |= {
        "GetAlias": {"FunctionVersion": "1"},
        "ListVersionsByFunction": {"Versions": versions},
    }
    assert message in error_line(capsys, "--rollback", *version)


def test_a_rollback_of_a_missing_alias(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert "alias yolo:live does not exist, so it cannot be promoted or rolled back" in error_line(capsys, "--rollback")


def test_a_rollback_removes_the_weights_of_the_alias(aws: FakeAws) -> None:
    alias = {"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}
    aws.responses |= {"GetAlias": alias, "UpdateAlias": {}}
    aws.responses["ListVersionsByFunction"] = {"Versions": [{"Version": "1"}, {"Version": "3"}]}
    assert deploy.main(["--rollback"]) == 0
    assert aws.calls[-1][1]["RoutingConfig"] == {"AdditionalVersionWeights": {}}


def test_creation_is_retried_until_the_role_exists(aws: FakeAws, dist: Path) -> None:
    message = "The role defined for the function cannot be assumed by Lambda."
    aws.responses["CreateFunction"] = Error("InvalidParameterValueException", message)
    with pytest.raises(Refused):
        lambda_function._retry_until_role_exists(Aws(), {"FunctionName": "yolo", "Role": ROLE, "Code": {}}, {})
    assert aws.operations == ["CreateFunction"] * lambda_function.ROLE_TRIES


def test_another_error_of_aws_is_one_line_and_exit_code_1(
    aws: FakeAws, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.responses["GetFunction"] = Error("ServiceException", "not\nnow", 500)
    assert deploy.main(["--dist", str(dist)]) == 1
    assert capsys.readouterr().err == "deploy: GetFunction: ServiceException: not now\n"


def test_undeploy_rejects_a_function_that_deploy_did_not_create(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile work]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    aws.responses["GetFunction"] = {"Configuration": CONFIGURATION, "Tags": {"a": "b"}}
    assert undeploy.main(["--yes", "--profile", "work"]) == 2
    message = capsys.readouterr().err
    assert "function yolo was not created by deploy.sh" in message
    assert "delete-function --function-name yolo --region eu-west-1 --profile work` removes it" in message
    assert aws.operations == ["GetCallerIdentity", "GetFunction"]


def test_secrets_of_the_function_are_not_printed_in_a_dry_run(aws: FakeAws, capsys: pytest.CaptureFixture[str],
                                                              dist: Path) -> None:  # fmt: skip
    before = {**CONFIGURATION, "Environment": {"Variables": {"TOKEN": "hush"}}}
    aws.responses["GetFunction"] = {"Configuration": before}
    assert deploy.main(["--dist", str(dist), "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert "hush" not in output
    assert '"TOKEN": "(kept)"' in output


def test_other_layers_of_the_function_are_kept() -> None:
    own, other = "arn:aws:lambda:us-east-1:1:layer:yolo-packages:", "arn:aws:lambda:us-east-1:2:layer:tracing:4"
    assert layer.with_layer([], "yolo", f"{own}2") == [f"{own}2"]
    assert layer.with_layer([f"{own}1", other], "yolo", f"{own}2") == [f"{own}2", other]


def test_an_upload_that_cannot_be_deleted_is_reported_and_is_no_failure(
    aws: FakeAws, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.aws.limits.DIRECT_LIMIT", 1)
    aws.responses["PutObject"] = {}
    reported: list[str] = []
    zipped = Upload(dist / "layer.zip", 2, "0" * 64)
    with upload.content(Aws(report=reported.append), zipped, "uploads", upload.LAYER) as content:
        place = {"S3Bucket": "uploads", "S3Key": f"yolo-lambda/{'0' * 16}/layer.zip"}
        assert content == ({"Content": place}, {})
    assert reported[0].startswith(f"s3://uploads/yolo-lambda/{'0' * 16}/layer.zip could not be deleted")


def test_a_field_of_a_response_is_a_shell_variable_in_a_dry_run() -> None:
    assert session.variable_name("LayerVersionArn") == "$LAYER_VERSION_ARN"


def test_a_name_that_lambda_does_not_take_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(["--env", "A=1"])
    assert "must be NAME=VALUE, got 'A=1'; a name is a letter and then letters" in capsys.readouterr().err
