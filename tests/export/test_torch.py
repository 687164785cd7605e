"""The export itself, through the command that users type: torch in, a verified ONNX file out.

Runs wherever the export environment is, and always under CI.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from function import model
from tests.conftest import ROOT

pytestmark = pytest.mark.torch

ENVIRONMENT = ROOT / ".venv" / "export"


@pytest.fixture(scope="session")
def export_python() -> Path:
    """The Python that holds torch and ultralytics."""
    if not ENVIRONMENT.exists() and not os.environ.get("CI"):
        pytest.skip("no export environment; `python3 scripts/environments.py export` makes it")
    command = [sys.executable, str(ROOT / "scripts" / "environments.py"), "export"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(made.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def weights(export_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of tests/support/export_weights.py."""
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([export_python, "-m", "tests.support.export_weights", str(folder)], cwd=ROOT, check=True)
    return folder


class Done:
    """A finished export."""

    def __init__(self, python: Path, *arguments: object, environ: dict[str, str] | None = None) -> None:
        command = [str(python), "-m", "export", *map(str, arguments)]
        variables = {**os.environ, **(environ or {})}
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def rows(self) -> list[str]:
        """The verdicts of the table."""
        return [line for line in self.out.splitlines() if " of " in line and "e-" in line]


@pytest.fixture(scope="session")
def dynamic(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The plain road: beside the weights, dynamic, the trained size."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(weights / "detect.pt", folder / "best.pt")
    return folder / "best.onnx", Done(export_python, folder / "best.pt")


def metadata(path: Path) -> dict[str, str]:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def probe(python: Path, code: str, *arguments: object) -> Any:
    """What a piece of code, run in the export environment, prints as JSON on its last line."""
    preamble = "import json, sys\nfrom export import offline\noffline.prepare()\n"
    command = [str(python), "-c", preamble + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_export_verifies_and_leaves_one_file_beside_the_weights(dynamic: tuple[Path, Done]) -> None:
    path, done = dynamic
    assert done.code == 0, done.err
    assert sorted(one.name for one in path.parent.iterdir()) == ["best.onnx", "best.pt"]
    assert len(done.rows) >= 6
    assert all(row.endswith("ok") for row in done.rows), done.out
    assert f"scripts/build_zip.sh {path}" in done.out


def test_the_verification_sees_landscape_portrait_square_and_strip(dynamic: tuple[Path, Done]) -> None:
    words = {word for row in dynamic[1].rows for word in row.split()}
    assert {"160x128", "128x160", "160x160", "160x32", "64x64"} <= words


def test_height_and_width_are_dynamic_by_default(dynamic: tuple[Path, Done]) -> None:
    served = model.load(dynamic[0], threads=1)
    assert served.metadata.rectangular
    assert served.metadata.imgsz_hw == (160, 160)
    (output,) = model.run(served, np.zeros((1, 3, 64, 224), dtype=np.float32))
    assert output.shape == (1, 4 + 3, (8 * 28) + (4 * 14) + (2 * 7))


def test_the_metadata_says_what_the_model_is(dynamic: tuple[Path, Done], weights: Path) -> None:
    said = metadata(dynamic[0])
    assert (said["task"], said["stride"], said["end2end"], said["imgsz"]) == ("detect", "32", "False", "[160, 160]")
    assert ast.literal_eval(said["names"]) == {0: "gauge", 1: "clock", 2: 'it\'s "odd", é'}
    assert said["date"] == "2026-01-02T03:04:05.000006"
    assert {"ultralytics_version", "torch_version", "onnx_version", "onnxslim_version"} <= said.keys()


def test_the_metadata_holds_the_sha256_of_the_weights(dynamic: tuple[Path, Done], weights: Path) -> None:
    command = ["sha256sum", str(weights / "detect.pt")]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    assert metadata(dynamic[0])["weights_sha256"] == digest


def test_no_path_of_this_machine_or_of_the_training_gets_into_the_file(dynamic: tuple[Path, Done]) -> None:
    content = dynamic[0].read_bytes()
    for trace in (b"/home/someone", b"private", str(dynamic[0].parent).encode(), str(ROOT).encode(), b"site-packages"):
        assert trace not in content


def test_two_exports_in_two_folders_are_the_same_bytes(
    dynamic: tuple[Path, Done], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "another folder, é"
    folder.mkdir()
    shutil.copy(weights / "detect.pt", folder / "mine.pt")
    again = Done(
        export_python, folder / "mine.pt", environ={"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "TZ": "UTC-9"}
    )
    assert again.code == 0, again.err
    assert (folder / "mine.onnx").read_bytes() == dynamic[0].read_bytes()


def test_any_python_goes_on_in_the_export_environment(
    dynamic: tuple[Path, Done], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    done = Done(Path(sys.executable), weights / "detect.pt", "--output", tmp_path / "best.onnx")
    assert done.code == 0, done.err
    assert (tmp_path / "best.onnx").read_bytes() == dynamic[0].read_bytes()


def test_a_static_model_has_the_size_that_was_asked_for_rounded_up_and_said(
    export_python: Path, weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "static.onnx"
    done = Done(export_python, weights / "detect.pt", "--static", "--imgsz", 90, 128, "--opset", 17, "--output", output)
    assert done.code == 0, done.err
    assert "--imgsz 90 128 is not a multiple of the stride; rounded up to 96 128" in done.err
    served = model.load(output, threads=1)
    assert (served.metadata.rectangular, served.metadata.imgsz_hw) == (False, (96, 128))
    assert metadata(output)["imgsz"] == "[96, 128]"


def test_untrained_weights_pass(export_python: Path, weights: Path, tmp_path: Path) -> None:
    done = Done(export_python, weights / "untrained.pt", "--imgsz", 160, "--output", tmp_path / "best.onnx")
    assert done.code == 0, done.err


def test_a_name_of_a_release_of_ultralytics_is_an_ordinary_name(
    dynamic: tuple[Path, Done], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    # ultralytics turns yolov5n.pt into yolov5nu.pt, and downloads that
    shutil.copy(weights / "detect.pt", tmp_path / "yolov5n.pt")
    assert Done(export_python, tmp_path / "yolov5n.pt").code == 0
    assert (tmp_path / "yolov5n.onnx").read_bytes() == dynamic[0].read_bytes()


def test_of_two_heads_the_one_that_predict_uses_is_exported(export_python: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    done = Done(export_python, weights / "two-heads.pt", "--output", output)
    assert done.code == 0, done.err
    assert "two heads" in done.err
    assert metadata(output)["end2end"] == "False"
    code = """
        from export import torchvision_shim
        torchvision_shim.install()
        from export.cases import draw
        from ultralytics import YOLO
        picture = draw(500, 500, 2)
        found = []
        for path, options in ((sys.argv[1], {}), (sys.argv[2], {}), (sys.argv[1], {"nms": False})):
            result = YOLO(path, task="detect").predict(picture, conf=0.02, imgsz=160, verbose=False, **options)[0]
            found.append(result.boxes.data.tolist())
        print(json.dumps(found))
    """
    predicted, exported, end_to_end = probe(export_python, code, weights / "two-heads.pt", output)
    assert len(predicted) > 0
    assert np.allclose(predicted, exported, atol=0.01)
    assert len(predicted) != len(end_to_end) or not np.allclose(predicted, end_to_end, atol=0.01)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("tensor[0] *= 1.01", "raw output differs"),  # one filter, one percent
        ("tensor[:] = tensor[::-1]", "raw output differs"),
        ("tensor[0] = np.nan", "raw output differs"),
    ],
)
def test_a_model_that_differs_is_not_written_and_an_older_file_stays(
    export_python: Path, weights: Path, tmp_path: Path, change: str, row: str
) -> None:
    code = f"""
        import io, contextlib
        import numpy as np, onnx
        from onnx import numpy_helper
        from export import cli, convert
        real = convert.convert
        def tampered(*arguments):
            proto = onnx.load_model_from_string(real(*arguments))
            weight = next(one for one in proto.graph.initializer if len(one.dims) == 4)
            tensor = numpy_helper.to_array(weight).copy()
            {change}
            weight.CopyFrom(numpy_helper.from_array(tensor, weight.name))
            return proto.SerializeToString()
        convert.convert = tampered
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            code = cli.main(sys.argv[1:])
        print(json.dumps([code, err.getvalue()]))
    """
    output = tmp_path / "best.onnx"
    output.write_bytes(b"older")
    exit_code, err = probe(export_python, code, weights / "detect.pt", "--output", output)
    assert exit_code == 1
    assert row in err.splitlines()[-1]
    assert "nothing was written" in err
    assert output.read_bytes() == b"older"
    assert [one.name for one in tmp_path.iterdir()] == ["best.onnx"]


def test_every_unusable_checkpoint_gets_its_own_line_and_nothing_is_written(
    export_python: Path, weights: Path, tmp_path: Path
) -> None:
    whole = (weights / "detect.pt").read_bytes()
    (weights / "truncated.pt").write_bytes(whole[: len(whole) // 2])
    reasons = {
        "truncated.pt": "is damaged",
        "nan.pt": "weights that are not numbers",
        "fused-end-to-end.pt": "only its end-to-end head is left",
        "semantic.pt": "is a model for the task 'semantic'; served are detect, segment, pose, obb, classify",
        "world.pt": "is a WorldModel, which finds what a text says",
        "state-dict.pt": "it holds no model",
        "list.pt": "it holds no model",
        "linear.pt": "holds a Linear",
        "script.pt": "is a TorchScript archive",
        "harm.pt": "names posix.mkdir",
        "harm-legacy.pt": "names posix.mkdir",
    }
    code = """
        import io, contextlib
        from export import cli
        said = {}
        for path in sys.argv[2:]:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                code = cli.main([path, "--output", sys.argv[1]])
            said[path] = [code, err.getvalue().splitlines()]
        print(json.dumps(said))
    """
    output = tmp_path / "best.onnx"
    said = probe(export_python, code, output, *(weights / name for name in reasons))
    for name, reason in reasons.items():
        exit_code, lines = said[str(weights / name)]
        assert exit_code == 2, name
        assert reason in lines[-1], name
        assert sum(line.startswith("export: ") for line in lines) == 1, lines
    assert not output.exists()
    assert not (weights / "HARMED").exists()


def test_onnx_is_checked_and_nothing_is_written(dynamic: tuple[Path, Done], export_python: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in dynamic[0].parent.iterdir()}
    done = Done(export_python, dynamic[0])
    assert done.code == 0, done.err
    assert "(1, 7, anchors)" in done.out or "(batch, 7, anchors)" in done.out
    assert {path.name: path.stat().st_mtime_ns for path in dynamic[0].parent.iterdir()} == before


def test_onnx_is_passed_through_unchanged(dynamic: tuple[Path, Done], export_python: Path, tmp_path: Path) -> None:
    done = Done(export_python, dynamic[0], "--output", tmp_path / "copy.onnx")
    assert done.code == 0, done.err
    assert (tmp_path / "copy.onnx").read_bytes() == dynamic[0].read_bytes()


def test_unusable_onnx_is_refused(dynamic: tuple[Path, Done], export_python: Path, weights: Path) -> None:
    folder = dynamic[0].parent.parent
    code = """
        import io, contextlib
        import onnx
        from pathlib import Path
        from export import cli
        good, folder = map(Path, sys.argv[1:])
        content = good.read_bytes()
        (folder / "half.onnx").write_bytes(content[: len(content) // 2])
        (folder / "text.onnx").write_text("hello")
        proto = onnx.load_model_from_string(content)
        kept = [one for one in proto.metadata_props if one.key != "stride"]
        del proto.metadata_props[:]
        proto.metadata_props.extend(kept)
        onnx.save(proto, folder / "strideless.onnx")
        onnx.save(onnx.load_model_from_string(content), folder / "split.onnx", save_as_external_data=True,
                  location="split.data", size_threshold=100)
        said = {}
        for name in ("half", "text", "strideless", "split"):
            with contextlib.redirect_stderr(io.StringIO()) as err:
                code = cli.main([str(folder / f"{name}.onnx")])
            said[name] = [code, err.getvalue()]
        print(json.dumps(said))
    """
    reasons = {
        "half": "is not ONNX, or ends too early",
        "text": "is not ONNX",
        "strideless": "has no stride in its metadata",
        "split": "keeps its weights in another file",
    }
    said = probe(export_python, code, dynamic[0], folder)
    assert {name: exit_code for name, (exit_code, _) in said.items()} == dict.fromkeys(reasons, 2)
    for name, reason in reasons.items():
        assert reason in said[name][1], said[name]


def test_the_shim_gives_ultralytics_its_nms(export_python: Path) -> None:
    code = """
        from export import torchvision_shim
        torchvision_shim.install()
        torchvision_shim.install()
        import torch, torchvision
        boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30.0]])
        print(json.dumps(torchvision.ops.nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5).tolist()))
    """
    assert probe(export_python, code) == [1, 2]
