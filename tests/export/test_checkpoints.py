"""Checkpoints of other versions and of other repositories: loaded, or refused in one line that is true."""

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from export import other_repositories, safe_load
from tests.conftest import ROOT
from tests.support.export_commands import metadata, probe

RUN = """
    import contextlib, io
    from export import cli
    results = {}
    for path in sys.argv[1:]:
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([path])
        results[path.rpartition("/")[2]] = [code, err.getvalue().splitlines()[-1]]
    print(json.dumps(results))
"""
LOADED = {  # file -> class names in the ONNX file
    "loss-of-8.0": ["a", "b"],
    "metrics-of-8.0": ["a", "b"],
    "names-list": ["a", "b"],
    "names-tuple": ["a", "b"],
    "names-text-keys": ["a", "b"],
    "names-none": ["0", "1"],
    "names-missing": ["0", "1"],
    "names-numpy": ["a", "b"],
    "numpy-float32": ["a", "b"],
    "numpy-arrays": ["a", "b"],
    "datetime": ["a", "b"],
    "namespace": ["a", "b"],
    "defaultdict": ["a", "b"],
    "paths": ["a", "b"],
    "deque-and-counter": ["a", "b"],
    "yolov12-fork": ["a", "b"],
}
REFUSED = {  # file -> parts of the message, and what it must not say
    "yolov5": (["weights of YOLOv5", "python export.py"], "SAFE_LOAD"),
    "yolov7": (["weights of YOLOv7", "github.com/WongKinYiu/yolov7"], "SAFE_LOAD"),
    "yolov9": (["weights of YOLOv9", "github.com/WongKinYiu/yolov9"], "SAFE_LOAD"),
    "yolov6": (["weights of YOLOv6", "github.com/meituan/YOLOv6"], "SAFE_LOAD"),
    "yolox": (["weights of YOLOX", "tools/export_onnx.py"], "SAFE_LOAD"),
    "super-gradients": (["weights of super-gradients", ".export("], "SAFE_LOAD"),
    "own-class": (["names my_project.nets.Head", "my_project is not installed"], "SAFE_LOAD"),
    "installed-class": (["names onnx.Thing", "ULTRALYTICS_SAFE_LOAD=false"], "no model"),
    "harm-in-field": (["names subprocess.Popen"], "SAFE_LOAD"),
    "unknown-layer": (["ultralytics.nn.modules.block.NewBlock"], "SAFE_LOAD"),
    "optimizer-only": (["it holds no model", "its keys: optimizer, epoch"], "SAFE_LOAD"),
}


@pytest.fixture(scope="module")
def results(export_python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the checkpoints, and exit code and last line of the export of each."""
    folder = tmp_path_factory.mktemp("checkpoints")
    subprocess.run([export_python, "-m", "tests.support.old_checkpoints", str(folder)], cwd=ROOT, check=True)
    return folder, probe(export_python, RUN, *sorted(folder.glob("*.pt")))


@pytest.mark.torch
def test_every_checkpoint_has_an_expectation(results: tuple[Path, dict[str, Any]]) -> None:
    assert {name.removesuffix(".pt") for name in results[1]} == {*LOADED, *REFUSED}


@pytest.mark.torch
@pytest.mark.parametrize("name", LOADED)
def test_checkpoint_of_another_version_is_exported_with_its_names(
    results: tuple[Path, dict[str, Any]], name: str
) -> None:
    folder, done = results
    assert done[f"{name}.pt"][0] == 0, done[f"{name}.pt"]
    entries = metadata(folder / f"{name}.onnx")
    assert list(ast.literal_eval(entries["names"]).values()) == LOADED[name]


@pytest.mark.torch
def test_date_of_a_datetime_is_kept(results: tuple[Path, dict[str, Any]]) -> None:
    assert metadata(results[0] / "datetime.onnx")["date"] == "2023-05-01T10:20:30"


@pytest.mark.torch
@pytest.mark.parametrize("name", REFUSED)
def test_unusable_checkpoint_is_refused_with_the_true_reason(results: tuple[Path, dict[str, Any]], name: str) -> None:
    code, line = results[1][f"{name}.pt"]
    parts, absent = REFUSED[name]
    assert code == 2, line
    assert all(part in line for part in parts), line
    assert absent not in line, line


@pytest.mark.torch
def test_attention_of_the_fork_computes_the_same_after_the_conversion(export_python: Path) -> None:
    code = """
        ultralytics_setup.patch_torchvision()
        from tests.support import old_checkpoints
        print(json.dumps(old_checkpoints.difference_of_the_fork()))
    """
    assert probe(export_python, code) < 1e-4


@pytest.mark.torch
def test_unexpected_exception_is_one_line_and_a_log_file(export_python: Path, weights: Path, tmp_path: Path) -> None:
    code = """
        import contextlib, io, tempfile
        tempfile.tempdir = sys.argv[2]
        from export import cli, convert
        def broken(*_): raise KeyError("surprise\\nsecond line")
        convert.convert = broken
        report = sys.argv[2] + "/report.json"
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = cli.main([sys.argv[1], "--output", sys.argv[2] + "/o.onnx", "--json", report])
        print(json.dumps([code, err.getvalue(), json.load(open(report))]))
    """
    exit_code, err, report = probe(export_python, code, weights / "detect.pt", tmp_path)
    assert (exit_code, report["exit_code"]) == (1, 1)
    line = err.splitlines()[-1]
    assert line.startswith("export: unexpected KeyError: ")
    assert "Traceback" not in err
    assert "KeyError" in Path(line.rpartition(" ")[2]).read_text()
    assert not (tmp_path / "o.onnx").exists()


@pytest.mark.parametrize(
    ("names", "repository"),
    [
        (["models.yolo.Model", "models.common.Conv"], "YOLOv5"),
        (["models.yolo.SegmentationModel"], "YOLOv5"),
        (["models.yolo.Model", "models.yolo.IDetect", "models.common.MP"], "YOLOv7"),
        (["models.yolo.DetectionModel", "models.common.RepNCSPELAN4"], "YOLOv9"),
        (["yolov6.models.yolo.Model"], "YOLOv6"),
        (["yolov5.models.yolo.DetectionModel"], "YOLOv5"),
        (["ultralytics.nn.tasks.DetectionModel"], None),
        (["models.yolox.YOLOX", "models.yolo_head.YOLOXHead", "models.common_blocks.Conv"], None),
    ],
)
def test_repository_is_recognized_by_its_classes(names: list[str], repository: str | None) -> None:
    found = other_repositories.by_names(names)
    assert (found.name if found else None) == repository


def test_value_of_an_unused_class_keeps_nothing() -> None:
    unused = safe_load.Unused(1, key=2)
    unused.__setstate__({"command": "x"})
    assert vars(unused) == {}
    assert json.dumps(repr(unused)) == '"()"'
