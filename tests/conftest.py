"""Shared fixtures: the color model, the handler and a service on it, and images with known content."""

import gc
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

import function  # noqa: F401  (first: it sets variables that libraries read while they are imported)
from function import model, predictor
from function.errors import FunctionError
from function.model import Model
from function.request import Options
from function.results import Result
from function.service import Service
from function.settings import Settings
from tests.support import color_model

ROOT = Path(__file__).resolve().parent.parent
RED_CELL = (32, 64, 64, 96)  # xyxy in an image of 320 x 320: one cell of the color model


@pytest.fixture(autouse=True)
def own_session() -> None:
    """Forget the session of boto3, which keeps the credentials of an earlier test."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None  # type: ignore[attr-defined]


@pytest.fixture
def closes_connections() -> Iterator[None]:
    """Close the connections of interrupted calls, which the garbage collector would close during another test.

    The test ignores the ResourceWarning: the mark `filterwarnings` is beside the fixture.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_model.save(tmp_path_factory.mktemp("model") / "colors.onnx")


@pytest.fixture(scope="session")
def served(model_path: Path) -> Model:
    return model.load(model_path, threads=1)


@pytest.fixture
def settings() -> Settings:
    return Settings.from_env({})


def image_with_box(size: tuple[int, int] = (320, 320), box: tuple[int, int, int, int] = RED_CELL) -> Image.Image:
    """A gray image with one red box."""
    drawn = Image.new("RGB", size, (114, 114, 114))
    drawn.paste((255, 0, 0), box)
    return drawn


def encode(drawn: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    drawn.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def make_service(served: Model, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Service]:
    """Make a service whose predictor returns a fixed result, or the result of a function of the image name."""

    def make(result: Any, settings: Settings | None = None) -> Service:
        def predict(
            served: Model,
            settings: Settings,
            data: bytes,
            options: Options,
            image_name: str | None,
            deadline: float | None,
        ) -> Result:
            outcome: Result = result(image_name) if callable(result) else result
            if isinstance(outcome, FunctionError):
                raise outcome
            return outcome

        monkeypatch.setattr(predictor, "predict", predict)
        return Service(served, settings or Settings.from_env({}), "id-1")

    return make


@pytest.fixture(scope="session")
def red_png() -> bytes:
    return encode(image_with_box())


@pytest.fixture(scope="session")
def run_python() -> Callable[..., dict[str, Any]]:
    """Run a program in a new interpreter that can import only the project; its last line is a JSON value."""

    def run(program: str, **environ: str) -> dict[str, Any]:
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
        done = subprocess.run(
            [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        output: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return output

    return run


@pytest.fixture(scope="session")
def in_export_environment() -> Callable[[str], str]:
    """Run a program with the Python of the export environment, which has torch, ultralytics and OpenCV."""
    located = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "environments.py"), "export"],
        capture_output=True,
        text=True,
        check=True,
    )
    python = located.stdout.splitlines()[-1]

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
