"""API keys of call.py."""

import hashlib
from pathlib import Path
from types import ModuleType

import pytest

from scripts import call
from scripts.client import endpoint
from tests.scripts.client.conftest import Lambda

KEY = "correct horse"


@pytest.fixture
def key_needed(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    monkeypatch.setattr(handler, "SETTINGS", handler.SETTINGS._replace(api_key_sha256=(digest,)))


@pytest.mark.parametrize(("options", "variable"), [(["--key", KEY], ""), ([], KEY), (["--key", KEY], "another")])
def test_the_api_key_of_the_option_or_of_the_variable_is_sent(
    options: list[str], variable: str, served: Lambda, key_needed: None, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(endpoint.KEY_VARIABLE, variable)
    assert call.main([str(red), "--url", served.url, *options]) == 0
    assert served.requests[0][1]["x-api-key"] == KEY


@pytest.mark.parametrize("options", [[], ["--key", "another"]])
def test_a_401_says_how_to_give_a_key(
    options: list[str], served: Lambda, key_needed: None, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, *options]) == 1
    output = capsys.readouterr()
    assert "red.png   401 Unauthorized: " in output.out
    assert output.err.splitlines()[-1] == f"call: {endpoint.NO_KEY}"
    assert all(name in endpoint.NO_KEY for name in ("YOLO_LAMBDA_KEY", "--key"))


def test_the_api_key_is_not_printed(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--url", served.url, "--key", KEY, "--verbose"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith(f"POST {served.url}, not signed, with an API key\n")
    assert KEY not in output.out + output.err


def test_a_call_by_name_sends_no_key(served: Lambda, red: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(endpoint.KEY_VARIABLE, KEY)
    assert call.main([str(red)]) == 0
    assert "x-api-key" not in served.requests[0][1]


def test_a_key_without_a_url_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        call.parse(["a.jpg", "--key", KEY])
    assert stopped.value.code == 2
    assert "--key must be used with --url" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["a\nx-other: 1", "schlüssel"])
def test_a_key_that_no_header_can_have_is_one_line(
    key: str, served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--key", key]) == 2
    assert capsys.readouterr().err == "call: --key must be printable ASCII characters, got others\n"
    assert served.requests == []


def test_a_signed_request_has_the_key_too(served: Lambda, key_needed: None, red: Path) -> None:
    assert call.main([str(red), "--url", served.url, "--sign", "--key", KEY]) == 0
    headers = served.requests[0][1]
    assert headers["x-api-key"] == KEY
    assert "x-api-key" in headers["Authorization"]
