"""Golden results of detection: `python -m tests.golden.write` runs Ultralytics on every image and writes .json files.

It uses only the .pt and Ultralytics' `predict`, no code of the function. It can be started with any Python >= 3.9; it
creates the export environment and continues there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from export import venv
from export.errors import ExportError, UsageError
from scripts.environments import project_version

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
FOLDERS = (GOLDEN, ROOT / "example" / "samples")
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"}
CONF = 0.25
IOU = 0.7
PACKAGES = ("ultralytics", "torch", "opencv-python", "numpy")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m tests.golden.write", description="Write the golden results.")
    add = command.add_argument
    add(
        "--weights",
        type=Path,
        default=ROOT / "example" / "best.pt",
        metavar="FILE",
        help="weights to run (default: example/best.pt)",
    )
    add("--conf", type=float, default=CONF, metavar="N", help="confidence threshold, 0 to 1 (default: %(default)s)")
    add("--out", type=Path, default=GOLDEN, metavar="DIR", help="folder of the results (default: tests/golden)")
    add("--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit")
    return command


def main(arguments: list[str]) -> int:
    """Write the golden results; return 0, or 2 for weights or images that cannot be used."""
    options = parser().parse_args(arguments)
    try:
        venv.enter("tests.golden.write", arguments)
        write(options.weights, options.conf, options.out)
    except ExportError as error:
        sys.stderr.write(f"golden: {error}\n")
        return error.exit_code
    return 0


def golden_images() -> list[Path]:
    """Return every golden image, in a fixed order.

    Raises:
        UsageError: two images have the same stem, so that their results would overwrite each other.
    """
    paths = [path for folder in FOLDERS for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    stems = [path.stem for path in paths]
    repeated = sorted({stem for stem in stems if stems.count(stem) > 1})
    if repeated:
        raise UsageError(f"file names without suffix must be unique, got two of {', '.join(repeated)}")
    return paths


def write(weights: Path, conf: float, out: Path) -> None:
    """Predict on every image and write one .json each; results of images that no longer exist are deleted."""
    if not weights.is_file():
        raise UsageError(f"--weights must be a .pt file, got {weights}, which does not exist")
    yolo = load(weights)
    origin = {
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "conf": conf,
        "iou": IOU,
    }
    results = {path.stem: {**_result(yolo, path, conf), **origin} for path in golden_images()}
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.json"):
        old.unlink()
    for stem, result in results.items():
        (out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
        size = f"{result['width']}x{result['height']}"
        sys.stdout.write(f"{result['image']:<45} {size:>9}  {len(result['detections']):>3} boxes\n")
    sys.stdout.write(f"{len(results)} results in {out}\n")


def load(weights: Path) -> Any:
    """Return the weights as Ultralytics' `YOLO`, in the export environment."""
    from export import ultralytics_setup

    ultralytics_setup.prepare()
    ultralytics_setup.patch_torchvision()
    from ultralytics import YOLO

    return YOLO(str(weights))


def _result(yolo: Any, path: Path, conf: float) -> dict[str, Any]:
    """Return the image and its boxes: `detections` with predict's default rectangular letterbox, `square` without it.

    The input of a model exported with --static is the square, so its boxes are compared with `square`.
    """
    rectangular, square = (_predict(yolo, path, conf, rect) for rect in (True, False))
    height, width = rectangular.orig_shape
    return {
        "image": path.relative_to(ROOT).as_posix(),
        "width": width,
        "height": height,
        "detections": _rows(rectangular),
        "square": _rows(square),
    }


def _predict(yolo: Any, path: Path, conf: float, rect: bool) -> Any:
    options = {"conf": conf, "iou": IOU, "rect": rect, "device": "cpu", "save": False, "verbose": False}
    result = next(iter(yolo.predict(str(path), stream=True, **options)), None)  # the first frame of a GIF
    if result is None:
        raise UsageError(f"{path} must be an image that ultralytics can read")
    return result


def _rows(result: Any) -> list[dict[str, Any]]:
    """Return the boxes, best first, with unrounded float32 numbers."""
    boxes = result.boxes
    rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    return [
        {"class_id": int(cls), "class_name": result.names[int(cls)], "confidence": conf, "xyxy": xyxy}
        for cls, conf, xyxy in rows
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
