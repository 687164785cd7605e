"""Every task and every head through the command line: verified against torch, and served by the function."""

import ast
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from PIL import Image

from export.verify.inputs import draw
from function import model
from tests.support.export_commands import metadata, probe

pytestmark = pytest.mark.torch

SIDE = 160  # pixels


class Exported(NamedTuple):
    """A finished export."""

    path: Path
    code: int
    err: str
    report: dict[str, Any]  # of --json


# name -> weights, options, name of the layout in the function, shapes of the outputs for an image of 160 x 160
EXPORTS: dict[str, tuple[str, list[str], str, list[tuple[int, ...]]]] = {
    "segment": ("segment", [], "anchors", [(1, 4 + 3 + 32, 525), (1, 32, 40, 40)]),
    "segment-end2end": ("segment", ["--end2end"], "end-to-end", [(1, 105, 6 + 32), (1, 32, 40, 40)]),
    "pose": ("pose", ["--static"], "anchors", [(1, 4 + 3 + 51, 525)]),
    "pose-end2end": ("pose", ["--end2end", "--static"], "end-to-end", [(1, 300, 6 + 51)]),
    "obb": ("obb", ["--batch", "2"], "anchors", [(1, 4 + 3 + 1, 525)]),
    "classify": ("classify", ["--batch", "3"], "probabilities", [(1, 3)]),
    "rtdetr": ("rtdetr", [], "end-to-end queries", [(1, 300, 6)]),
    "tiny": ("tiny", [], "anchors", [(1, 4 + 3, 125)]),
    "detect-end2end": ("two-heads", ["--end2end"], "end-to-end", [(1, 105, 6)]),
    "detect-batch": ("detect", ["--static", "--batch", "3"], "anchors", [(1, 4 + 3, 525)]),
    "fused-end2end": ("fused-end-to-end", ["--end2end"], "end-to-end", [(1, 105, 6)]),
}
RUN = """
    import contextlib, io, pathlib, tempfile
    from export import cli
    done = {}
    report = pathlib.Path(tempfile.mkdtemp(), "report.json")
    for name, arguments in json.loads(sys.argv[1]).items():
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([*arguments, "--json", str(report)])
        done[name] = [code, err.getvalue(), json.loads(report.read_text())]
        report.unlink()
    report.parent.rmdir()
    print(json.dumps(done))
"""


