"""Where call.py sends requests, which requests it signs, and what it says without region or credentials."""

from pathlib import Path

import pytest

from scripts import call
from scripts.aws.session import Aws
from scripts.client.connection import Connection
from scripts.client.endpoint import Endpoint, region_of, region_of_arn
from tests.scripts.client.conftest import KEYS, Lambda


def of_arguments(arguments: list[str]) -> Endpoint:
    options = call.parse(["a.jpg", *arguments])
    return call._endpoint(options, Aws(options.region, options.profile))


def test_a_plain_url_is_not_signed_and_a_function_name_is(served: Lambda, red: Path) -> None:
    call.main([str(red), "--url", served.url])
    call.main([str(red), "--url", served.url, "--sign"])
    call.main([str(red)])
    assert ["Authorization" in headers for _, headers, _ in served.requests] == [False, True, True]
    assert "/eu-west-1/lambda/aws4_request" in served.requests[1][1]["Authorization"]


@pytest.mark.parametrize(("options", "is_signed"), [([], True), (["--no-sign"], False), (["--sign"], True)])
def test_a_function_url_is_signed_for_its_own_region(
    options: list[str], is_signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    chosen = of_arguments(["--url", "https://abc.lambda-url.us-west-2.on.aws/", *options])
    assert (chosen.aws is not None, chosen.region) == (is_signed, "us-west-2" if is_signed else "")


def test_a_function_url_without_credentials_is_not_signed(no_account: None) -> None:
    assert of_arguments(["--url", "https://abc.lambda-url.us-west-2.on.aws/"]).aws is None


def test_a_host_that_contains_a_function_url_is_not_one() -> None:
    assert region_of("https://abc.lambda-url.us-west-2.on.aws.evil.example/") is None
    assert region_of("https://abc.lambda-url.us-west-2.on.aws/analyze") == "us-west-2"


@pytest.mark.parametrize("options", [[], ["--url", "https://a.example/", "--sign", "--region", "us-east-1"]])
def test_missing_credentials_are_one_line(
    options: list[str], no_account: None, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), *(options or ["--region", "us-east-1"])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("call: no credentials of AWS (Unable to locate credentials); `aws configure`, ")


def test_a_missing_region_is_one_line(no_account: None, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red)]) == 2
    assert capsys.readouterr().err == "call: no region; set --region, AWS_REGION or `aws configure set region REGION`\n"


def test_credentials_and_region_come_from_the_profile(
    no_account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id=A\naws_secret_access_key=B\naws_session_token=C\nregion=ap-south-1\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    chosen = of_arguments(["--profile", "work"])
    assert chosen.aws is not None
    assert chosen.region == "ap-south-1"
    assert tuple(chosen.aws.session.get_credentials().get_frozen_credentials())[:3] == ("A", "B", "C")


def test_an_invalid_url_is_one_line(red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", "yolo:live"]) == 2
    assert "--url must be an https:// URL, got 'yolo:live'" in capsys.readouterr().err


def test_a_function_url_in_china_has_its_region() -> None:
    assert region_of("https://abc.lambda-url.cn-north-1.on.amazonwebservices.com.cn/") == "cn-north-1"


@pytest.mark.parametrize(("region", "domain"), [("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com")])
def test_other_partitions_have_their_endpoint(region: str, domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    described = Connection(of_arguments(["--region", region])).describe()
    path = "2015-03-31/functions/yolo%3Alive/invocations"
    assert described == f"POST https://lambda.{region}.{domain}/{path}, signed for {region}"


def test_the_region_of_an_arn_is_used() -> None:
    assert region_of_arn("arn:aws:lambda:eu-north-1:123456789012:function:yolo") == "eu-north-1"
    assert region_of_arn("yolo:live") is None


def test_an_unknown_profile_is_one_line(no_account: None, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--profile", "other"]) == 2
    message = (
        "call: The config profile (other) could not be found; `aws configure list-profiles` lists those that exist\n"
    )
    assert capsys.readouterr().err == message
