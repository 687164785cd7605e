"""deploy.sh --read, --write and --kms-key with boto3 and moto: the policy of the role and the function's variables."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from function.settings import RESULT_PREFIX, Settings
from scripts.aws import grants
from scripts.aws.locations import Location, parse
from scripts.aws.session import Aws
from tests.scripts.aws.cloud import Cloud, Deployer, connected
from tests.support import built_zips

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
POLICY = {"RoleName": "yolo-lambda", "PolicyName": grants.POLICY}


@pytest.fixture(scope="module")
def server() -> Iterator[Cloud]:
    with connected() as cloud:
        yield cloud


@pytest.fixture
def deploy(server: Cloud, tmp_path: Path) -> Deployer:
    """Deploy to an account without resources."""
    server.reset()
    return Deployer(server, built_zips.write(tmp_path / "dist"))


def policy(deploy: Deployer) -> dict[str, Any]:
    """Return the statements of the role's policy by their ids."""
    document = deploy.cloud.iam.get_role_policy(**POLICY)["PolicyDocument"]
    return {statement["Sid"]: statement for statement in document["Statement"]}


@pytest.mark.slow
def test_each_option_grants_that_much(deploy: Deployer) -> None:
    output = deploy.run(
        "--create-role", "--read", "s3://images/in/", "--read", "s3://other/", "--write", "s3://results/out/",
        "--kms-key", KEY,
    )  # fmt: skip
    statements = policy(deploy)
    allowed = {name: (item["Action"], item["Resource"]) for name, item in statements.items()}
    assert allowed == {
        "ReadImages": (["s3:GetObject", "s3:GetObjectVersion"], ["arn:aws:s3:::images/in/*", "arn:aws:s3:::other/*"]),
        "WriteResults": (["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::results/out/*"]),
        "ListBuckets": (["s3:ListBucket"], [f"arn:aws:s3:::{name}" for name in ("images", "other", "results")]),
        "UseKeys": (["kms:Decrypt", "kms:GenerateDataKey"], [KEY]),
    }
    assert statements["UseKeys"]["Condition"] == {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}}
    settings = Settings.from_env(deploy.variables())
    assert settings.allowed_buckets == ("images", "other")
    assert (settings.result_bucket, settings.result_prefix) == ("results", "out/")
    assert "note      --read s3://other/ is the whole bucket\n" in output
    assert "grants    read s3://images/in/\n" in output


@pytest.mark.slow
def test_the_policy_is_kept_without_an_option_and_replaced_with_one(deploy: Deployer) -> None:
    deploy.run("--create-role", "--read", "s3://images/in/", "--write", "s3://results/out/")
    before = policy(deploy)
    deploy.run("--env", "ALLOWED_BUCKETS=images,by-hand")
    assert policy(deploy) == before
    assert "grants    unchanged\n" in deploy.run("--read", "s3://images/in/", "--write", "s3://results/out/")

    output = deploy.run("--read", "s3://images2/in")
    assert set(policy(deploy)) == {"ReadImages", "ListBuckets"}
    assert "grants    no longer: read s3://images/in/\n" in output
    assert "grants    no longer: read and write s3://results/out/\n" in output
    assert "note      --read s3://images2/in has no / at its end: it is every key that begins so" in output
    settings = Settings.from_env(deploy.variables())
    assert settings.allowed_buckets == ("by-hand", "images2")
    assert (settings.result_bucket, settings.result_prefix) == (None, RESULT_PREFIX)


@pytest.mark.slow
def test_undeploy_removes_the_policy_and_the_role(deploy: Deployer) -> None:
    deploy.run("--create-role", "--read", "s3://images/in/")
    done = deploy.cloud.run("undeploy.sh", "--yes")
    assert (done.returncode, done.stderr, deploy.cloud.snapshot()["roles"]) == (0, "", [])


@pytest.mark.slow
def test_undeploy_removes_what_an_interrupted_one_left(deploy: Deployer) -> None:
    deploy.run("--create-role", "--role", "other-name")
    attached = deploy.cloud.iam.list_attached_role_policies(RoleName="other-name")["AttachedPolicies"]
    deploy.cloud.iam.detach_role_policy(RoleName="other-name", PolicyArn=attached[0]["PolicyArn"])
    done = deploy.cloud.run("undeploy.sh", "--yes", "--verbose")
    calls = [line for line in done.stderr.splitlines() if " delete-" in line]
    after = deploy.cloud.snapshot()
    assert (done.returncode, after["roles"], after["functions"], after["layers"]) == (0, [], [], [])
    assert [call.split()[3] for call in calls[:2]] == ["delete-role", "delete-function"]  # which has the role's name


@pytest.mark.slow
def test_a_role_of_the_user_is_not_changed_and_the_policy_is_printed(deploy: Deployer) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    deploy.cloud.iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust)
    message = deploy.refused("--role", "mine", "--read", "s3://images/in/")
    command, _, document = message.partition(" --policy-document ")
    assert "role mine was not created by deploy.sh for yolo" in command
    assert "--env ALLOWED_BUCKETS=images" in command
    assert command.endswith(f"aws iam put-role-policy --role-name mine --policy-name {grants.POLICY}")
    assert json.loads(document.strip()[1:-1])["Statement"][0]["Resource"] == ["arn:aws:s3:::images/in/*"]
    assert deploy.cloud.iam.list_role_policies(RoleName="mine")["PolicyNames"] == []


@pytest.mark.slow
def test_results_below_the_watched_prefix_are_refused(deploy: Deployer) -> None:
    watched = ("--env", "WATCHED_BUCKET=images", "--env", "WATCHED_PREFIX=in/")
    message = deploy.refused("--create-role", *watched, "--write", "s3://images/in/results/")
    assert "--write must be outside of WATCHED_BUCKET and WATCHED_PREFIX, s3://images/in/, got" in message


@pytest.mark.parametrize(
    ("region", "arn", "service"),
    [
        ("cn-north-1", "arn:aws-cn", "s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "arn:aws-us-gov", "s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions(credentials: None, region: str, arn: str, service: str) -> None:
    key = f"{arn}:kms:{region}:123456789012:key/mrk-1234"
    document = grants.document([Location("images", "in/")], None, [key], Aws(region))
    assert document["Statement"][0]["Resource"] == [f"{arn}:s3:::images/in/*"]
    assert document["Statement"][-1]["Action"] == ["kms:Decrypt"]
    assert document["Statement"][-1]["Condition"]["StringEquals"]["kms:ViaService"] == [service]


@pytest.mark.parametrize(
    "resource", ["s3://images", "s3://images/", "s3://images/in/", "s3://a.b-c/in", "s3://images//in/ä b/"]
)
def test_places_survive_the_policy(credentials: None, resource: str) -> None:
    document = grants.document([parse(resource)], None, [], Aws())
    assert grants.lines(document) == [f"read {resource if resource.count('/') > 2 else resource + '/'}"]
