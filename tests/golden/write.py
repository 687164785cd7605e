"""What Ultralytics itself finds on every picture: `python -m tests.golden.write` writes the .json files here.

Uses the .pt and Ultralytics' predict, nothing of this project. Any Python from 3.9 on can start it; it sets up the
export environment and goes on there.
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

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
FOLDERS = (GOLDEN, ROOT / "example" / "samples")
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
CONF = 0.25
IOU = 0.7
PACKAGES = ("ultralytics", "torch", "opencv-python", "numpy")


def main(arguments: list[str]) -> int:
    """The exit code: 0, or 2 for what cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.write", description="Writes the golden results.")
    parser.add_argument("--weights", type=Path, default=ROOT / "example" / "best.pt")
    parser.add_argument("--conf", type=float, default=CONF, help="for weights that score low (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=GOLDEN, help="another folder than this one")
    order = parser.parse_args(arguments)
    try:
        venv.enter("tests.golden.write", arguments)
        write(order.weights, order.conf, order.out)
    except ExportError as error:
        sys.stderr.write(f"golden: {error}\n")
        return error.exit_code
    return 0


def pictures() -> list[Path]:
    """Every golden picture, in a fixed order.

    Raises:
        UsageError: two have one stem, so that their results would overwrite each other.
    """
    found = [path for folder in FOLDERS for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    stems = [path.stem for path in found]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise UsageError(f"two pictures are called {', '.join(twice)}")
    return found


def write(weights: Path, conf: float, out: Path) -> None:
    """Predicts on every picture and writes one .json each; results of pictures that are gone are deleted."""
    if not weights.is_file():
        raise UsageError(f"{weights} does not exist; --weights names another .pt")
    yolo = load(weights)
    origin = {
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "conf": conf,
        "iou": IOU,
    }
    results = {path.stem: {**_seen(yolo, path, conf), **origin} for path in pictures()}
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.json"):
        old.unlink()
    for stem, result in results.items():
        (out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
        size = f"{result['width']}x{result['height']}"
        sys.stdout.write(f"{result['picture']:<45} {size:>9}  {len(result['detections']):>3} boxes\n")
    sys.stdout.write(f"{len(results)} results in {out}\n")


def load(weights: Path) -> Any:
    from export import ultralytics_setup

    ultralytics_setup.prepare()
    from export import ultralytics_setup

    ultralytics_setup.install()
    from ultralytics import YOLO

    return YOLO(str(weights))


def _seen(yolo: Any, path: Path, conf: float) -> dict[str, Any]:
    """The picture and its boxes: `detections` with predict's own rectangular letterbox, `square` without it.

    A model exported with --static is fed the square; `square` is what Ultralytics finds in that.
    """
    rectangular, square = (_predict(yolo, path, conf, rect) for rect in (True, False))
    height, width = rectangular.orig_shape
    return {
        "picture": path.relative_to(ROOT).as_posix(),
        "width": width,
        "height": height,
        "detections": _rows(rectangular),
        "square": _rows(square),
    }


def _predict(yolo: Any, path: Path, conf: float, rect: bool) -> Any:
    options = {"conf": conf, "iou": IOU, "rect": rect, "device": "cpu", "save": False, "verbose": False}
    result = next(iter(yolo.predict(str(path), stream=True, **options)), None)  # of a GIF, the first frame
    if result is None:
        raise UsageError(f"ultralytics does not read {path}")
    return result


def _rows(result: Any) -> list[dict[str, Any]]:
    """Best first; numbers as float32 gave them."""
    boxes = result.boxes
    rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    return [
        {"class_id": int(cls), "class_name": result.names[int(cls)], "confidence": conf, "xyxy": xyxy}
        for cls, conf, xyxy in rows
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