def export(python: Path, commands: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Run commands in one process, so that torch is loaded once; return exit code, stderr and report of each."""
    done: dict[str, list[Any]] = probe(python, RUN, json.dumps(commands))
    return done


@pytest.fixture(scope="session")
def exported(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    folder = tmp_path_factory.mktemp("tasks")
    paths = {name: folder / f"{name}.onnx" for name in EXPORTS}
    commands = {
        name: [str(weights / f"{file}.pt"), *options, "--output", str(paths[name])]
        for name, (file, options, _, _) in EXPORTS.items()
    }
    return {name: Exported(paths[name], *done) for name, done in export(export_python, commands).items()}


@pytest.mark.parametrize("name", EXPORTS)
def test_onnx_model_computes_the_same_as_the_torch_model(exported: dict[str, Exported], name: str) -> None:
    assert exported[name].code == 0, exported[name].err
    images = exported[name].report["images"]
    assert len(images) >= 8
    assert all(image["is_ok"] for image in images), images


@pytest.mark.parametrize("name", EXPORTS)
def test_function_serves_it(exported: dict[str, Exported], name: str) -> None:
    served = model.load(exported[name].path, threads=1)
    assert served.layout.name == EXPORTS[name][2]
    outputs = model.run(served, np.zeros((1, 3, SIDE, SIDE), dtype=np.float32))
    assert [output.shape for output in outputs] == EXPORTS[name][3]


@pytest.mark.parametrize("name", ["segment-end2end", "pose-end2end", "detect-end2end", "fused-end2end"])
def test_end_to_end_head_is_stated_in_the_metadata(exported: dict[str, Exported], name: str) -> None:
    entries = metadata(exported[name].path)
    assert entries["end2end"] == "True"
    assert ast.literal_eval(entries["args"])["nms"] is False


@pytest.mark.parametrize(("name", "batch"), [("obb", "batch"), ("classify", 3), ("detect-batch", 3), ("rtdetr", 1)])
def test_batch_is_fixed_with_the_sides(exported: dict[str, Exported], name: str, batch: int | str) -> None:
    (dims,) = [tensor.type.tensor_type.shape.dim for tensor in onnx.load(str(exported[name].path)).graph.input]
    assert (dims[0].dim_param or dims[0].dim_value) == batch


@pytest.mark.parametrize("name", ["classify", "rtdetr"])
def test_model_of_one_input_size_is_static_and_a_note_is_printed(exported: dict[str, Exported], name: str) -> None:
    assert not model.load(exported[name].path, threads=1).metadata.rectangular
    assert "sides are fixed" in exported[name].err


def test_end_to_end_head_runs_on_the_smallest_letterbox(exported: dict[str, Exported]) -> None:
    served = model.load(exported["detect-end2end"].path, threads=1)
    for sides in ((SIDE, 32), (32, SIDE)):
        (output,) = model.run(served, np.zeros((1, 3, *sides), dtype=np.float32))
        assert output.shape == (1, 105, 6)
    assert "at most 105 boxes for each image" in exported["detect-end2end"].err


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of images, as a user passes it."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(12):
        Image.fromarray(draw(120, SIDE, seed)).save(folder / f"{seed:02d}.png")
    return folder


@pytest.fixture(scope="session")
def compressed(export_python: Path, weights: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("compressed")
    whole, none = str(weights / "detect.pt"), str(weights / "untrained.pt")
    int8 = [whole, "--int8", "--data", str(photos), "--output"]
    commands = {
        "plain": [whole, "--output", str(folder / "plain.onnx")],
        "int8": [*int8, str(folder / "int8.onnx"), "--min-agreement", "0"],
        "strict": [*int8, str(folder / "strict.onnx"), "--min-agreement", "1"],
        "half": [whole, "--half-weights", "--data", str(photos), "--output", str(folder / "half.onnx")],
        "nothing": [none, "--half-weights", "--output", str(folder / "nothing.onnx")],
        "no-head": [whole, "--end2end", "--output", str(folder / "no-head.onnx")],
    }
    return folder, export(export_python, commands)


def test_int8_makes_a_smaller_file_and_reports_the_cost(compressed: Any) -> None:
    folder, done = compressed
    code, err, report = done["int8"]
    assert code == 0, err
    sizes = [(folder / f"{name}.onnx").stat().st_size for name in ("plain", "int8")]
    assert sizes[1] < 0.6 * sizes[0]
    measured = report["compression"]
    assert (measured["method"], measured["bytes"], measured["agreement"]["images"]) == ("int8", sizes, 3)
    assert 0 <= measured["agreement"]["f1"] <= 1
    for ratio in (measured["run_time_ratio"], measured["load_time_ratio"]):
        assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    assert report["model"]["size"] == sizes[1]
    assert ast.literal_eval(metadata(folder / "int8.onnx")["quantization"])["images"] == 9


def test_model_below_the_required_agreement_is_not_written(compressed: Any) -> None:
    folder, done = compressed
    code, err, report = done["strict"]
    assert code == 1
    assert "the agreement must be at least 1 (--min-agreement)" in err.splitlines()[-1]
    assert report["compression"]["agreement"]["f1"] < 1
    assert not (folder / "strict.onnx").exists()


def test_half_weights_make_a_file_of_half_the_size(compressed: Any) -> None:
    folder, done = compressed
    assert done["half"][0] == 0, done["half"][1]
    assert (folder / "half.onnx").stat().st_size < 0.65 * (folder / "plain.onnx").stat().st_size
    assert metadata(folder / "half.onnx")["weights"].startswith("float16")


def test_model_without_predictions_is_not_compressed(compressed: Any) -> None:
    code, err, _ = compressed[1]["nothing"]
    assert code == 2
    assert "detects nothing in the 8 sample images" in err.splitlines()[-1]


def test_model_without_an_end_to_end_head_is_refused(compressed: Any) -> None:
    code, err, _ = compressed[1]["no-head"]
    assert code == 2
    assert "ends in a Detect without an end-to-end head" in err.splitlines()[-1]
