"""template.yaml: the permission and the settings of readings, and the versions that they publish."""

import re
from pathlib import Path
from typing import Any

import pytest

from function import settings
from function.settings import Settings
from tests.support import template_stack
from tests.support.template_stack import resources, stack
from tests.template.test_template import environment, grants

BEDROCK = {"ReadModelId": "eu.amazon.nova-lite-v1:0"}
POSE = {"ReadModelPath": "/opt/dial.onnx"}
OBJECT = {"ReadModelPath": "s3://models/v1/dial.onnx"}
PACKED = {"ReadScale": "0:10 bar"}  # the model is in a zip
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
MAX_POLICY_DESCRIPTION, MAX_VERSION_DESCRIPTION = 1000, 256
POLICY_ID = "ANPA" + "X" * 17
LONGEST_ARN = 169  # of LogAccess: see the top of template.yaml


def statements(**parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = resources("AWS::IAM::ManagedPolicy", **parameters)["ReadAccess"]["PolicyDocument"][
        "Statement"
    ]
    return found


def test_role_may_call_no_model_by_default() -> None:
    assert "bedrock:InvokeModel" not in grants()
    assert "ReadAccess" not in stack()["Resources"]
    assert "bedrock:InvokeModel" not in grants(**POSE)
    assert grants(**PACKED).keys() == grants(**POSE).keys() == grants().keys()


def test_role_may_read_the_model_in_a_bucket_and_no_other_object() -> None:
    assert grants(**OBJECT)["s3:GetObject"] == ["arn:aws:s3:::models/v1/dial.onnx"]
    assert grants(**OBJECT).keys() - grants().keys() == {"s3:GetObject"}
    assert environment(**OBJECT)["READ_MODEL_PATH"] == OBJECT["ReadModelPath"]


@pytest.mark.parametrize("path", ["/x/s3://bucket/*", "/s3://*", "/opt/s3://models/dial.onnx", "/opt/dial.onnx"])
def test_role_may_read_no_object_for_a_path(path: str) -> None:
    assert grants(ReadModelPath=path).keys() == grants().keys()


def test_role_may_read_the_whole_key_of_an_address() -> None:
    address = "s3://a.bucket/x/s3://other/y"
    assert grants(ReadModelPath=address)["s3:GetObject"] == [f"arn:aws:s3:::{address.removeprefix('s3://')}"]


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [
        ("", True),
        ("/opt/dial.onnx", True),
        ("s3://models/v1/dial.onnx", True),
        ("s3://a.bucket/x/s3://other/y", False),
        ("s3://models/*", False),
        ("s3://models/v?/dial.onnx", False),
        ("s3://mod*/dial.onnx", False),
        ("/x/s3://bucket/*", False),
        ("/s3://*", False),
    ],
)
def test_model_is_a_path_or_one_object(value: str, is_allowed: bool) -> None:
    pattern = template_stack.source()["Parameters"]["ReadModelPath"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == is_allowed


@pytest.mark.parametrize(("value", "is_allowed"), [("", True), ("0", True), ("1", True), ("999", True), ("00", False)])
def test_readings_can_be_turned_off(value: str, is_allowed: bool) -> None:
    pattern = template_stack.source()["Parameters"]["ReadMaxCrops"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == is_allowed
    if value == "0":
        assert Settings.from_env(environment(**POSE, ReadMaxCrops=value)).reading is None


def test_role_may_call_the_model_or_profile_and_others_only_through_the_profile() -> None:
    named, through = statements(**BEDROCK)
    assert named["Resource"] == [
        "arn:aws:bedrock:us-east-1::foundation-model/eu.amazon.nova-lite-v1:0",
        PROFILE,
    ]
    assert "Condition" not in named
    assert through["Resource"] == "arn:aws:bedrock:*::foundation-model/*"
    assert through["Condition"] == {"StringEquals": {"bedrock:InferenceProfileArn": PROFILE}}
    assert {statement["Action"] for statement in (named, through)} == {"bedrock:InvokeModel"}


@pytest.mark.parametrize("parameters", [BEDROCK, POSE, OBJECT, PACKED, {"ReadClasses": "gauge"}, {"ReadMaxCrops": "3"}])
def test_policy_is_attached_to_the_role(parameters: dict[str, str]) -> None:
    [role] = resources("AWS::IAM::Role", **parameters).values()
    assert role["ManagedPolicyArns"] == [{"Ref": "LogAccess"}, {"Ref": "ReadAccess"}]


def test_parameters_are_settings_of_a_packed_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reader.onnx").touch()
    monkeypatch.setattr(settings, "TASK_READER", str(tmp_path / "reader.onnx"))
    reading = Settings.from_env(environment(**PACKED, ReadClasses="gauge", ReadModelSha256="ab" * 32)).reading
    assert reading
    assert (reading.is_packed, reading.scale, reading.classes) == (True, (0, 10, "bar"), ("gauge",))
    assert reading.model_sha256 == "ab" * 32
    reading = Settings.from_env(environment()).reading
    assert reading
    assert (reading.is_packed, reading.scale, reading.max_crops) == (True, None, 8)


def test_parameters_are_settings_of_the_function() -> None:
    values = {"ReadPrompt": "How much?", "ReadClasses": "gauge,1", "ReadMaxCrops": "3"}
    reading = Settings.from_env(environment(**BEDROCK, **values)).reading
    assert reading
    assert (reading.model_id, reading.prompt) == (BEDROCK["ReadModelId"], "How much?")
    assert (reading.classes, reading.max_crops) == (("gauge", "1"), 3)
    reading = Settings.from_env(environment(**POSE, ReadScale="0:10 bar")).reading
    assert reading
    assert reading.scale == (0, 10, "bar")
    assert Settings.from_env(environment()).reading is None


CHANGES = {
    "ReadPrompt": "How much?",
    "ReadClasses": "gauge",
    "ReadMaxCrops": "3",
    "ReadScale": "0:10 bar",
    "ReadModelSha256": "ab" * 32,
}
OF_POSE = ("ReadScale", "ReadModelSha256")


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_each_parameter_publishes_a_version(name: str, value: str) -> None:
    kind = POSE if name in OF_POSE else BEDROCK

    def described(**parameters: str) -> str:
        policy = resources("AWS::IAM::ManagedPolicy", **kind, **parameters)["ReadAccess"]
        return str(policy["Description"])

    assert described(**{name: value}) != described()
    assert environment(**kind, **{name: value}) != environment(**kind)


def test_version_has_the_id_of_the_policy() -> None:
    values = {"${LogAccess}": "x" * LONGEST_ARN, "${ApiKeySha256}": "a" * 64, "${ReadAccess.PolicyId}": POLICY_ID}
    description = template_stack.source()["Resources"]["Function"]["Properties"]["VersionDescription"]
    condition, with_readings, _ = description["Fn::If"]
    assert (condition, with_readings["Fn::Sub"].split()) == ("HasReadings", list(values))
    assert len(" ".join(values.values())) <= MAX_VERSION_DESCRIPTION


def test_longest_description_of_the_policy_stays_below_the_limit() -> None:
    declared = template_stack.source()["Parameters"]
    text = template_stack.source()["Resources"]["ReadAccess"]["Properties"]["Description"]["Fn::Sub"]
    names = re.findall(r"\$\{(\w+)\}", text)
    assert set(names) == {*CHANGES, *BEDROCK, *POSE}
    lengths = [declared[name].get("MaxLength", 3) for name in names]
    assert sum(lengths) + len(names) <= MAX_POLICY_DESCRIPTION
