"""An account with a function, and an image for it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import home
from tests.scripts.tuning.fake_lambda import FakeLambda


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLambda]:
    with FakeLambda() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        variables = {
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": server.url,
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(home, "build", lambda: tmp_path / "build")
        monkeypatch.chdir(tmp_path)  # without the zips of the checkout
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"not read by the fake")
    return str(path)


@pytest.fixture
def arm64_zips(tmp_path: Path) -> Path:
    folder = tmp_path / "dist-arm64"
    folder.mkdir()
    (folder / "build.json").write_text('{"arch": "arm64", "python": "3.14"}')
    (folder / "layer.zip").write_bytes(b"packages for arm64")
    (folder / "function.zip").write_bytes(b"code for arm64")
    return folder
