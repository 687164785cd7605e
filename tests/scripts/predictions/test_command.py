"""What predict.py and compare.py share: exit codes and messages."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import environments, manifest
from scripts.local_lambda.errors import LocalLambdaError, NotRunnable
from scripts.predictions import command
from scripts.predictions.sources import Found

NO_ZIPS = manifest.InvalidManifest(Path("build.json"), "is missing")


def execute(tmp_path: Path, run: Callable[[Found], int]) -> int:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    return command.execute("predict", [str(tmp_path)], [str(tmp_path)], run, lambda: "finished: 1")


def raising(error: BaseException) -> Callable[[Found], int]:
    def run(_: Found) -> int:
        raise error

    return run


def test_the_images_reach_the_command_and_its_exit_code_is_returned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(tmp_path, lambda found: len(found.images)) == 2
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (command.CannotRun("no"), 2, "no"),
        (NotRunnable("no zips"), 2, "no zips"),
        (environments.EnvironmentFailed("no Python"), 2, "no Python"),
        (NO_ZIPS, 2, f"{NO_ZIPS}; --dist sets the folder"),
        (LocalLambdaError("a\n  b"), 1, "a b (--verbose prints the log of the function)"),
        (FileNotFoundError(2, "No such file", "a.jpg"), 2, "a.jpg: No such file"),
        (KeyboardInterrupt(), 130, "interrupted; finished: 1 of 2 images"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(tmp_path, raising(error)) == code
    assert capsys.readouterr() == ("", f"predict: {message}\n")


def test_an_interruption_that_the_command_has_handled_has_the_same_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(tmp_path, lambda _: 130) == 130
    assert capsys.readouterr().err == "predict: interrupted; finished: 1 of 2 images\n"


def test_without_images_nothing_is_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.execute("predict", [], [str(tmp_path)], raising(AssertionError()), str) == 2
    assert capsys.readouterr().err.startswith("predict: ")


def test_without_the_packages_the_command_is_started_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(environments, "has_packages", lambda: False)
    monkeypatch.setattr(environments, "run_in", lambda name, words: started.append((name, words)) or 7)
    assert execute(tmp_path, raising(AssertionError())) == 7
    assert started == [("build", [str(command.ROOT / "scripts" / "predict.py"), str(tmp_path)])]


def test_a_closed_pipe_ends_without_a_message(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys\n"
        "from scripts.predictions import command\n"
        "def run(_):\n    print('a' * 100_000)\n    raise BrokenPipeError\n"
        f"sys.exit(command.execute('predict', [], [{str(tmp_path)!r}], run, str))\n"
    )
    (tmp_path / "a.jpg").touch()
    done = subprocess.run([sys.executable, "-c", program], cwd=command.ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
