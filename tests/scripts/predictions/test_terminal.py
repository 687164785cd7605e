"""Output of a long command."""

import os
import signal

import pytest

from scripts.predictions import terminal
from tests.support.responses import body, detection, result


def test_names_are_printed_without_markup_emoji_and_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    screen = terminal.Screen(is_quiet=False)
    screen.print("[red]:smile:\x1b[31m\n.jpg")
    screen.table(("class",), [("[bold]",)])
    assert capsys.readouterr().out.split() == ["[red]:smile:\\x1b[31m\\n.jpg", "class", "[bold]"]


def test_quiet_screen_prints_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    screen = terminal.Screen(is_quiet=True)
    screen.print("line")
    screen.note("note")
    screen.table(("class",), [("gauge",)])
    with screen.progress(10) as advance:
        for _ in range(10):
            advance(result(body("detect")), True)
    screen.error("error")
    assert capsys.readouterr() == ("", "error\n")


def test_progress_in_a_pipe_is_ten_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.Screen(is_quiet=False).progress(60) as advance:
        for _ in range(60):
            advance(result(body("detect")), False)
    assert capsys.readouterr().err.splitlines() == [f"{done} of 60" for done in range(6, 61, 6)]


def test_line_of_an_image_has_its_size_and_detections(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.Screen(is_quiet=False).progress(1) as advance:
        advance(result(body("detect", detection(), detection())), True)
    assert capsys.readouterr().out == "a.jpg  100 x 200  2 gauge\n"


def test_first_interruption_is_noted_and_the_second_raised() -> None:
    earlier = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), terminal.interruption() as is_interrupted:
        assert not is_interrupted()
        os.kill(os.getpid(), signal.SIGINT)
        assert is_interrupted()
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is earlier
