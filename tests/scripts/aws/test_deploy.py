"""deploy.sh and undeploy.sh with boto3 and moto: the resources afterwards are the requested ones.

The tests use one function in this order: created, deployed with other code and settings, deployed without changes,
rolled back, deployed again, removed. moto 5.2.1 does not do the following, so the tests do not cover it:
- invoke (this needs docker)
- check the size of a zip or of its content, the architectures of layers, or the code against `--code-sha256`
- change the architecture with update-function-code
- take time: all states are Active and Successful, so a waiter returns at once
- reject a new role that Lambda does not know yet, or a call without permission
- use the weights of an alias; it only stores them
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws.commands import HANDLER, TRUST, logs_policy
from tests.scripts.aws.cloud import Cloud, Step, connected, step
from tests.support import built_zips

pytestmark = pytest.mark.slow
FIRST = ("--create-role", "--env", "CONF_THRESHOLD=0.4", "--env", "NOTE=a 'b' \"c\" $D, e=f", "--arch", "arm64")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with connected() as cloud:
        cloud.functions.publish_layer_version(LayerName="yolo-packages", Description="other", Content={"ZipFile": b"x"})
        yield cloud


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_zips.write(tmp_path_factory.mktemp("deploy") / "dist")


@pytest.fixture(scope="module")
def dry(cloud: Cloud, dist: Path) -> tuple[dict[str, Any], Step]:
    before = cloud.snapshot()
    return before, step(cloud, "deploy.sh", "--dist", str(dist), *FIRST, "--dry-run")


@pytest.fixture(scope="module")
def created(cloud: Cloud, dist: Path, dry: Step) -> Step:
    return step(cloud, "deploy.sh", "--dist", str(dist), *FIRST)


@pytest.fixture(scope="module")
def updated(cloud: Cloud, dist: Path, created: Step) -> Step:
    built_zips.write(dist, function=b"other code")
    options = ("--env", "IOU_THRESHOLD=0.5", "--memory", "3538", "--timeout", "60")
    return step(cloud, "deploy.sh", "--dist", str(dist), *options)


@pytest.fixture(scope="module")
def unchanged(cloud: Cloud, dist: Path, updated: Step) -> Step:
    return step(cloud, "deploy.sh", "--dist", str(dist))


@pytest.fixture(scope="module")
def rolled_back(cloud: Cloud, unchanged: Step) -> Step:
    return step(cloud, "deploy.sh", "--rollback")


@pytest.fixture(scope="module")
def again(cloud: Cloud, dist: Path, rolled_back: Step) -> Step:
    return step(cloud, "deploy.sh", "--dist", str(dist))


@pytest.fixture(scope="module")
def relayered(cloud: Cloud, dist: Path, again: Step) -> Step:
    """Deploy a layer that is too large for a request, after the user has attached another layer."""
    cloud.s3.create_bucket(Bucket="uploads")
    other = cloud.functions.publish_layer_version(LayerName="tracing", Content={"ZipFile": b"x"})["LayerVersionArn"]
    layers = [other, *(item["Arn"] for item in again.function["Layers"])]
    cloud.functions.update_function_configuration(FunctionName="yolo", Layers=layers)
    built_zips.write(dist, function=b"other code", layer=bytes(53_000_000))
    return step(cloud, "deploy.sh", "--dist", str(dist), "--bucket", "uploads")


@pytest.fixture(scope="module")
def removed(cloud: Cloud, relayered: Step) -> Step:
    return step(cloud, "undeploy.sh", "--yes")


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_a_dry_run_changes_nothing_and_prints_the_commands_in_order(dry: tuple[dict[str, Any], Step]) -> None:
    before, done = dry
    assert done.after == before
    commands = [line.split("aws ", 1)[1].split(" --")[0] for line in done.output.splitlines() if "aws " in line]
    assert commands == [
        "iam create-role",
        "iam attach-role-policy",
        "lambda publish-layer-version",
        "lambda create-function",
        "lambda wait function-active-v2",
        "logs create-log-group",
        "logs put-retention-policy",
        "lambda publish-version",
        "lambda wait published-version-active",
        "lambda create-alias",
    ]


def test_the_first_deploy_creates_the_requested_function(created: Step) -> None:
    expected = {
        "Runtime": "python3.13",
        "Handler": HANDLER,
        "MemorySize": 1769,
        "Timeout": 30,
        "Architectures": ["arm64"],
        "Role": "arn:aws:iam::123456789012:role/yolo-lambda",
    }
    assert {name: created.function[name] for name in expected} == expected
    assert created.function["Environment"]["Variables"] == {
        "ORT_DISABLE_TELEMETRY": "1",
        "CONF_THRESHOLD": "0.4",
        "NOTE": "a 'b' \"c\" $D, e=f",
    }
    assert created.after["aliases"] == {"live": "1"}


def test_the_layer_is_published_with_its_digest_and_attached(created: Step) -> None:
    layer = next(item for item in created.after["layers"] if item["Version"] == 2)
    assert layer["Description"].startswith("yolo-lambda-zip sha256:")
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])
    assert [item["Arn"] for item in created.function["Layers"]] == [layer["LayerVersionArn"]]


def test_the_role_may_write_logs_and_nothing_else(cloud: Cloud, created: Step) -> None:
    role = cloud.iam.get_role(RoleName="yolo-lambda")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    policies = cloud.iam.list_attached_role_policies(RoleName="yolo-lambda")["AttachedPolicies"]
    assert [item["PolicyArn"] for item in policies] == [logs_policy("aws")]
    assert cloud.iam.list_role_policies(RoleName="yolo-lambda")["PolicyNames"] == []


def test_the_function_is_not_public(cloud: Cloud, created: Step) -> None:
    with pytest.raises(cloud.functions.exceptions.ResourceNotFoundException):
        cloud.functions.get_policy(FunctionName="yolo")
    with pytest.raises(cloud.functions.exceptions.ResourceNotFoundException):
        cloud.functions.get_function_url_config(FunctionName="yolo")


def test_new_log_group_keeps_its_logs_for_30_days(created: Step) -> None:
    assert created.after["log_groups"] == {"/aws/lambda/yolo": 30}


def test_other_code_is_updated_and_the_alias_moves(dist: Path, created: Step, updated: Step) -> None:
    assert updated.function["CodeSha256"] == sha256((dist / "function.zip").read_bytes())
    assert updated.function["CodeSha256"] != created.function["CodeSha256"]
    assert updated.after["aliases"] == {"live": "2"}
    assert "yolo:live is version 2 (was 1)" in updated.output
    assert "scripts/deploy.sh --function yolo --rollback 1" in updated.output


def test_an_update_keeps_the_variables_and_sets_the_requested_ones(created: Step, updated: Step) -> None:
    before = created.function["Environment"]["Variables"]
    assert updated.function["Environment"]["Variables"] == {**before, "IOU_THRESHOLD": "0.5"}
    assert (updated.function["MemorySize"], updated.function["Timeout"]) == (3538, 60)


def test_the_same_layer_is_not_published_again(created: Step, updated: Step) -> None:
    assert updated.after["layers"] == created.after["layers"]


def test_the_previous_version_is_unchanged(created: Step, updated: Step) -> None:
    def versions(done: Step) -> list[Any]:
        return [item for item in done.after["functions"] if item["Version"] == "1"]

    assert versions(created) == versions(updated)


def test_nothing_is_published_without_changes(updated: Step, unchanged: Step) -> None:
    assert unchanged.after == updated.after
    assert "version 2 (nothing changed)" in unchanged.output


def test_a_rollback_moves_only_the_alias(unchanged: Step, rolled_back: Step) -> None:
    assert rolled_back.after == {**unchanged.after, "aliases": {"live": "1"}}


def test_a_deploy_after_a_rollback_moves_the_alias_forward(unchanged: Step, again: Step) -> None:
    assert again.after == unchanged.after


def test_a_large_layer_is_uploaded_to_the_bucket_and_deleted(cloud: Cloud, relayered: Step) -> None:
    newest = max(relayered.after["layers"], key=lambda item: item["Version"])
    assert newest["Version"] == 3
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket="uploads")


def test_a_new_layer_version_replaces_the_old_one_and_keeps_other_layers(relayered: Step) -> None:
    names = [item["Arn"].split(":layer:")[1] for item in relayered.function["Layers"]]
    assert names == ["tracing:1", "yolo-packages:3"]


def test_undeploy_changes_nothing_without_confirmation(cloud: Cloud, relayered: Step) -> None:
    done = cloud.run("undeploy.sh", stdin="n\n")
    assert (done.returncode, done.stderr) == (2, "undeploy: nothing was removed\n")
    assert cloud.snapshot() == relayered.after


def test_undeploy_keeps_what_deploy_did_not_create(removed: Step) -> None:
    assert (removed.after["functions"], removed.after["roles"]) == ([], [])
    remaining = [
        (item["LayerVersionArn"].split(":layer:")[1], item.get("Description")) for item in removed.after["layers"]
    ]
    assert sorted(remaining) == [("tracing:1", None), ("yolo-packages:1", "other")]


def test_undeploy_keeps_the_logs_without_an_option(removed: Step) -> None:
    assert removed.after["log_groups"] == {"/aws/lambda/yolo": 30}
    command = "aws logs delete-log-group --log-group-name /aws/lambda/yolo --region us-east-1"
    assert removed.output.splitlines()[-1] == f"removed; this deletes its logs: {command}"


def test_a_second_undeploy_finds_nothing(cloud: Cloud, removed: Step) -> None:
    assert cloud.run("undeploy.sh", "--yes").stdout.splitlines() == [
        "account   123456789012 in us-east-1",
        "nothing to remove for yolo",
    ]
