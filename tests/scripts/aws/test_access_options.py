"""Options of deploy.sh for the URL and for S3: what does not fit together is refused before any call."""

import re

import pytest

from function import settings
from function.api import keys
from scripts.aws import api_key, url_options
from scripts.aws.options import parse

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
READ = ["--read", "s3://images/in/"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "open"], "--url"),
        (["--new-key"], "--new-key must be used with --url key, got no --url"),
        (["--new-key", "--url", "iam"], "--new-key must be used with --url key, got iam"),
        (["--url", "key", "--new-key", "--env", "API_KEY_SHA256=" + "0" * 64], "--new-key cannot be combined with"),
        (["--url", "key", "--env", "API_KEY_SHA256=secret"], "64 hexadecimal digits with commas between them, got a"),
        (["--url", "iam", "--rollback"], "--rollback only moves the alias and cannot be combined with --url"),
        (["--cors", "", "--promote"], "--promote only moves the alias and cannot be combined with --cors"),
        (["--cors", "a.example"], "must be origins such as https://a.example, or *, got 'a.example'"),
        (["--cors", "https://*.*.example"], "must be origins"),
        (["--cors", ","], "must be origins"),
        (["--cors", ",".join(f"https://{n}.example" for n in range(101))], "must be at most 100 origins, got 101"),
        (["--read", "images/in/"], "must be s3://bucket/prefix/, got 'images/in/'"),
        (["--read", "s3://Images/in/"], "a bucket of 3 to 63 lowercase letters"),
        (["--read", "s3://a/in/"], "a bucket of 3 to 63"),
        (["--read", "s3://a..b/in/"], "a bucket of 3 to 63"),
        (["--read", "s3://192.168.0.1/in/"], "a bucket of 3 to 63"),
        (["--read", "s3://images/*"], "without *"),
        (["--read", "s3://images/in?/"], "without *"),
        (["--read", "s3://images/${aws:username}/"], "without *"),
        (["--read", "s3://images/" + "a" * 1025], "without *"),
        ([*READ, "--write", "s3://images/in/out/"], "--write must be outside of --read s3://images/in/, got"),
        ([*READ, "--write", "s3://images/"], "--write must be outside of --read"),
        ([*READ, "--write", "s3://images/in/"], "--write must be outside of --read"),
        (["--write", "s3://images/out/", "--env", "RESULT_PREFIX=a/"], "--env RESULT_PREFIX cannot be combined"),
        ([*READ, "--rollback"], "--rollback only moves the alias and cannot be combined with --read"),
        (["--kms-key", KEY], "--kms-key must be used with --read or --write, got neither"),
        ([*READ, "--kms-key", KEY.replace("key/", "alias/")], "must be the ARN of a key"),
        ([*READ, "--kms-key", "1234abcd"], "must be the ARN of a key"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(arguments)
    error = capsys.readouterr().err
    assert (exit_.value.code, message in error, "secret" in error) == (2, True, False)


def test_prefixes_that_do_not_overlap_are_accepted() -> None:
    options = parse([*READ, "--read", "s3://images/in2", "--write", "s3://images/out/", "--kms-key", KEY])
    assert [place.url for place in options.read] == ["s3://images/in/", "s3://images/in2"]
    assert options.write.url == "s3://images/out/"


def test_origins_are_those_of_the_function() -> None:
    assert url_options.ORIGIN.pattern == settings.ORIGIN
    assert re.fullmatch(settings.ORIGIN, parse(["--cors", "http://LOCALHOST:8000"]).cors[0])


def test_the_function_accepts_a_key_that_deploy_makes() -> None:
    key = api_key.make()
    assert keys.is_valid({"x-api-key": key}, (api_key.digest(key),))
    assert len({api_key.make() for _ in range(100)}) == 100
