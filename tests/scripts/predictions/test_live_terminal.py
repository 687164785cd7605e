"""Progress on a live terminal: a program runs on a pseudo-terminal, and the test reads what the terminal gets."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

PROGRAM = """
import sys, time
from scripts.predictions import terminal
from tests.support.responses import body, detection, result

screen = terminal.Screen(is_quiet="quiet" in sys.argv)
with terminal.interruption() as is_interrupted, screen.progress(4) as advance:
    for number in range(4):
        advance(result(body("detect", detection())), "listed" in sys.argv)
        if number == 1:
            screen.error("broken.jpg: 415")
            print("ready", flush=True)
            time.sleep(0.3 if "wait" not in sys.argv else 0)
        while "wait" in sys.argv and not is_interrupted():
            time.sleep(0.01)
        if is_interrupted():
            break
screen.print(f"finished: {number + 1}")
"""
COLOR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-79]|38;[\d;]+)m")
BAR = re.compile("[━╸╺]{5}")
CURSOR = "\x1b[?25l"  # hide the cursor


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    names = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM", "CI")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    yield {**kept, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", "PYTHONPATH": str(ROOT)}


def on_terminal(environ: dict[str, str], *arguments: str, keys: bytes = b"") -> tuple[int, str]:
    """Run PROGRAM on a pseudo-terminal; return its exit code and what the terminal got.

    Args:
        environ: variables of the program.
        arguments: words that change what it does.
        keys: typed when the program has started.
    """
    master, slave = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C on it becomes SIGINT

    command = [sys.executable, "-c", PROGRAM, *arguments]
    program = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal
    )
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
            if keys and BAR.search(output.decode(errors="replace")):
                os.write(master, keys)
                keys = b""
    except OSError:  # Linux: the program has closed the terminal
        pass
    os.close(master)
    return program.wait(30), output.decode()


def test_terminal_shows_a_bar_in_color_that_is_removed_at_the_end(environ: dict[str, str]) -> None:
    code, text = on_terminal(environ)
    assert code == 0
    assert BAR.search(text) and "4/4" in text and CURSOR in text
    assert COLOR.search(text)
    assert "of 4" not in text  # the plain lines
    assert text.rstrip().endswith("finished: 4")
    assert "\x1b[2K" in text.split("4/4")[-1]  # the line of the bar is erased


def test_no_color_leaves_the_bar_and_removes_the_colors(environ: dict[str, str]) -> None:
    code, text = on_terminal({**environ, "NO_COLOR": "1"})
    assert code == 0
    assert BAR.search(text) and "broken.jpg: 415" in text
    assert not COLOR.search(text)


def test_lines_of_images_stand_above_the_bar(environ: dict[str, str]) -> None:
    text = on_terminal(environ, "listed")[1]
    assert BAR.search(text)
    assert text.count("a.jpg  100 x 200  1 gauge\r\n") == 4


def test_quiet_terminal_has_no_bar(environ: dict[str, str]) -> None:
    code, text = on_terminal(environ, "quiet")
    assert code == 0
    assert not BAR.search(text)
    assert re.sub(r"\x1b\[[\d;]*m", "", text).splitlines() == ["broken.jpg: 415", "ready"]


def test_dumb_terminal_gets_no_cursor_codes(environ: dict[str, str]) -> None:
    text = on_terminal({**environ, "TERM": "dumb"})[1]
    assert "\x1b" not in text
    assert "finished: 4" in text


def test_pipe_gets_plain_lines(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ready\nfinished: 4\n"
    assert done.stderr.splitlines() == ["1 of 4", "2 of 4", "broken.jpg: 415", "3 of 4", "4 of 4"]


def test_ctrl_c_ends_the_bar_and_the_command_says_what_is_finished(environ: dict[str, str]) -> None:
    code, text = on_terminal(environ, "wait", keys=b"\x03")
    assert code == 0
    assert "\x1b[?25h" in text  # the cursor is back
    assert text.rstrip().endswith("finished: 1")
