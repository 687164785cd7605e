"""What several tests share: the color model, a predictor on it, and encoded pictures with a known content."""

import importlib
import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

import function  # noqa: F401  (first: it sets what the libraries read when imported)
from function import model
from function.errors import FunctionError
from function.model import Model
from function.request import Request
from function.service import Service
from function.settings import Settings
from tests.support import color_model

ROOT = Path(__file__).resolve().parent.parent
RED_CELL = (32, 64, 64, 96)  # xyxy in a 320 x 320 picture: one cell of the color model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_model.save(tmp_path_factory.mktemp("model") / "colors.onnx")


@pytest.fixture(scope="session")
def served(model_path: Path) -> Model:
    return model.load(model_path, threads=1)


@pytest.fixture
def settings() -> Settings:
    return Settings.from_env({})


def picture(size: tuple[int, int] = (320, 320), box: tuple[int, int, int, int] = RED_CELL) -> Image.Image:
    """Gray with one red box."""
    drawn = Image.new("RGB", size, (114, 114, 114))
    drawn.paste((255, 0, 0), box)
    return drawn


def encode(drawn: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    drawn.save(buffer, kind, **options)
    return buffer.getvalue()


def service(result: Any, settings: Settings | None = None) -> Service:
    """A service that makes each request and then answers with a result, or with what a function of the request says."""

    def attempt(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except FunctionError as error:
            return error

    def answer(make: Callable[[], Request]) -> Any:
        return attempt(lambda: result(make()) if callable(result) else result)

    return Service(attempt, answer, settings or Settings.from_env({}), "id-1")


@pytest.fixture(scope="session")
def red_png() -> bytes:
    return encode(picture())


@pytest.fixture(scope="session")
def run_python() -> Callable[..., dict[str, Any]]:
    """Run a program in a fresh interpreter that sees only the project; it prints one JSON object."""

    def run(program: str, **environ: str) -> dict[str, Any]:
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        done = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return run


@pytest.fixture(scope="session")
def in_export_environment() -> Callable[[str], str]:
    """Run a program under the export environment's Python, where torch, ultralytics and OpenCV are."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "export"],
        capture_output=True,
        text=True,
        check=True,
    )
    python = found.stdout.splitlines()[-1]

    def run(program: str) -> str:
        done = subprocess.run(
            [python, "-c", textwrap.dedent(program)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


class Context:
    aws_request_id = "request-1"


@pytest.fixture(scope="session")
def handler(model_path: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_PATH", str(model_path))
        yield importlib.import_module("function.handler")
    del sys.modules["function.handler"]
