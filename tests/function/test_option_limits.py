"""Every pair of extreme option values gives a response, or an error that names the option, within the default limits.

The fast tests use models whose every anchor is a detection: no trained model returns more. The slow ones use the
example models and images of 49 megapixels. Time is CPU time of one thread, as 1,769 MB have it.
"""

import base64
import io
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from allpairspy import AllPairs
from PIL import Image

from function import model, sources
from function.model import Model
from function.service import Service
from function.settings import Settings
from tests.conftest import ROOT, encode
from tests.support import fixed_output_model

SIDE, ANCHORS = 640, 8400
EXTRAS = {"detect": 0, "obb": 1, "pose": 51, "segment": 32}
VALUES: dict[str, list[Any]] = {
    "conf": [0, 0.5, 1],
    "iou": [0, 0.7, 1],
    "max_det": [1, 3000],
    "classes": [None, [0], ["blue"]],
    "agnostic": [False, True],
    "masks": ["polygons", "rle", "none"],
}
WEIGHTS = {"detect": "best.pt", **{task: f"tasks/{task}.pt" for task in ("segment", "pose", "obb", "classify")}}
REFUSED = {413, 422}
NAMED = re.compile(r"\b(max_det|masks|conf|images|MAX_IMAGE_PIXELS)\b")
MAX_RESPONSE = 6 * 1024 * 1024
BIG = (7000, 7000)  # 49 megapixels


def default(parameter: str) -> int:
    text = (ROOT / "template.yaml").read_text()
    found = re.search(rf'\n  {parameter}:\n(?:    .*\n)*?    Default: "?(\d+)', text)
    assert found
    return int(found[1])


def combinations() -> Iterator[dict[str, Any]]:
    """Every pair of values, of all options together."""
    for row in AllPairs(list(VALUES.values())):
        yield {name: value for name, value in zip(VALUES, row, strict=True) if value is not None}


def every_anchor_is_a_detection(folder: Path, task: str) -> Model:
    """A model with boxes of every size at every place; half of them as large as the image."""
    random = np.random.default_rng(7)
    output = np.zeros((1, 6 + EXTRAS[task], ANCHORS), np.float32)
    output[0, :2] = random.uniform(0, SIDE, (2, ANCHORS))
    output[0, 2:4] = random.uniform(1, SIDE, (2, ANCHORS))
    output[0, :4, ::2] = np.array([[SIDE / 2, SIDE / 2, SIDE, SIDE]], np.float32).T
    output[0, 4:6] = random.uniform(0.01, 0.99, (2, ANCHORS))
    output[0, 6:] = random.normal(size=(EXTRAS[task], ANCHORS))
    outputs = [output]
    if task == "segment":
        coarse = random.normal(size=(1, 32, 20, 20)).astype(np.float32)
        outputs.append(coarse.repeat(8, axis=2).repeat(8, axis=3))
    if task == "pose":
        output[0, 6:] = random.uniform(0, SIDE, (EXTRAS[task], ANCHORS))
    metadata = {"task": task, "stride": "32", "imgsz": f"[{SIDE}, {SIDE}]", "names": "{0: 'red', 1: 'blue'}"}
    if task == "pose":
        metadata["kpt_shape"] = "[17, 3]"
    served = model.load(fixed_output_model.save(folder / f"{task}.onnx", outputs, metadata, side=SIDE), threads=1)
    assert isinstance(served, Model)
    return served


def respond(served: Model, fields: dict[str, Any]) -> tuple[int, dict[str, Any], float]:
    """Status, body and CPU seconds of a direct invocation."""
    service = Service(served, Settings.from_env({}), "request-1")
    started = process_time()
    reply = sources.find(fields).respond(fields, service)
    assert len(json.dumps(reply)) <= MAX_RESPONSE
    return reply["statusCode"], json.loads(reply["body"]), process_time() - started


def require_documented(status: int, body: dict[str, Any], seconds: float, limit: float) -> None:
    assert seconds < limit, body.get("error")
    assert status in {200, *REFUSED}, body
    if status != 200:
        assert NAMED.search(body["error"]), body


@pytest.fixture(scope="module")
def flat() -> str:
    return base64.b64encode(encode(Image.new("RGB", (3000, 2000), (114, 114, 114)), "JPEG")).decode()


