"""Files of `yolo export format=onnx quantize=16` and `quantize=8`: the function finds the boxes of `predict`."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from function import model, predictor
from function.model import Model
from function.postprocess.boxes import iou_one_to_many
from function.request import Options
from function.settings import Settings
from tests.conftest import ROOT
from tests.support.export_commands import probe

pytestmark = pytest.mark.torch

SAMPLES = sorted((ROOT / "example" / "samples").glob("*.jpg"))[:3]
CONF = 0.3
CODE = """
    import contextlib, pathlib
    from ultralytics import YOLO
    ultralytics_setup.patch_torchvision()
    folder, dynamic = pathlib.Path(sys.argv[1]), sys.argv[2] == "True"
    results = {}
    with contextlib.redirect_stdout(sys.stderr):
        for bits in (16, 8):
            options = {"data": str(folder / "data.yaml"), "fraction": 1.0} if bits == 8 else {}
            exported = YOLO(str(folder / "best.pt")).export(
                format="onnx", imgsz=320, dynamic=dynamic, quantize=bits, device="cpu", **options
            )
            path = pathlib.Path(exported).rename(folder / f"{bits}.onnx")
            yolo, results[bits] = YOLO(str(path), task="detect"), []
            options = {"conf": float(sys.argv[4]), "imgsz": 320, "rect": dynamic, "device": "cpu", "verbose": False}
            for image in json.loads(sys.argv[3]):  # one at a time: several of other shapes would be padded to a square
                (result,) = yolo.predict(image, save=False, **options)
                found = result.boxes
                results[bits].append([found.xyxy.tolist(), found.conf.tolist(), found.cls.tolist()])
    print(json.dumps(results))
"""


@pytest.fixture(scope="module", params=[False], ids=["static"])
def exported(
    request: pytest.FixtureRequest, export_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("quantized")
    shutil.copyfile(ROOT / "example" / "best.pt", folder / "best.pt")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for path in SAMPLES:
        shutil.copyfile(path, folder / "images" / path.name)
        (folder / "labels" / path.with_suffix(".txt").name).write_text("0 0.5 0.5 0.2 0.2\n")
    text = f"path: {folder}\ntrain: images\nval: images\nnames: {{0: gauge, 1: clock}}\n"
    (folder / "data.yaml").write_text(text)
    arguments = (folder, request.param, json.dumps([str(path) for path in SAMPLES]), CONF)
    return folder, probe(export_python, CODE, *arguments)


@pytest.mark.parametrize("bits", ["16", "8"])
def test_function_finds_the_boxes_of_predict(exported: tuple[Path, dict[str, Any]], bits: str) -> None:
    folder, expected = exported
    served = model.load(folder / f"{bits}.onnx", threads=1)
    assert isinstance(served, Model)
    for path, (boxes, scores, classes) in zip(SAMPLES, expected[bits], strict=True):
        actual = predictor.predict(served, Settings.from_env({}), path.read_bytes(), Options(conf=CONF))
        assert actual.class_ids.tolist() == [int(class_id) for class_id in classes]
        assert np.abs(actual.scores - scores).max(initial=0) <= 1e-4
        ious = [iou_one_to_many(np.array(box), actual.boxes_xyxy[None, row])[0] for row, box in enumerate(boxes)]
        assert min(ious, default=1.0) >= 0.9997
