"""Settings of an existing function, ownership of a role and of a layer version, and the limit of a direct upload."""

from pathlib import Path
from typing import Any

import pytest

from function import settings
from layer.targets import Target
from scripts.aws import artifacts, lambda_function, layer, role
from scripts.aws.artifacts import Artifacts
from scripts.aws.commands import Upload
from scripts.aws.errors import DeployError
from scripts.aws.lambda_function import FunctionSpec
from scripts.aws.session import Aws
from tests.scripts.aws.conftest import FakeAws
from tests.support import built_zips

DIRECT_LIMIT = 50 * 1024 * 1024  # bytes; AWS Lambda developer guide, "Lambda quotas"
WITH_SCALE = {"Environment": {"Variables": {"READ_SCALE": "0:10 bar", "READ_CLASSES": "gauge"}}}
CURRENT = {"Runtime": "python3.13", "Role": "arn:role", "MemorySize": 1769, "Timeout": 30}


def zipped(size: int = 1, path: Path = Path("layer.zip")) -> Upload:
    return Upload(path, size, "0" * 64)


def environment_after(before: dict[str, str], requested: dict[str, str]) -> Any:
    spec = FunctionSpec(
        "yolo", Artifacts(Target("arm64", "3.13"), zipped(), zipped()), None, None, None, None, requested
    )
    parameters, _ = lambda_function.changes(spec, "arn:layer:1", CURRENT | {"Environment": {"Variables": before}})
    return parameters["Environment"]["Variables"]


def test_variable_of_the_command_line_replaces_that_of_the_function() -> None:
    after = environment_after({"CONF_THRESHOLD": "0.4", "NOTE": "kept"}, {"CONF_THRESHOLD": "0.6"})
    assert after == {"CONF_THRESHOLD": "0.6", "NOTE": "kept", "ORT_DISABLE_TELEMETRY": "1"}


def test_variable_of_the_function_replaces_the_default_of_deploy() -> None:
    assert environment_after({"ORT_DISABLE_TELEMETRY": "0"}, {"A": "1"}) == {"ORT_DISABLE_TELEMETRY": "0", "A": "1"}


def spec_of(zips: Artifacts, **environment: str) -> FunctionSpec:
    return FunctionSpec("yolo", zips, None, None, None, None, environment)


@pytest.mark.parametrize(
    "requested",
    [
        {"READ_SCALE": "", "READ_CLASSES": ""},
        {"READ_MODEL_PATH": "/opt/dial.onnx"},
        {"READ_MODEL_ID": "x"},
        {"READ_MAX_CROPS": "0"},
    ],
)
def test_variables_of_readings_are_accepted_if_none_is_left_or_a_model_is_named(
    requested: dict[str, str], dist: Path
) -> None:
    lambda_function.require_reader(spec_of(artifacts.read(dist, None, None), **requested), WITH_SCALE)


def test_variables_of_readings_are_accepted_for_zips_with_a_model_that_reads(tmp_path: Path) -> None:
    zips = artifacts.read(built_zips.write(tmp_path / "dist", reader={"sha256": "ab" * 32}), None, None)
    lambda_function.require_reader(spec_of(zips), WITH_SCALE)
    with pytest.raises(DeployError, match="READ_CLASSES and READ_SCALE of function yolo"):
        lambda_function.require_reader(spec_of(zips._replace(has_reader=False)), WITH_SCALE)


def test_every_variable_that_needs_a_model_that_reads_is_one_of_the_function() -> None:
    assert {*lambda_function.OTHER_READERS, *lambda_function.OF_READERS} == set(settings.READ_VARIABLES)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([{"Key": "yolo-lambda-zip", "Value": "yolo"}], True),
        ([{"Key": "team", "Value": "a"}, {"Key": "yolo-lambda-zip", "Value": "yolo"}], True),
        ([{"Key": "yolo-lambda-zip", "Value": "another"}], False),
        ([{"Key": "yolo-lambda-zip", "Value": "yolo-2"}], False),
        ([{"Key": "team", "Value": "yolo"}], False),
        ([], False),
    ],
)
def test_role_is_removed_only_if_it_was_created_for_this_function(
    tags: list[dict[str, str]], expected: bool, aws: FakeAws
) -> None:
    aws.responses["GetRole"] = {"Role": {"Arn": "arn:role", "Tags": tags}}
    assert role.is_removable(Aws(), "yolo-lambda", "yolo") is expected


def test_role_of_another_function_is_not_taken_for_a_created_one(aws: FakeAws) -> None:
    tags = [{"Key": "yolo-lambda-zip", "Value": "another"}]
    aws.responses["GetRole"] = {"Role": {"Arn": "arn:role", "Tags": tags}}
    with pytest.raises(DeployError, match=r"was not created by deploy\.sh"):
        role.ensure_created(Aws(), "yolo-lambda", "yolo")
    assert aws.operations == ["GetRole"]


@pytest.mark.parametrize(
    ("architectures", "published"), [(["arm64"], False), (["x86_64", "arm64"], False), (["x86_64"], True), ([], True)]
)
def test_layer_version_of_another_architecture_is_not_used(
    architectures: list[str], published: bool, aws: FakeAws, dist: Path
) -> None:
    version = {
        "Version": 3,
        "Description": f"yolo-lambda-zip sha256:{'0' * 64}",
        "LayerVersionArn": "arn:layer:3",
        "CompatibleArchitectures": architectures,
    }
    aws.responses |= {
        "ListLayerVersions": {"LayerVersions": [version]},
        "PublishLayerVersion": {"LayerVersionArn": "arn:layer:4"},
    }
    layer.ensure_published(Aws(), "yolo", zipped(path=dist / "layer.zip"), Target("arm64", "3.13"), None)
    assert ("PublishLayerVersion" in aws.operations) == published


@pytest.mark.parametrize(("size", "expected"), [(1, True), (DIRECT_LIMIT, True), (DIRECT_LIMIT + 1, False)])
def test_zip_up_to_50_mb_is_sent_with_the_request(size: int, expected: bool) -> None:
    assert zipped(size).direct is expected
