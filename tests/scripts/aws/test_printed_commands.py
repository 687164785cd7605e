"""Commands that a dry run prints, run with the `aws` command and moto: they do what deploy.sh and undeploy.sh do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.aws.cloud import Cloud, connected
from tests.support import built_zips, function_urls

pytestmark = pytest.mark.slow
OPTIONS = ("--create-role", "--env", "NOTE=a 'b' \"c\" $D, e=f", "--memory", "3538")
UPLOAD = ("--bucket", "uploads")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with connected() as cloud:
        yield cloud


def run_printed(cloud: Cloud, script: str, *arguments: str) -> None:
    """Run the commands and comments that a dry run prints."""
    printed = cloud.run(script, *arguments, "--dry-run")
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.splitlines()
    commands = [line for line in lines if line.startswith(("aws ", "#")) or "=$(aws " in line]
    done = cloud.execute("bash", "-euo", "pipefail", "-c", "\n".join(commands))
    assert (done.returncode, done.stderr) == (0, "")


def without_ids(snapshot: dict[str, Any]) -> dict[str, Any]:
    functions = [{**item, "RevisionId": None} for item in snapshot["functions"]]
    layers = [{**item, "CreatedDate": None} for item in snapshot["layers"]]
    return {**snapshot, "functions": functions, "layers": layers}


def test_printed_commands_have_the_effect_of_the_command_itself(cloud: Cloud, tmp_path: Path) -> None:
    cloud.s3.create_bucket(Bucket="uploads")
    first = built_zips.write(tmp_path / "first")
    second = built_zips.write(tmp_path / "second", function=b"other code", layer=bytes(53_000_000))
    steps: list[tuple[str, ...]] = [
        ("deploy.sh", "--dist", str(first), *OPTIONS),
        ("deploy.sh", "--dist", str(second), *UPLOAD, "--canary", "25", "--reserved-concurrency", "5"),
        (
            "deploy.sh",
            "--dist",
            str(first),
            "--reserved-concurrency",
            "none",
            "--log-retention",
            "0",
            "--timeout",
            "60",
        ),
        ("deploy.sh", "--rollback"),
        ("undeploy.sh", "--yes", "--logs"),
    ]
    printed, direct = [], []
    for step in steps:
        run_printed(cloud, *step)
        printed.append(without_ids(cloud.snapshot()))
    cloud.reset()
    cloud.s3.create_bucket(Bucket="uploads")
    for step in steps:
        done = cloud.run(*step)
        assert (done.returncode, done.stderr) == (0, "")
        direct.append(without_ids(cloud.snapshot()))
    assert printed == direct


def test_printed_commands_for_the_url_and_the_policy_have_their_effect(cloud: Cloud, tmp_path: Path) -> None:
    dist = str(built_zips.write(tmp_path / "dist"))
    access = ("--url", "public", "--cors", "https://a.example", "--read", "s3://images/in a/", "--write", "s3://b-c/d/")
    steps: list[tuple[str, ...]] = [
        ("deploy.sh", "--dist", dist, "--create-role", *access),
        ("deploy.sh", "--dist", dist, "--url", "iam", "--cors", "*", "--read", "s3://images/"),
        ("undeploy.sh", "--yes"),
    ]
    with function_urls.serve(cloud.url) as (urls, address):
        cloud.environ["AWS_ENDPOINT_URL_LAMBDA"] = address

        def state() -> list[Any]:
            names: list[str] = cloud.snapshot()["roles"]
            policies = [
                policy for name in names for policy in cloud.iam.list_role_policies(RoleName=name)["PolicyNames"]
            ]
            documents = [cloud.iam.get_role_policy(RoleName=names[0], PolicyName=name)["PolicyDocument"]
                         for name in policies]  # fmt: skip
            configs = [{**config, "FunctionUrl": None} for config in urls.urls.values()]
            return [names, documents, configs, dict(urls.policies.get(("yolo", "live"), {}))]

        printed, direct = [], []
        for step in steps:
            run_printed(cloud, *step)
            printed.append(state())
        cloud.reset()
        urls.policies.clear()
        for step in steps:
            done = cloud.run(*step)
            assert (done.returncode, done.stderr) == (0, "")
            direct.append(state())
    assert printed == direct
    assert [len(item) for item in direct[0]] == [1, 1, 1, 2]
