"""Every task and every head through the command line: verified against torch, and served by the function."""

import ast
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from PIL import Image

from export.verify.inputs import draw
from function import model
from tests.export.test_torch import export_python, metadata, probe, weights

pytestmark = pytest.mark.torch

__all__ = ["export_python", "weights"]

SIDE = 160  # pixels


class Made(NamedTuple):
    """One finished export."""

    path: Path
    code: int
    out: str
    err: str


# name -> weights, options, how the function reads it, shapes of the outputs for a picture of 160 x 160
EXPORTS: dict[str, tuple[str, list[str], str, list[tuple[int, ...]]]] = {
    "segment": ("segment", [], "anchors", [(1, 4 + 3 + 32, 525), (1, 32, 40, 40)]),
    "segment-finished": ("segment", ["--end2end"], "end-to-end", [(1, 105, 6 + 32), (1, 32, 40, 40)]),
    "pose": ("pose", ["--static"], "anchors", [(1, 4 + 3 + 51, 525)]),
    "pose-finished": ("pose", ["--end2end", "--static"], "end-to-end", [(1, 300, 6 + 51)]),
    "obb": ("obb", ["--batch", "2"], "anchors", [(1, 4 + 3 + 1, 525)]),
    "classify": ("classify", ["--batch", "3"], "probabilities", [(1, 3)]),
    "rtdetr": ("rtdetr", [], "queries, finished", [(1, 300, 6)]),
    "tiny": ("tiny", [], "anchors", [(1, 4 + 3, 125)]),
    "detect-finished": ("two-heads", ["--end2end"], "end-to-end", [(1, 105, 6)]),
    "detect-batch": ("detect", ["--static", "--batch", "3"], "anchors", [(1, 4 + 3, 525)]),
    "fused-finished": ("fused-end-to-end", ["--end2end"], "end-to-end", [(1, 105, 6)]),
}
RUN = """
    import contextlib, io
    from export import cli
    made = {}
    for name, arguments in json.loads(sys.argv[1]).items():
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()) as out:
            code = cli.main(arguments)
        made[name] = [code, out.getvalue(), err.getvalue()]
    print(json.dumps(made))
"""


def export(python: Path, commands: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Several commands in one process: torch is loaded once."""
    import json

    made: dict[str, list[Any]] = probe(python, RUN, json.dumps(commands))
    return made


@pytest.fixture(scope="session")
def made(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    folder = tmp_path_factory.mktemp("tasks")
    paths = {name: folder / f"{name}.onnx" for name in EXPORTS}
    commands = {
        name: [str(weights / f"{file}.pt"), *options, "--output", str(paths[name])]
        for name, (file, options, _, _) in EXPORTS.items()
    }
    return {name: Made(paths[name], *done) for name, done in export(export_python, commands).items()}


@pytest.mark.parametrize("name", EXPORTS)
def test_it_does_what_the_torch_model_does(made: dict[str, Made], name: str) -> None:
    assert made[name].code == 0, made[name].err
    verdicts = [line.split("  ")[-1] for line in made[name].out.splitlines() if " of " in line and "e-" in line]
    assert len(verdicts) >= 8
    assert all(verdict.strip().startswith("ok") for verdict in verdicts), made[name].out


@pytest.mark.parametrize("name", EXPORTS)
def test_the_function_reads_it(made: dict[str, Made], name: str) -> None:
    served = model.load(made[name].path, threads=1)
    assert served.layout.name == EXPORTS[name][2]
    found = model.run(served, np.zeros((1, 3, SIDE, SIDE), dtype=np.float32))
    assert [output.shape for output in found] == EXPORTS[name][3]


@pytest.mark.parametrize("name", ["segment-finished", "pose-finished", "detect-finished", "fused-finished"])
def test_an_end_to_end_head_is_named_in_the_metadata(made: dict[str, Made], name: str) -> None:
    said = metadata(made[name].path)
    assert said["end2end"] == "True"
    assert ast.literal_eval(said["args"])["nms"] is False


@pytest.mark.parametrize(("name", "batch"), [("obb", "batch"), ("classify", 3), ("detect-batch", 3), ("rtdetr", 1)])
def test_a_batch_is_fixed_with_the_sides(made: dict[str, Made], name: str, batch: int | str) -> None:
    (dims,) = [one.type.tensor_type.shape.dim for one in onnx.load(str(made[name].path)).graph.input]
    assert (dims[0].dim_param or dims[0].dim_value) == batch


@pytest.mark.parametrize("name", ["classify", "rtdetr"])
def test_what_sees_one_size_only_is_fixed_and_that_is_said(made: dict[str, Made], name: str) -> None:
    assert not model.load(made[name].path, threads=1).metadata.rectangular
    assert "sides are fixed" in made[name].err


def test_an_end_to_end_head_takes_the_smallest_letterbox(made: dict[str, Made]) -> None:
    served = model.load(made["detect-finished"].path, threads=1)
    for sides in ((SIDE, 32), (32, SIDE)):
        (found,) = model.run(served, np.zeros((1, 3, *sides), dtype=np.float32))
        assert found.shape == (1, 105, 6)
    assert "at most 105 boxes a picture" in made["detect-finished"].err


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(12):
        Image.fromarray(draw(120, SIDE, seed)).save(folder / f"{seed:02d}.png")
    return folder


@pytest.fixture(scope="session")
def smaller(export_python: Path, weights: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("smaller")
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


def test_eight_bits_make_a_smaller_file_and_say_what_that_costs(smaller: Any) -> None:
    folder, done = smaller
    code, out, err = done["int8"]
    assert code == 0, err
    assert (folder / "int8.onnx").stat().st_size < 0.6 * (folder / "plain.onnx").stat().st_size
    assert {"agreement", "size", "speed", "start"} <= {line.split(" ")[0] for line in out.splitlines()}
    assert ast.literal_eval(metadata(folder / "int8.onnx")["quantization"])["pictures"] == 9


def test_too_little_agreement_is_no_result(smaller: Any) -> None:
    folder, done = smaller
    code, _, err = done["strict"]
    assert code == 1
    assert "wanted at least 1 (--min-agreement); nothing was written" in err.splitlines()[-1]
    assert not (folder / "strict.onnx").exists()


def test_half_weights_make_a_file_of_half_the_size(smaller: Any) -> None:
    folder, done = smaller
    assert done["half"][0] == 0, done["half"][2]
    assert (folder / "half.onnx").stat().st_size < 0.65 * (folder / "plain.onnx").stat().st_size
    assert metadata(folder / "half.onnx")["weights"].startswith("float16")


def test_where_nothing_is_found_nothing_is_compared(smaller: Any) -> None:
    code, _, err = smaller[1]["nothing"]
    assert code == 2
    assert "nothing is found in 8 pictures of the bundled ones" in err.splitlines()[-1]


def test_a_model_without_an_end_to_end_head_is_refused(smaller: Any) -> None:
    code, _, err = smaller[1]["no-head"]
    assert code == 2
    assert "ends in a Detect without an end-to-end head" in err.splitlines()[-1]
