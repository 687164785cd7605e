"""The document against the built zips: schemathesis makes requests of it and compares the responses."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import pythons
from tests.conftest import ROOT
from tests.function.api.openapi.test_document import DIGEST
from tests.support import color_model, served, tensor_models

CONFIG = Path(__file__).with_name("schemathesis.toml")
PYTHON = "3.13"  # of the zips
RUN_S = 300

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(not pythons.find(PYTHON), reason=f"no Python {PYTHON} on this machine"),
    pytest.mark.skipif(platform.system() != "Linux", reason="the zips are for Linux"),
]
MODELS = {"detect": color_model.save, "tensors": tensor_models.add}


@pytest.fixture(scope="module", params=MODELS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The built zips of a small model behind a real HTTP server; requests need a key."""
    folder = tmp_path_factory.mktemp("zips")
    model = MODELS[request.param](folder / "model.onnx")
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(model), "--out", str(folder / "dist")]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    with served.serve(folder / "dist", "--concurrency", "2", "--env", f"API_KEY_SHA256={DIGEST}") as address:
        yield address


def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "--config-file", str(CONFIG), "--no-color", "run", f"{url}/openapi.json"]
    done = subprocess.run(
        # The routes with a version are those without one, under a second name.
        [*command, "--header", "x-api-key: secret", "--workers", "2", "--exclude-operation-id-regex", "Version$"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "failed" not in done.stdout
