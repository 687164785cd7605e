"""The clients of the examples, each against `scripts/serve.py` with the zips of the color model."""

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.support import served

CLIENTS = ROOT / "example" / "clients"
COMMANDS = {  # file -> what starts it
    "client.py": [sys.executable, "-W", "error"],
    "client.mjs": ["node"],
    "client.sh": ["bash"],
}
USAGES = {"client.py": "python client.py", "client.mjs": "node client.mjs", "client.sh": "./client.sh"}
KEY = "correct horse"
MAX_LINES = 30
PIXELS = """(points) => {
    const context = document.querySelector("canvas").getContext("2d");
    return points.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
}"""
TIMEOUT_S = 60
WAIT_MS = 30_000

each_command = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture(scope="module")
def dist(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", str(folder)]
    subprocess.run(build, check=True, timeout=600, stdout=sys.stderr)
    return folder


@pytest.fixture(scope="module")
def url(dist: Path) -> Iterator[str]:
    with served.serve(dist, "--env", "CORS_ORIGINS=*") as address:
        yield address


@pytest.fixture(scope="module")
def url_with_key(dist: Path) -> Iterator[str]:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    with served.serve(dist, "--env", f"API_KEY_SHA256={digest}") as address:
        yield address


@pytest.fixture
def image(red_png: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    path.write_bytes(red_png)
    return path


def run(name: str, url: str, image: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    if not shutil.which(COMMANDS[name][0]) or (name == "client.sh" and not shutil.which("curl")):
        pytest.skip(f"what runs {name} is not installed")
    command = [*COMMANDS[name], str(CLIENTS / name), url, str(image)]
    environ = {name: value for name, value in os.environ.items() if name != "API_KEY"} | variables
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=environ)


def expected(url: str, image: Path) -> list[str]:
    """Return the lines of the detections, from the response itself."""
    reply = httpx.post(url, params={"conf": 0.4}, content=image.read_bytes(), timeout=TIMEOUT_S).json()
    sides = ("x_min", "y_min", "x_max", "y_max")
    return [
        " ".join(
            [found["class_name"], f"{found['confidence']:.4f}", *(f"{found['box_2d'][side]:.2f}" for side in sides)]
        )
        for found in reply["detections"]
    ]


@pytest.mark.parametrize("path", sorted(CLIENTS.iterdir()), ids=lambda path: path.name)
def test_client_is_short(path: Path) -> None:
    assert path.suffix == ".md" or len(path.read_text().splitlines()) < MAX_LINES


@each_command
def test_client_without_arguments_prints_its_usage(name: str) -> None:
    if not shutil.which(COMMANDS[name][0]):
        pytest.skip(f"what runs {name} is not installed")
    done = subprocess.run([*COMMANDS[name], str(CLIENTS / name)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert (done.stdout, done.stderr.strip()) == ("", f"usage: {USAGES[name]} URL IMAGE")


@pytest.mark.build
@pytest.mark.runtime
@each_command
def test_client_prints_the_detections(name: str, url: str, image: Path) -> None:
    done = run(name, url, image)
    assert (done.returncode, done.stderr) == (0, "")
    if name == "client.sh":
        assert [found["class_name"] for found in json.loads(done.stdout)["detections"]] == ["red"]
    else:
        assert done.stdout.splitlines() == expected(url, image) != []


@pytest.mark.build
@pytest.mark.runtime
@each_command
def test_client_fails_with_the_error_of_the_function(name: str, url: str, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("no image")
    done = run(name, url, text)
    assert done.returncode != 0
    assert "UnsupportedImage" in done.stdout + done.stderr


@pytest.mark.build
@pytest.mark.runtime
@each_command
def test_client_sends_its_key(name: str, url_with_key: str, image: Path) -> None:
    assert run(name, url_with_key, image, API_KEY=KEY).returncode == 0
    refused = run(name, url_with_key, image)
    assert refused.returncode != 0
    assert "Unauthorized" in refused.stdout + refused.stderr


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """Serve the files of a folder at another origin, as a web server of the page would."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Write nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.build
@pytest.mark.runtime
@pytest.mark.browser
def test_page_draws_the_detections(url: str, image: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no chromium or google-chrome on PATH (apt-get install chromium)")
    with files(CLIENTS) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{origin}/client.html?url={url}/")
        page.set_input_files("[type=file]", str(image))
        page.wait_for_function("document.querySelector('p').textContent === '1 detections'")
        pixels = page.evaluate(PIXELS, [[20, 80], [31, 80]])
        page.set_input_files("[type=file]", str(ROOT / "tests" / "golden" / "flat-333x777.png"))
        page.wait_for_function("document.querySelector('p').textContent === '0 detections'")
        browser.close()
    beside, (red, green, _, _) = pixels  # the line is 3 px wide, and the box begins at x = 32
    assert beside == [114, 114, 114, 255]
    assert red > 200
    assert green < 60