@pytest.mark.parametrize("task", EXTRAS)
def test_every_pair_of_extreme_options_is_answered_in_a_third_of_the_timeout(
    tmp_path: Path, flat: str, task: str
) -> None:
    served = every_anchor_is_a_detection(tmp_path, task)
    statuses = set()
    for options in combinations():
        if task != "segment" and options["masks"] != "polygons":
            continue  # without effect
        status, body, seconds = respond(served, {"image_data": flat, **options})
        require_documented(status, body, seconds, default("Timeout") / 3)
        statuses.add(status)
    assert 200 in statuses


def test_masks_at_their_limits_are_refused_by_the_name_of_the_option(tmp_path: Path, flat: str) -> None:
    served = every_anchor_is_a_detection(tmp_path, "segment")
    options = {"conf": 0, "iou": 1, "max_det": 3000, "masks": "rle"}
    status, body, seconds = respond(served, {"image_data": flat, **options})
    assert (status, body["type"]) == (413, "TooLarge")
    assert "max_det" in body["error"]
    assert seconds < 1


def test_response_of_many_images_ends_at_the_first_that_does_not_fit(tmp_path: Path, flat: str) -> None:
    served = every_anchor_is_a_detection(tmp_path, "pose")
    image = {"image_data": flat}
    status, body, _ = respond(served, {"images": [image] * 16, "conf": 0, "iou": 1, "max_det": 3000})
    assert (status, body["type"]) == (413, "TooLarge")
    done = re.search(r"in the first (\d+) of 16 images", body["error"])
    assert done
    assert int(done[1]) <= 4


def test_default_timeout_and_memory_are_those_of_the_template() -> None:
    assert (default("Timeout"), default("Memory")) == (30, 1769)


CHILD = """
import json, sys
from pathlib import Path
from tests.function import test_option_limits as limits
from function import model
import base64
served = model.load(Path(sys.argv[1]), threads=1)
image = base64.b64encode(Path(sys.argv[2]).read_bytes()).decode()
rows = []
for options in limits.combinations():
    if "classes" in options:
        options["classes"] = [0]
    rows.append(limits.respond(served, {"image_data": image, **options}))
status = Path("/proc/self/status").read_text()  # ru_maxrss begins with that of the process that started this one
peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
print(json.dumps({"peak": peak, "rows": [(status, body.get("error", ""), s) for status, body, s in rows]}))
"""


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example models, exported with the command that users type."""
    folder = tmp_path_factory.mktemp("examples")
    for task, weights in WEIGHTS.items():
        command = [sys.executable, "-m", "export", f"example/{weights}", "--output", str(folder / f"{task}.onnx")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def big_image(path: Path, content: str) -> Path:
    drawn = Image.new("RGB", BIG, (114, 114, 114))
    if content == "noise":
        noise = np.random.default_rng(1).integers(0, 256, (BIG[1] // 4, BIG[0] // 4, 3), dtype=np.uint8)
        drawn = Image.fromarray(noise).resize(BIG, Image.Resampling.NEAREST)
    elif content == "objects":
        with Image.open(io.BytesIO((ROOT / "example/samples/small-300x225.jpg").read_bytes())) as sample:
            for left, top in itertools.product(range(0, BIG[0], 700), repeat=2):
                drawn.paste(sample.resize((700, 525)), (left, top))
    path.write_bytes(encode(drawn, "JPEG", quality=80))
    return path


@pytest.mark.torch
@pytest.mark.parametrize(
    ("task", "content"),
    [*((task, "objects") for task in WEIGHTS), ("detect", "flat"), ("segment", "noise"), ("obb", "noise")],
)
def test_examples_answer_every_pair_of_extreme_options_for_49_megapixels(
    exported: Path, tmp_path: Path, task: str, content: str
) -> None:
    drawn = big_image(tmp_path / "big.jpg", content)
    command = [sys.executable, "-c", CHILD, str(exported / f"{task}.onnx"), str(drawn)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    for status, error, seconds in result["rows"]:
        require_documented(status, {"error": error}, seconds, default("Timeout"))
    assert result["peak"] < default("Memory")
