"""A classifier's own transforms, and the comparison from an image file: `predict` with the .pt against the function."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.verify.inputs import draw
from function import model
from function.predictor import predict
from function.request import Options
from function.results import Classification
from function.settings import Settings
from tests.support.export_commands import metadata, probe

pytestmark = pytest.mark.torch

VARIANTS = {  # name -> Python for the transforms
    "default": "classify_transforms(160)",
    "other-size": "classify_transforms(224)",  # predict uses the default at the size of the input
    "none": "None",
    "stretched": "T.Compose([T.Resize((160, 160)), T.ToTensor()])",
    "bicubic": "classify_transforms(160, interpolation='BICUBIC')",
    "nearest": "T.Compose([T.Resize((160, 160), T.InterpolationMode.NEAREST), T.ToTensor()])",
    "imagenet": "classify_transforms(160, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))",
    "center-crop-8.0": "T.Compose([CenterCrop(160), ToTensor(), T.Normalize((0, 0, 0), (1, 1, 1))])",
    "crop-then-resize": "T.Compose([T.CenterCrop(130), T.Resize((160, 160)), T.ToTensor()])",
    "resize-then-crop": "T.Compose([T.Resize(200), T.CenterCrop(160), T.ToTensor()])",  # predict reads the first size
    "crop-with-padding": "T.Compose([T.CenterCrop(160), T.ToTensor()])",
}
DEFAULT = ("default", "other-size", "none", "crop-then-resize", "resize-then-crop")
REFUSED = {
    "gray": ("T.Compose([T.Resize((160, 160)), T.Grayscale(3), T.ToTensor()])", "Grayscale"),
    "padded": ("T.Compose([T.Resize((160, 160)), T.Pad(0), T.ToTensor()])", "Pad"),
    "half": ("T.Compose([CenterCrop(160), ToTensor(half=True)])", "a ToTensor in single precision"),
    "of-tensors": ("T.Compose([T.ToTensor(), T.Resize((160, 160))])", "sizes before ToTensor"),
    "other-result": ("T.Compose([CenterCrop(96), ToTensor()])", "images of 160 x 160"),
    "no-deviation": ("classify_transforms(160, std=(1, 1, 0))", "nonzero deviations"),
    "erasing": ("T.Compose([T.Resize((160, 160)), T.ToTensor(), T.RandomErasing(0)])", "transforms.RandomErasing"),
    "trained": ("T.Compose([T.RandomResizedCrop(160), T.ToTensor()])", "transforms.RandomResizedCrop"),
    "function": ("T.Compose([T.Resize((160, 160)), T.ToTensor(), T.Lambda(str)])", "transforms.Lambda"),
    "v2": ("v2.Compose([v2.Resize((160, 160)), v2.PILToTensor()])", "got torchvision.transforms.v2."),
    "tiny-deviation": ("classify_transforms(160, std=(1, 1, 1e-30))", "nonzero deviations"),
    "no-compose": ("T.ToTensor()", "a Compose of transforms"),
}
RUN = """
    import contextlib, io
    ultralytics_setup.patch_torchvision()
    import torch
    import torchvision.transforms as T
    from torchvision.transforms import v2
    from ultralytics import YOLO
    from ultralytics.data.augment import CenterCrop, ToTensor, classify_transforms
    from export import cli
    weights, folder, image, variants = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    checkpoint = torch.load(weights, weights_only=False)
    done = {}
    for name, code in variants.items():
        checkpoint["ema"]._modules.pop("transforms", None)  # a Compose of v2 is a module
        vars(checkpoint["ema"]).pop("transforms", None)
        checkpoint["ema"].transforms = eval(code)
        path = f"{folder}/{name}.pt"
        torch.save(checkpoint, path)
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            exit_code = cli.main([path])
        probabilities = []
        if not exit_code:
            import os
            os.environ["ULTRALYTICS_SAFE_LOAD"] = "false"
            from ultralytics.nn import tasks
            tasks.SAFE_LOAD = False
            (result,) = YOLO(path).predict(image, device="cpu", save=False, verbose=False)
            probabilities = result.probs.data.tolist()
        done[name] = [exit_code, err.getvalue().splitlines()[-1], probabilities]
    print(json.dumps(done))
