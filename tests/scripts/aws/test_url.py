"""deploy.sh --url with boto3: iam, key, key again, a new key, public, iam, and its removal.

moto stores the function; tests/support/function_urls.py has its URLs and the policies of its alias.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.aws.api_key import digest
from tests.scripts.aws.cloud import Cloud, Deployer, connected
from tests.support import built_zips, function_urls
from tests.support.function_urls import FunctionUrls

pytestmark = pytest.mark.slow
LIVE = ("yolo", "live")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[tuple[Cloud, FunctionUrls]]:
    with connected() as cloud, function_urls.serve(cloud.url) as (urls, address):
        cloud.environ["AWS_ENDPOINT_URL_LAMBDA"] = address
        yield cloud, urls


@pytest.fixture
def cloud(endpoint: tuple[Cloud, FunctionUrls]) -> Cloud:
    return endpoint[0]


@pytest.fixture
def urls(endpoint: tuple[Cloud, FunctionUrls]) -> FunctionUrls:
    """Endpoint without resources."""
    cloud, urls = endpoint
    cloud.reset()
    urls.__init__(urls.upstream)  # type: ignore[misc]
    return urls


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return built_zips.write(tmp_path / "dist")


@pytest.fixture
def deploy(cloud: Cloud, urls: FunctionUrls, dist: Path) -> Deployer:
    return Deployer(cloud, dist)


def new_key(output: str) -> str:
    (key,) = re.findall(r"^key {7}(\S{43})  \(not shown again\)$", output, re.MULTILINE)
    return str(key)


def test_each_kind_of_url_in_turn(cloud: Cloud, urls: FunctionUrls, deploy: Deployer) -> None:
    first = deploy.run("--create-role", "--url", "iam")
    address = urls.urls[LIVE]["FunctionUrl"]
    assert (urls.urls[LIVE]["AuthType"], urls.is_public(*LIVE), urls.policies[LIVE]) == ("AWS_IAM", False, {})
    assert f"scripts/call.py image.jpg --url {address}\n" in first
    assert "in a browser" not in first  # a browser cannot sign

    output = deploy.run("--url", "key")
    key = new_key(output)
    assert deploy.variables()["API_KEY_SHA256"] == hashlib.sha256(key.encode()).hexdigest()
    assert urls.is_public(*LIVE)
    assert urls.opened == [deploy.variables()]
    assert f"YOLO_LAMBDA_KEY={key} scripts/call.py image.jpg --url {address}\n" in output
    assert f"open {address} in a browser\n" in output

    changes = list(urls.changes)
    again = deploy.run("--url", "key")
    assert deploy.variables()["API_KEY_SHA256"] == digest(key)
    assert "key       kept: API_KEY_SHA256 has its digest; --url key --new-key makes another one\n" in again
    assert (urls.changes, "not shown again" in again) == (changes, False)

    other = new_key(deploy.run("--url", "key", "--new-key"))
    assert deploy.variables()["API_KEY_SHA256"] == digest(other) != digest(key)

    still = deploy.run("--url", "public")
    assert "key       still needed, because API_KEY_SHA256 is set; `--env API_KEY_SHA256=` removes it\n" in still
    free = deploy.run("--url", "public", "--env", "API_KEY_SHA256=")
    assert "YOLO_LAMBDA_KEY" not in free
    assert "`--reserved-concurrency 5` limits the cost" in free
    assert urls.is_public(*LIVE)

    deploy.run("--url", "iam")
    assert (urls.urls[LIVE]["AuthType"], urls.policies[LIVE]) == ("AWS_IAM", {})
    assert urls.urls[LIVE]["FunctionUrl"] == address

    done = cloud.run("undeploy.sh", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  URL {address}\n" in done.stdout
    assert (urls.urls, cloud.snapshot()["functions"], cloud.snapshot()["roles"]) == ({}, [], [])


def test_a_key_that_goes_leaves_no_moment_without_one(urls: FunctionUrls, deploy: Deployer) -> None:
    key = new_key(deploy.run("--create-role", "--url", "key"))
    deploy.run("--env", "CONF_THRESHOLD=0.5")
    dry = deploy.run("--url", "iam", "--env", "API_KEY_SHA256=", "--dry-run")
    assert dry.count("aws lambda update-function-url-config") == 1
    deploy.run("--url", "iam", "--env", "API_KEY_SHA256=")
    assert deploy.variables()["API_KEY_SHA256"] == ""
    assert [variables["API_KEY_SHA256"] for variables in urls.opened] == [digest(key)] * 2
    other = new_key(deploy.run("--url", "key"))
    assert urls.opened[2:] == [deploy.variables()]
    assert deploy.variables()["API_KEY_SHA256"] == digest(other)


def test_json_has_the_url_and_the_key(urls: FunctionUrls, deploy: Deployer) -> None:
    document = json.loads(deploy.run("--create-role", "--url", "key", "--json"))
    assert (document["url"], document["url_auth"]) == (urls.urls[LIVE]["FunctionUrl"], "key")
    assert deploy.variables()["API_KEY_SHA256"] == digest(document["key"])
    assert json.loads(deploy.run("--url", "key", "--json"))["key"] is None


def test_quiet_prints_a_new_key(deploy: Deployer) -> None:
    lines = deploy.run("--create-role", "--url", "key", "--quiet").splitlines()
    assert [line.split()[0] for line in lines] == ["alias", "url", "key"]


def test_a_dry_run_makes_no_key_and_changes_nothing(cloud: Cloud, urls: FunctionUrls, deploy: Deployer) -> None:
    output = deploy.run("--create-role", "--url", "key", "--cors", "https://a.example", "--dry-run")
    commands = [line.partition("aws ")[2].split(" --")[0] for line in output.splitlines() if "aws " in line]
    assert commands[-3:] == ["lambda add-permission"] * 2 + ["lambda create-function-url-config"]
    assert '"API_KEY_SHA256": "(digest of a new key)"' in output
    assert (urls.changes, cloud.snapshot()["functions"]) == ([], [])


def test_cors_is_that_of_the_template_and_changes_alone(urls: FunctionUrls, deploy: Deployer) -> None:
    deploy.run("--create-role", "--url", "iam", "--cors", "https://A.example, https://b.example")
    cors = urls.urls[LIVE]["Cors"]
    assert (cors["AllowOrigins"], cors["AllowMethods"]) == (["https://a.example", "https://b.example"], ["GET", "POST"])
    assert deploy.variables().get("CORS_ORIGINS") is None  # the function's own headers would come twice

    changes = list(urls.changes)
    deploy.run("--url", "iam")
    deploy.run("--cors", "https://b.example,https://a.example")
    assert (urls.changes, urls.urls[LIVE]["Cors"]) == (changes, cors)

    deploy.run("--cors", "*")
    assert (urls.urls[LIVE]["Cors"]["AllowOrigins"], urls.urls[LIVE]["AuthType"]) == (["*"], "AWS_IAM")
    deploy.run("--cors", "")
    assert urls.urls[LIVE]["Cors"] == {}


def test_cors_without_a_url_is_refused(deploy: Deployer) -> None:
    deploy.run("--create-role")
    assert "--cors must be used with --url, because yolo:live has no URL" in deploy.refused("--cors", "*")


@pytest.mark.parametrize("options", [("--url", "public"), ("--url", "public", "--env", "API_KEY_SHA256=" + "0" * 64)])
def test_bedrock_with_a_public_url_is_refused(deploy: Deployer, options: tuple[str, ...]) -> None:
    deploy.run("--create-role", "--env", "READ_MODEL_ID=eu.amazon.nova-lite-v1:0")
    assert "a public URL cannot be combined with READ_MODEL_ID" in deploy.refused(*options)
    new_key(deploy.run("--url", "key"))
    assert "cannot be combined with READ_MODEL_ID" in deploy.refused("--env", "API_KEY_SHA256=")


def test_bedrock_for_a_function_with_a_public_url_is_refused(deploy: Deployer) -> None:
    deploy.run("--create-role", "--url", "public")
    assert "cannot be combined with READ_MODEL_ID" in deploy.refused("--env", "READ_MODEL_ID=a.model")
    deploy.run("--url", "iam", "--env", "READ_MODEL_ID=a.model")


def test_a_rollback_does_not_open_the_url(urls: FunctionUrls, deploy: Deployer) -> None:
    deploy.run("--create-role", "--url", "iam")
    deploy.run("--url", "key")
    assert "version 1 of yolo needs no API key" in deploy.refused("--rollback")
    deploy.run("--url", "iam")
    deploy.run("--rollback", "1")
    assert not urls.is_public(*LIVE)


def test_the_url_stays_closed_while_a_version_without_a_key_gets_requests(
    cloud: Cloud, urls: FunctionUrls, deploy: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts.aws import api_key
    from scripts.aws.errors import DeployError
    from scripts.aws.session import Aws

    deploy.run("--create-role")
    deploy.run("--env", "API_KEY_SHA256=" + "0" * 64)
    routing = {"AdditionalVersionWeights": {"1": 0.9}}
    cloud.functions.update_alias(FunctionName="yolo", Name="live", FunctionVersion="2", RoutingConfig=routing)
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DeployError, match="version 1 of yolo gets calls of the alias live and needs no API key"):
        api_key.require_in_alias(Aws(), "yolo", "live")


def test_a_new_key_for_a_part_of_the_calls_is_refused(urls: FunctionUrls, deploy: Deployer) -> None:
    deploy.run("--create-role", "--url", "iam")
    assert "--canary cannot be combined with a new API key" in deploy.refused("--url", "key", "--canary", "10")
    key = new_key(deploy.run("--url", "key"))
    deploy.run("--url", "key", "--canary", "10", "--env", "CONF_THRESHOLD=0.5")
    deploy.run("--promote")
    assert (deploy.variables()["API_KEY_SHA256"], urls.is_public(*LIVE)) == (digest(key), True)


def test_a_url_that_loses_its_key_is_said(deploy: Deployer) -> None:
    deploy.run("--create-role", "--url", "key")
    public = "without API_KEY_SHA256, everybody can call the URL of yolo:live at your cost; --url iam closes it\n"
    assert public in deploy.run("--env", "API_KEY_SHA256=")
    assert public not in deploy.run("--env", "CONF_THRESHOLD=0.5")


def test_a_key_that_was_not_shown_is_said(cloud: Cloud, urls: FunctionUrls, deploy: Deployer) -> None:
    deploy.run("--create-role")
    refuse: Any = lambda *_: (_ for _ in ()).throw(function_urls.Refusal(403, "AccessDeniedException"))  # noqa: E731
    urls._url = refuse  # type: ignore[method-assign]
    done = cloud.run("deploy.sh", "--dist", deploy.dist, "--url", "key")
    del urls._url
    assert (done.returncode, done.stderr.count("\n")) == (1, 3)
    assert "yolo:live has moved to version 2; its URL is not finished\n" in done.stderr
    assert "run deploy.sh again with --url key --new-key" in done.stderr
    assert urls.opened == []
