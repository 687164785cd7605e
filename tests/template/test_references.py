"""template.yaml with its features mixed: resources that are named exist, callers have the alias, roles have the key."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import template_stack
from tests.template.test_template import JWT, KEY, WITH_BUCKET

FEATURES: list[list[dict[str, str]]] = [
    *([{name: value} for value in values.split()] for name, values in {
        "UrlAuth": "off AWS_IAM NONE",
        "S3Trigger": "off new-bucket existing-bucket",
        "Deployment": "AllAtOnce Canary10Percent5Minutes",
        "Bulk": "off on",
        "Uploads": "off on",
        "S3Requests": "off on",
        "Metrics": "0 1 classes",
        "Dashboard": "off on",
        "Tracing": "PassThrough Active",
    }.items()),
    [{}, {"ApiAuth": "AWS_IAM"}, {"ApiAuth": "NONE"}, JWT],
    [{}, {"SnapStart": "PublishedVersions"}, {"ProvisionedConcurrency": "2"}],
    [{}, {"CorsOrigins": "https://a.example"}],
    [{}, {"ResultBucket": "results"}],
    [{}, {"ModelBucket": "models", "ModelKey": "best.onnx"}],
    [{}, {"ReadScale": "0:10 bar"}, {"ReadModelPath": "s3://models/dial.onnx"}],
    [{}, {"KmsKeyArn": KEY}],
    [{}, {"AlarmEmail": "operator@a.example"}, {"AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms"}],
    [{}, {"WarmUp": "5 minutes"}],
]  # fmt: skip
OF_THE_FUNCTION = {  # these are about the function, not calls of it
    *("AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"),
}


def mixed(seed: int) -> dict[str, str]:
    """Return parameters with a random value of each feature."""
    chosen = random.Random(seed)
    return {name: value for values in FEATURES for name, value in chosen.choice(values).items()} | WITH_BUCKET


def references(value: Any) -> Iterator[str]:
    """Yield the names of the resources that a part of a template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" or (key == "DependsOn" and isinstance(item, str)):
                yield item
            elif key == "Fn::GetAtt" or key == "DependsOn":
                yield from item[:1] if key == "Fn::GetAtt" else item
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", item)
            else:
                yield from references(item)


mixtures = pytest.mark.parametrize("parameters", [mixed(seed) for seed in range(40)], ids=range(40))


@mixtures
def test_every_resource_that_is_named_exists(parameters: dict[str, str]) -> None:
    assert template_stack.broken_rules(**parameters) == set()
    deployed = template_stack.stack(**parameters)
    named = {(name, other) for part in ("Resources", "Outputs") for name, entry in deployed[part].items()
             for other in references(entry) if other != "AWS"}  # fmt: skip
    assert len(named) > 5
    assert {pair for pair in named if pair[1] not in deployed["Resources"]} == set()


@mixtures
def test_nothing_calls_the_function_without_its_alias(parameters: dict[str, str]) -> None:
    deployed = template_stack.stack(**parameters)["Resources"]
    assert not [
        name
        for name, resource in deployed.items()
        if resource["Type"] not in OF_THE_FUNCTION and "Function" in references(resource)
    ]


@mixtures
def test_every_role_with_access_to_objects_has_the_key(parameters: dict[str, str]) -> None:
    for name, role in template_stack.resources("AWS::IAM::Role", **parameters).items():
        text = json.dumps(role.get("Policies", []))
        reads = "s3:GetObject" in text or name == "Role"
        assert ("kms:GenerateDataKey" in text) == (reads and "KmsKeyArn" in parameters), name
