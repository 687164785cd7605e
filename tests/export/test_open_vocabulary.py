"""YOLO-World and YOLOE: exported with the classes that are set, refused without."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from function import model
from tests.conftest import ROOT
from tests.export.test_tasks import export
from tests.support.export_commands import metadata, probe
from tests.support.open_vocabulary_weights import NAMES, WORLD, YOLOE

pytestmark = pytest.mark.torch

EXPORTS = {  # name -> weights, options
    "world": ("world", []),
    "world-static": ("world", ["--static"]),
    "world-v2": ("world-v2", []),
    **{name: (name, []) for name in YOLOE},
}
REFUSED = [f"{name}-unset" for name in WORLD | YOLOE] + ["world-names-only", "yoloe-fewer-names"]


@pytest.fixture(scope="module")
def folder(export_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("open-vocabulary")
    command = [export_python, "-m", "tests.support.open_vocabulary_weights", str(written)]
    subprocess.run(command, cwd=ROOT, check=True)
    return written


@pytest.fixture(scope="module")
def exported(folder: Path, export_python: Path) -> dict[str, list[Any]]:
    commands = {
        name: [str(folder / f"{file}.pt"), *options, "--output", str(folder / f"{name}.onnx")]
        for name, (file, options) in EXPORTS.items()
    }
    return export(export_python, commands)


@pytest.mark.parametrize("name", EXPORTS)
def test_model_with_classes_computes_the_same_as_the_torch_model(exported: dict[str, list[Any]], name: str) -> None:
    code, err, report = exported[name]
    assert code == 0, err
    assert all(image["is_ok"] for image in report["images"]), report["images"]


@pytest.mark.parametrize("name", EXPORTS)
def test_exported_model_has_the_classes_that_were_set(exported: dict[str, list[Any]], folder: Path, name: str) -> None:
    assert exported[name][0] == 0, exported[name][1]
    served = model.load(folder / f"{name}.onnx", threads=1)
    assert isinstance(served, model.Model)
    assert list(served.metadata.names.values()) == NAMES
    output = model.run(served, np.zeros((1, 3, 160, 160), np.float32))[0]
    assert output.shape[:2] == (1, 4 + len(NAMES) + (32 if "segment" in name else 0))


@pytest.mark.parametrize("name", EXPORTS)
def test_exported_model_has_no_text_encoder(exported: dict[str, list[Any]], folder: Path, name: str) -> None:
    assert exported[name][0] == 0, exported[name][1]
    assert [declared.name for declared in onnx.load(folder / f"{name}.onnx").graph.input] == ["images"]
    assert metadata(folder / f"{name}.onnx")["task"] == ("segment" if "segment" in name else "detect")


def test_model_without_classes_is_refused_and_the_message_says_how_to_set_them(
    folder: Path, export_python: Path
) -> None:
    commands = {name: [str(folder / f"{name}.pt"), "--output", str(folder / "no.onnx")] for name in REFUSED}
    for name, (code, err, _) in export(export_python, commands).items():
        lines = [line for line in err.splitlines() if line.startswith("export: ")]
        assert code == 2, err
        assert len(lines) == 1, err
        assert "classes are not set" in lines[0]
        assert f'{"YOLOE" if "yoloe" in name else "YOLOWorld"}("{name}.pt"), model.set_classes(' in lines[0]


def test_pooling_by_slices_equals_adaptive_pooling(export_python: Path) -> None:
    program = """
        import torch
        from ultralytics.nn.modules.block import ImagePoolingAttn
        from export.open_vocabulary import replace_adaptive_pools
        module = ImagePoolingAttn(32, (8, 16), 64)
        before = list(module.im_pools)
        replace_adaptive_pools(torch.nn.Sequential(module))
        equal = []
        for height, width in json.loads(sys.argv[1]):
            maps = torch.randn(2, 8, height, width)
            equal.append(torch.equal(before[0](maps).view(2, -1, 9), module.im_pools[1](maps).view(2, -1, 9)))
        print(json.dumps(equal))
    """
    sides = [[1, 1], [2, 2], [2, 5], [3, 3], [5, 7], [10, 6], [20, 20], [80, 41]]
    assert probe(export_python, program, json.dumps(sides)) == [True] * len(sides)
