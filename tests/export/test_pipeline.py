"""The export as a command: torch weights in, a verified ONNX file out.

Runs where the export environment is, and always under CI.
"""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from function import model
from tests.conftest import ROOT
from tests.support.export_commands import Export, metadata, probe

pytestmark = pytest.mark.torch


@pytest.fixture(scope="session")
def dynamic(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Export]:
    """Return the result of an export without options: in the folder of the weights, dynamic, the trained size."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(weights / "detect.pt", folder / "best.pt")
    return folder / "best.onnx", Export(export_python, folder / "best.pt")


def test_export_is_verified_and_leaves_one_file_in_the_folder_of_the_weights(dynamic: tuple[Path, Export]) -> None:
    path, done = dynamic
    assert done.code == 0, done.err
    assert sorted(file.name for file in path.parent.iterdir()) == ["best.onnx", "best.pt"]
    assert len(done.report["images"]) >= 6
    assert {image["verdict"] for image in done.report["images"]} == {"ok"}, done.out
    assert (done.report["exit_code"], done.report["error"]) == (0, None)
    assert f"scripts/build_zip.sh {path}" in done.out


def test_verification_runs_on_landscape_portrait_square_and_strip(dynamic: tuple[Path, Export]) -> None:
    sizes = {tuple(image["input_wh"]) for image in dynamic[1].report["images"]}
    assert {(160, 128), (128, 160), (160, 160), (160, 32), (64, 64)} <= sizes


def test_height_and_width_are_dynamic_by_default(dynamic: tuple[Path, Export]) -> None:
    served = model.load(dynamic[0], threads=1)
    assert served.metadata.rectangular
    assert served.metadata.imgsz_hw == (160, 160)
    (output,) = model.run(served, np.zeros((1, 3, 64, 224), dtype=np.float32))
    assert output.shape == (1, 4 + 3, (8 * 28) + (4 * 14) + (2 * 7))


def test_metadata_describes_the_model(dynamic: tuple[Path, Export], weights: Path) -> None:
    entries = metadata(dynamic[0])
    shared = {"task": "detect", "stride": "32", "end2end": "False", "imgsz": "[160, 160]"}
    assert {key: entries[key] for key in shared} == shared
    assert ast.literal_eval(entries["names"]) == {0: "gauge", 1: "clock", 2: 'it\'s "odd", é'}
    assert entries["date"] == "2026-01-02T03:04:05.000006"
    assert {"ultralytics_version", "torch_version", "onnx_version", "onnxslim_version"} <= entries.keys()


def test_metadata_holds_the_sha256_of_the_weights(dynamic: tuple[Path, Export], weights: Path) -> None:
    command = ["sha256sum", str(weights / "detect.pt")]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    assert metadata(dynamic[0])["weights_sha256"] == digest


def test_file_holds_no_path_of_this_machine_or_of_the_training(dynamic: tuple[Path, Export]) -> None:
    content = dynamic[0].read_bytes()
    for trace in (b"/home/someone", b"private", str(dynamic[0].parent).encode(), str(ROOT).encode(), b"site-packages"):
        assert trace not in content


def test_exports_in_two_folders_are_the_same_bytes(
    dynamic: tuple[Path, Export], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "another folder, é"
    folder.mkdir()
    shutil.copy(weights / "detect.pt", folder / "mine.pt")
    again = Export(
        export_python, folder / "mine.pt", environ={"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "TZ": "UTC-9"}
    )
    assert again.code == 0, again.err
    assert (folder / "mine.onnx").read_bytes() == dynamic[0].read_bytes()


def test_other_python_continues_in_the_export_environment(
    dynamic: tuple[Path, Export], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    done = Export(Path(sys.executable), weights / "detect.pt", "--output", tmp_path / "best.onnx")
    assert done.code == 0, done.err
    assert (tmp_path / "best.onnx").read_bytes() == dynamic[0].read_bytes()


def test_static_model_has_the_requested_size_rounded_up(export_python: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "static.onnx"
    done = Export(
        export_python, weights / "detect.pt", "--static", "--imgsz", 90, 128, "--opset", 17, "--output", output
    )
    assert done.code == 0, done.err
    assert "--imgsz 90 128 is not a multiple of the stride; rounded up to 96 128" in done.err
    served = model.load(output, threads=1)
    assert (served.metadata.rectangular, served.metadata.imgsz_hw) == (False, (96, 128))
    assert metadata(output)["imgsz"] == "[96, 128]"


def test_untrained_weights_pass(export_python: Path, weights: Path, tmp_path: Path) -> None:
    done = Export(export_python, weights / "untrained.pt", "--imgsz", 160, "--output", tmp_path / "best.onnx")
    assert done.code == 0, done.err


def test_file_name_of_an_ultralytics_release_is_not_downloaded(
    dynamic: tuple[Path, Export], export_python: Path, weights: Path, tmp_path: Path
) -> None:
    # ultralytics turns yolov5n.pt into yolov5nu.pt, and downloads that
    shutil.copy(weights / "detect.pt", tmp_path / "yolov5n.pt")
    assert Export(export_python, tmp_path / "yolov5n.pt").code == 0
    assert (tmp_path / "yolov5n.onnx").read_bytes() == dynamic[0].read_bytes()


def test_head_that_predict_uses_is_exported_from_two_heads(export_python: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "best.onnx"
    done = Export(export_python, weights / "two-heads.pt", "--output", output)
    assert done.code == 0, done.err
    assert "two heads" in done.err
    assert metadata(output)["end2end"] == "False"
    code = """
        ultralytics_setup.patch_torchvision()
        from export.verify.inputs import draw
        from ultralytics import YOLO
        image = draw(500, 500, 2)
        predicted = []
        for path, options in ((sys.argv[1], {}), (sys.argv[2], {}), (sys.argv[1], {"nms": False})):
            result = YOLO(path, task="detect").predict(image, conf=0.02, imgsz=160, verbose=False, **options)[0]
            predicted.append(result.boxes.data.tolist())
        print(json.dumps(predicted))
    """
    predicted, exported, end_to_end = probe(export_python, code, weights / "two-heads.pt", output)
    assert len(predicted) > 0
    assert np.allclose(predicted, exported, atol=0.01)
    assert len(predicted) != len(end_to_end) or not np.allclose(predicted, end_to_end, atol=0.01)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("tensor[0] *= 1.01", "RAW OUTPUT DIFFERS"),  # one filter, one percent
        ("tensor[:] = tensor[::-1]", "RAW OUTPUT DIFFERS"),
        ("tensor[0] = np.nan", ""),  # the function refuses to load it
    ],
)
def test_model_that_differs_is_not_written_and_an_older_file_stays(
    export_python: Path, weights: Path, tmp_path: Path, change: str, verdict: str
) -> None:
    code = f"""
        import io, contextlib
        import numpy as np, onnx
        from onnx import numpy_helper
        from export import cli, convert
        real = convert.convert
        def tampered(*arguments):
            proto = onnx.load_model_from_string(real(*arguments))
            weight = next(tensor for tensor in proto.graph.initializer if len(tensor.dims) == 4)
            tensor = numpy_helper.to_array(weight).copy()
            {change}
            weight.CopyFrom(numpy_helper.from_array(tensor, weight.name))
            return proto.SerializeToString()
        convert.convert = tampered
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([*sys.argv[2:], "--json", sys.argv[1]])
        with open(sys.argv[1]) as file:
            print(json.dumps([code, err.getvalue(), json.load(file)]))
    """
    output, report_file = tmp_path / "best.onnx", tmp_path / "report.json"
    output.write_bytes(b"older")
    exit_code, err, report = probe(export_python, code, report_file, weights / "detect.pt", "--output", output)
    assert (exit_code, report["exit_code"]) == (1, 1)
    assert {verdict} & {image["verdict"] for image in report.get("images", [{"verdict": ""}])}
    assert ("nan" in report["error"]) == (verdict == "")
    assert err.splitlines()[-1] == f"export: {report['error']}"
    assert report["error"].endswith("nothing was written")
    assert output.read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.onnx", "report.json"]


def test_every_unusable_checkpoint_is_refused_with_its_reason(
    export_python: Path, weights: Path, tmp_path: Path
) -> None:
    whole = (weights / "detect.pt").read_bytes()
    (weights / "truncated.pt").write_bytes(whole[: len(whole) // 2])
    reasons = {
        "truncated.pt": "is damaged",
        "nan.pt": "weights that are NaN or infinite",
        "fused-end-to-end.pt": "has only its end-to-end head",
        "other-task.pt": "unknown task 'panoptic'; available: detect, segment, pose, obb, classify, semantic, depth",
        "world.pt": "is a YOLO-World whose classes are not set",
        "state-dict.pt": "it holds no model",
        "list.pt": "it holds no model",
        "linear.pt": "must hold a YOLO model of ultralytics, got a Linear",
        "script.pt": "is a TorchScript archive",
        "harm.pt": "names posix.mkdir",
        "harm-legacy.pt": "names posix.mkdir",
    }
    code = """
        import io, contextlib
        from export import cli
        results = {}
        for path in sys.argv[2:]:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                code = cli.main([path, "--output", sys.argv[1]])
            results[path] = [code, err.getvalue().splitlines()]
        print(json.dumps(results))
    """
    output = tmp_path / "best.onnx"
    results = probe(export_python, code, output, *(weights / name for name in reasons))
    for name, reason in reasons.items():
        exit_code, lines = results[str(weights / name)]
        assert exit_code == 2, name
        assert reason in lines[-1], name
        assert sum(line.startswith("export: ") for line in lines) == 1, lines
    assert not output.exists()
    assert not (weights / "HARMED").exists()


def test_onnx_is_checked_and_nothing_is_written(dynamic: tuple[Path, Export], export_python: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in dynamic[0].parent.iterdir()}
    done = Export(export_python, dynamic[0])
    assert done.code == 0, done.err
    assert [tensor["shape"] for tensor in done.report["model"]["outputs"]] == [[-1, 7, -1]]
    assert {path.name: path.stat().st_mtime_ns for path in dynamic[0].parent.iterdir()} == before


def test_onnx_is_copied_unchanged(dynamic: tuple[Path, Export], export_python: Path, tmp_path: Path) -> None:
    done = Export(export_python, dynamic[0], "--output", tmp_path / "copy.onnx")
    assert done.code == 0, done.err
    assert (tmp_path / "copy.onnx").read_bytes() == dynamic[0].read_bytes()


def test_unusable_onnx_is_refused(dynamic: tuple[Path, Export], export_python: Path, weights: Path) -> None:
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
        kept = [prop for prop in proto.metadata_props if prop.key != "stride"]
        del proto.metadata_props[:]
        proto.metadata_props.extend(kept)
        onnx.save(proto, folder / "strideless.onnx")
        onnx.save(onnx.load_model_from_string(content), folder / "split.onnx", save_as_external_data=True,
                  location="split.data", size_threshold=100)
        results = {}
        for name in ("half", "text", "strideless", "split"):
            with contextlib.redirect_stderr(io.StringIO()) as err:
                code = cli.main([str(folder / f"{name}.onnx")])
            results[name] = [code, err.getvalue()]
        print(json.dumps(results))
    """
    reasons = {
        "half": "is not ONNX, or ends too early",
        "text": "is not ONNX",
        "strideless": "has no stride in its metadata",
        "split": "keeps its weights in another file",
    }
    results = probe(export_python, code, dynamic[0], folder)
    assert {name: exit_code for name, (exit_code, _) in results.items()} == dict.fromkeys(reasons, 2)
    for name, reason in reasons.items():
        assert reason in results[name][1], results[name]


def test_patched_torchvision_has_nms(export_python: Path) -> None:
    code = """
        ultralytics_setup.patch_torchvision()
        ultralytics_setup.patch_torchvision()
        import torch, torchvision
        boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30.0]])
        print(json.dumps(torchvision.ops.nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5).tolist()))
    """
    assert probe(export_python, code) == [1, 2]