"""


@pytest.fixture(scope="module")
def results(export_python: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder with the exported variants and an image, and for each exit code, last line and probabilities."""
    folder = tmp_path_factory.mktemp("transforms")
    Image.fromarray(draw(90, 250, seed=3)).save(folder / "image.png")
    # The refused ones come first, because `predict` on the others turns the safe loading off.
    variants = {name: code for name, (code, _) in REFUSED.items()} | VARIANTS
    arguments = (weights / "classify.pt", folder, folder / "image.png", json.dumps(variants))
    return folder, probe(export_python, RUN, *arguments)


@pytest.mark.parametrize("name", VARIANTS)
def test_function_does_the_transforms_of_the_checkpoint(results: tuple[Path, Any], name: str) -> None:
    folder, done = results
    code, line, expected = done[name]
    assert code == 0, line
    served = model.load(folder / f"{name}.onnx", threads=1)
    assert isinstance(served, model.Model)
    classes = predict(served, Settings.from_env({}), (folder / "image.png").read_bytes(), Options())
    assert isinstance(classes, Classification)
    np.testing.assert_allclose(classes.scores, np.array(expected)[classes.class_ids], atol=1e-5)
    assert ("transforms" in metadata(folder / f"{name}.onnx")) == (name not in DEFAULT)


def test_the_variants_have_different_results(results: tuple[Path, Any]) -> None:
    probabilities = [tuple(results[1][name][2]) for name in VARIANTS if name not in DEFAULT]
    assert len(set(probabilities)) == len(probabilities)


@pytest.mark.parametrize("name", REFUSED)
def test_transforms_that_the_function_cannot_do_are_refused_by_name(results: tuple[Path, Any], name: str) -> None:
    folder, done = results
    assert done[name][0] == 2, done[name]
    assert REFUSED[name][1] in done[name][1]
    assert not (folder / f"{name}.onnx").exists()


BROKEN = {  # weights -> change of the function, what differs
    "classify": ("center_crop._default = lambda hw: [center_crop.Transform('resize', hw)]", "input"),
    "detect": ("letterbox.PAD_VALUE = 0", "input"),
    "obb": ("obb.boxes_to_image = lambda *a, real=obb.boxes_to_image: real(*a) + np.float32(0.5)", "angles"),
    "pose": ("pose.keypoints = lambda *a, real=pose.keypoints: real(*a) + np.float32(2)", "keypoints px"),
    "segment": ("segment._run_lengths = lambda *a: [a[-1][0] * a[-1][1]]", "masks"),  # of an empty mask
}


@pytest.mark.parametrize("task", BROKEN)
def test_export_fails_if_the_function_differs_from_predict(
    export_python: Path, weights: Path, tmp_path: Path, task: str
) -> None:
    change, measure = BROKEN[task]
    code = f"""
        import contextlib, io
        import numpy as np
        from export import cli
        from function.postprocess import obb, pose, rle, segment
        from function.preprocess import center_crop, letterbox
        {change}
        report = sys.argv[2] + ".json"
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([sys.argv[1], "--output", sys.argv[2], "--json", report])
        print(json.dumps([code, err.getvalue().splitlines()[-1], json.load(open(report))]))
    """
    weights_of_task = Path("example/tasks", f"{task}.pt") if task != "detect" else Path("example/best.pt")
    exit_code, line, report = probe(export_python, code, weights_of_task, tmp_path / "o.onnx")
    assert (exit_code, report["exit_code"]) == (1, 1), line
    assert "the function's results differ from those of predict" in line
    assert any(measure in violation for file in report["files"] for violation in file["violations"]), report["files"]
    assert not (tmp_path / "o.onnx").exists()
