"""call.py with a server on loopback that is a Function URL and Lambda's API, both with the real handler."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts import call
from scripts.client.connection import Connection
from tests.conftest import RED_CELL
from tests.scripts.client.conftest import Lambda, printed


def test_the_boxes_of_a_function_are_printed(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--function", "yolo:live"]) == 0
    lines = printed(capsys).splitlines()
    assert lines[1].split() == ["320", "x", "320", "1", "box"]
    assert lines[3].split()[2:] == [f"{edge:.2f}" for edge in RED_CELL]
    assert "cold start, init 301 ms" in lines[0]
    assert served.requests[0][0] == "/2015-03-31/functions/yolo%3Alive/invocations"


def test_a_url_and_a_function_name_return_the_same_boxes(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--json"]) == 0
    by_url = json.loads(printed(capsys))["answers"][0]["body"]["detections"]
    assert call.main([str(red), "--json"]) == 0
    assert by_url == json.loads(printed(capsys))["answers"][0]["body"]["detections"]


@pytest.mark.parametrize("by", ["function", "url"])
def test_the_options_reach_the_function(by: str, served: Lambda, red: Path) -> None:
    target = ["--url", served.url] if by == "url" else []
    options = ["--conf", "0.4", "--iou", "0.5", "--max-det", "7", "--classes", "0,red", "--option", "draw=1"]
    assert call.main([str(red), *target, *options]) == 0
    sent = json.loads(served.requests[0][2])
    assert sent.keys() == {"conf", "iou", "max_det", "classes", "draw", "image_data", "image_name"}
    assert {name: str(sent[name]) for name in ("conf", "iou", "max_det", "classes", "draw")} == {
        "conf": "0.4", "iou": "0.5", "max_det": "7", "classes": "0,red", "draw": "1",
    }  # fmt: skip
    assert sent["image_name"] == "red.png"


def test_quiet_prints_only_images_with_an_error(
    served: Lambda, red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--quiet", "--repeat", "2", "--save", str(tmp_path / "out")]) == 0
    assert printed(capsys) == ""
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert call.main([str(red), str(tmp_path / "broken.png"), "--quiet"]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("broken.png   415 UnsupportedImage: ")


def test_verbose_prints_the_url_and_the_log_to_stderr(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--verbose", "--json"]) == 0
    output = capsys.readouterr()
    first, account, log = output.err.splitlines()
    assert first == f"POST {served.url}/2015-03-31/functions/yolo%3Alive/invocations, signed for eu-west-1"
    assert account == "account   123456789012 in eu-west-1"
    assert log.startswith("red.png  | REPORT RequestId: 1 ") and "Init Duration: 301.25 ms" in log
    assert json.loads(output.out.splitlines()[-1])["answers"][0]["status"] == 200


def test_verbose_says_that_a_url_gets_no_log(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call.main([str(red), "--verbose", "--url", served.url]) == 0
    first, log = capsys.readouterr().err.splitlines()
    assert first == f"POST {served.url}, not signed"
    assert log == "red.png  | no log: only a call with --function gets it"


def test_a_function_without_an_alias_is_called_by_the_alias_live(served: Lambda, red: Path) -> None:
    assert call.main([str(red), "--function", "gauges"]) == 0
    assert served.requests[0][0] == "/2015-03-31/functions/gauges%3Alive/invocations"


def test_an_error_response_is_shown_and_exits_with_1(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--url", served.url, "--conf", "7"]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("red.png   422 InvalidOption: conf must be between 0 and 1, got '7'   ")


def test_an_unhandled_error_of_the_function_has_status_502(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.function_error = True
    assert call.main([str(red), "--json"]) == 1
    assert json.loads(printed(capsys))["answers"][0]["status"] == 502


def test_an_error_of_the_lambda_api_is_shown(served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served.api_error = 404, b'{"Message": "Function not found"}'
    assert call.main([str(red)]) == 1
    (line,) = printed(capsys).splitlines()
    assert line.startswith("red.png   404 Function not found   ")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_interruption_prints_what_was_received(
    options: list[str], served: Lambda, red: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Connection.call

    def interrupted_after_two(connection: Connection, event: dict[str, Any]) -> Any:
        if len(served.requests) == 2:
            raise KeyboardInterrupt
        return real(connection, event)

    monkeypatch.setattr(Connection, "call", interrupted_after_two)
    assert call.main([str(red), str(red), str(red), *options]) == 130
    output = capsys.readouterr()
    assert output.err == "call: interrupted; 2 of 3 calls have a response\n"
    text = "\n".join(line for line in output.out.splitlines() if not line.startswith('{"_aws"'))
    if options:
        document = json.loads(text)
        assert [answer["status"] for answer in document["answers"]] == [200, 200]
        assert document["load"]["calls"] == 2
    else:
        assert text.count("red.png   200") == 2


def test_images_are_saved_with_their_boxes_under_different_names(served: Lambda, red: Path, tmp_path: Path) -> None:
    assert call.main([str(red), str(red), "--save", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["red-2.jpg", "red.jpg"]
    with Image.open(tmp_path / "out" / "red.jpg") as annotated, Image.open(red) as plain:
        assert annotated.size == plain.size
        assert annotated.convert("RGB").tobytes() != plain.convert("RGB").tobytes()


def test_the_command_runs_in_the_environment_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("scripts.environments.has_packages", lambda name: name != "aws")
    monkeypatch.setattr("scripts.environments.run_in", lambda *command: (started.append(command), 3)[1])
    assert call.main(["a.jpg", "--save", "out"]) == 3
    ((environment, (program, *arguments)),) = started
    assert (environment, arguments) == ("aws", ["a.jpg", "--save", "out"])
    assert program.endswith("/scripts/call.py")


def test_results_are_printed_when_they_come(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, printed_first = red.with_name("other.png"), threading.Event()
    other.write_bytes(red.read_bytes())
    real, write = Connection.call, sys.stdout.write

    def slow_first(connection: Connection, event: dict[str, Any]) -> Any:
        if event["image_name"] == "red.png":
            assert printed_first.wait(20), "the second image was not printed before the first one was finished"
        return real(connection, event)

    def watched(text: str) -> int:
        if text.startswith("other.png"):
            printed_first.set()
        return write(text)

    monkeypatch.setattr(Connection, "call", slow_first)
    monkeypatch.setattr(sys.stdout, "write", watched)
    assert call.main([str(red), str(other), "--concurrency", "2"]) == 0
    assert [line.split()[0] for line in printed(capsys).splitlines() if ".png" in line] == ["other.png", "red.png"]


def test_the_document_has_the_order_of_the_images(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [red.with_name(f"{letter}.png") for letter in "cabd"]
    for path in names:
        path.write_bytes(red.read_bytes())
    assert call.main([*map(str, names), "--concurrency", "4", "--json"]) == 0
    document = json.loads(printed(capsys))
    assert [answer["image"] for answer in document["answers"]] == list(map(str, names))
    assert document["answers"][0].keys() == {"image", "status", "ms", "init_ms", "body"}


def test_an_image_that_cannot_be_read_is_an_error_of_this_image(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = red.with_name("gone.png")
    gone.write_bytes(b"x")
    real = call.images.event

    def removed(image: Any, request: dict[str, str]) -> dict[str, Any]:
        gone.unlink(missing_ok=True)
        return real(image, request)

    monkeypatch.setattr("scripts.client.images.event", removed)
    assert call.main([str(gone), str(red)]) == 1
    output = printed(capsys)
    assert f"{gone} cannot be read: No such file or directory" in output
    assert "red.png   200" in output


def test_a_folder_that_cannot_be_written_is_one_line(
    served: Lambda, red: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call.main([str(red), "--save", str(red)]) == 2
    assert capsys.readouterr().err == f"call: {red} cannot be written: File exists\n"
