"""tune.py with a Lambda on loopback that has settings, versions and layers, and the real boto3."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts import tune
from scripts.aws.errors import NotConfigured
from scripts.tuning import calls, note
from scripts.tuning.zips import code_sha256
from tests.scripts.tuning.fake_lambda import CODE, FakeLambda

FAST = ["--warm", "4", "--cold", "2"]


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def test_each_size_is_measured_and_everything_is_as_before(
    account: FakeLambda, image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = account.state()
    assert tune.main([image, *FAST, "--json"]) == 0
    assert account.state() == before
    assert [path.name for path in tmp_path.glob("build/tune/*/*")] == ["lock"]
    printed = document(capsys)
    assert [(row["memory"], row["p50_ms"]) for row in printed["rows"]] == [
        (512, 345.51), (1024, 172.75), (1769, 100.0), (3008, 58.81),
    ]  # fmt: skip
    assert {(row["calls"], row["cold_starts"], row["init_ms"]) for row in printed["rows"]} == {(6, 2, 301.25)}
    assert printed["account"] == "123456789012"
    assert (printed["region"], printed["estimate"], printed["restored"]) == ("eu-west-1", False, True)
    assert printed["fastest"] == {"architecture": "x86_64", "memory": 3008}


def test_the_price_is_that_of_the_billed_time(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([image, *FAST, "--memory", "1024", "--json"]) == 0
    (row,) = document(capsys)["rows"]
    # 173 ms of 1 GB, a million times, and the price of a million requests
    assert row["usd_per_million"] == pytest.approx(0.173 * 16.6667 + 0.20, rel=1e-6)


def test_versions_are_called_and_never_the_alias(account: FakeLambda, image: str) -> None:
    assert tune.main([image, *FAST]) == 0
    assert sorted({int(version) for version, _ in account.calls}) == [6, 7, 8, 9]
    assert len(account.calls) == 4 * 6


def test_a_call_that_starts_cold_is_made_again(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([image, "--cold", "0", "--warm", "3", "--memory", "512", "--json"]) == 0
    (row,) = document(capsys)["rows"]
    assert (row["calls"], row["cold_starts"]) == (4, 2)  # the second try of the first image was cold too


def test_the_present_size_is_measured_with_a_new_version(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = account.state()
    assert tune.main([image, *FAST, "--memory", "1769"]) == 0
    assert account.state() == before
    assert {version for version, _ in account.calls} == {"6"}


def test_a_version_of_somebody_else_is_neither_called_nor_deleted(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.ignored = ("Description",)
    before = account.state()
    assert tune.main([image, *FAST, "--memory", "1769"]) == 1
    assert "Lambda published no new version of yolo, and version 5 is not temporary" in capsys.readouterr().err
    assert account.state() == before
    assert account.calls == []


def test_a_second_architecture_is_measured_and_code_and_layers_are_put_back(
    account: FakeLambda, image: str, arm64_zips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = account.state()
    assert tune.main([image, *FAST, "--memory", "512,1769", "--json"]) == 0
    assert account.state() == before
    assert account.codes == [(code_sha256(b"code for arm64"), "arm64"), (code_sha256(CODE), "x86_64")]
    printed = document(capsys)
    assert [(row["architecture"], row["memory"]) for row in printed["rows"]] == [
        ("x86_64", 512), ("x86_64", 1769), ("arm64", 512), ("arm64", 1769),
    ]  # fmt: skip
    assert printed["cheapest"]["architecture"] == printed["fastest"]["architecture"] == "arm64"


def test_a_size_that_the_account_may_not_use_is_refused_and_the_others_go_on(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.max_memory = 2000
    before = account.state()
    assert tune.main([image, *FAST, "--memory", "512,3008"]) == 1
    assert account.state() == before
    output = " ".join(capsys.readouterr().out.split())
    assert "refused: UpdateFunctionConfiguration: InvalidParameterValueException: 'MemorySize'" in output
    assert "fastest 512 MB on x86_64" in output


def test_a_size_that_is_too_small_has_an_error_and_is_not_the_cheapest(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.least_memory = 600
    assert tune.main([image, *FAST, "--json"]) == 1
    printed = document(capsys)
    row = next(row for row in printed["rows"] if row["memory"] == 512)
    assert (row["errors"], row["error"]) == (6, "a.jpg: 502 Runtime.OutOfMemory: signal: killed")
    assert printed["cheapest"]["memory"] != 512


def test_the_table_names_the_cheapest_and_the_fastest(
    account: FakeLambda, image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([image, *FAST, "--out", str(tmp_path / "tune.png")]) == 0
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert lines[0] == "account   123456789012 in eu-west-1"
    assert lines[1].split()[:4] == ["architecture", "memory", "MB", "p50"]
    assert [line.split()[1] for line in lines[2:6]] == ["512", "1,024", "1,769", "3,008"]
    assert lines[6].startswith("cheapest  ")
    assert lines[7].startswith("fastest   3,008 MB on x86_64: ")
    assert "x86_64 512 MB: p50 345.5 ms" in output.err
    with Image.open(tmp_path / "tune.png") as picture:
        assert picture.size == (1400, 620)
        assert len(picture.getcolors(1 << 20) or []) > 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"Handler": "app.main"},
            "tune: handler of function yolo must be function.handler.lambda_handler, got app.main",
        ),
        (None, "tune: function other does not exist in eu-west-1; scripts/deploy.sh creates it"),
    ],
)
def test_a_function_that_is_not_ours_is_not_changed(
    change: dict[str, str] | None, message: str, account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.latest |= change or {}
    before = account.state()
    assert tune.main([image, *([] if change else ["--function", "other"])]) == 2
    assert message in capsys.readouterr().err
    assert account.state() == before


def test_another_code_of_live_is_mentioned(account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    account.versions["5"]["CodeSha256"] = "older"
    assert tune.main([image, *FAST, "--memory", "512"]) == 0
    assert "yolo:live is version 5 with other code than $LATEST" in capsys.readouterr().out


def test_two_runs_at_the_same_time_are_refused(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from scripts.aws.session import Aws

    with note.locked(Aws("eu-west-1"), "yolo"):
        assert tune.main([image]) == 2
    assert "another scripts/tune.py measures yolo" in capsys.readouterr().err
    assert account.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.jpg", "--memory", "64"], "must be sizes between 128 and 10240 MB with commas, got '64'"),
        (["a.jpg", "--memory", "x"], "must be sizes between"),
        ([], "IMAGE must be given"),
        (["a.jpg", "--restore"], "IMAGE must be given, unless --restore is set"),
        (["a.jpg", "--warm", "0"], "--warm must be at least 1, got 0"),
        (["a.jpg", "--function", "arn:aws:lambda:x:1:function:y"], "--function must be the name of a function"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        tune.parse(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_error_in_the_middle_keeps_what_was_measured(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = account.state(), calls.measure

    def failing(*arguments: Any) -> Any:
        if arguments[3] == 1769:
            raise NotConfigured("the credentials have expired")
        return real(*arguments)

    monkeypatch.setattr(calls, "measure", failing)
    assert tune.main([image, *FAST, "--memory", "512,1769", "--json"]) == 2
    output = capsys.readouterr()
    assert output.err.splitlines()[-1] == "tune: the credentials have expired"
    assert [row["memory"] for row in json.loads(output.out)["rows"]] == [512]
    assert account.state() == before


def test_a_picture_that_cannot_be_written_is_one_line(
    account: FakeLambda, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([image, *FAST, "--memory", "512", "--out", f"{image}/tune.png"]) == 1
    output = capsys.readouterr()
    assert output.err.splitlines()[-1].startswith(f"tune: {image}/tune.png cannot be written: ")
    assert "fastest   512 MB" in output.out
