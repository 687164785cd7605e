"""Golden maps of semantic segmentation and depth: `python -m tests.golden.write_maps` runs Ultralytics.

It uses only the .pt files and Ultralytics' `predict`, no code of the function. It can be started with any Python >=
3.9; it creates the export environment and continues there.
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
from export.errors import ExportError
from scripts.environments import project_version
from tests.golden.write import GOLDEN, PACKAGES, ROOT, load

TASKS = ("semantic", "depth")
EXAMPLES = ROOT / "example" / "tasks"
OUT = GOLDEN / "maps"
FORMS = {"dynamic": True, "static": False}  # form of the export -> `rect` of predict
GRID = 24  # rows and columns of a depth map that are kept
OTHERS = (
    "example/samples/portrait-810x1080.jpg",
    "example/samples/small-300x225.jpg",
    "example/samples/square-640x640.jpg",
    "tests/golden/exif-6.jpg",
    "tests/golden/gray.jpg",
    "tests/golden/strip-1200x300.jpg",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.golden.write_maps",
        description="Write the golden maps of semantic segmentation and depth.",
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Write the golden maps; return 0, or 2 for weights or images that cannot be used."""
    parser().parse_args(arguments)
    try:
        venv.enter("tests.golden.write_maps", arguments)
        OUT.mkdir(exist_ok=True)
        for task in TASKS:
            _write(task)
    except ExportError as error:
        sys.stderr.write(f"golden: {error}\n")
        return error.exit_code
    return 0


def _write(task: str) -> None:
    weights = EXAMPLES / f"{task}.pt"
    yolo = load(weights)
    paths = [*sorted((EXAMPLES / "samples" / task).glob("*.jpg")), *(ROOT / other for other in OTHERS)]
    result = {
        "task": task,
        "weights": weights.relative_to(ROOT).as_posix(),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "images": [_image(yolo, path, form) for path in paths for form in FORMS],
    }
    (OUT / f"{task}.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"{task:<9} {len(paths)} images\n")


def _image(yolo: Any, path: Path, form: str) -> dict[str, Any]:
    """Return the result for one image: the file of its class map, or rows and columns of its depth map."""
    from PIL import Image

    (result,) = yolo.predict(str(path), rect=FORMS[form], device="cpu", save=False, verbose=False)
    height, width = result.orig_shape
    image = {"image": path.relative_to(ROOT).as_posix(), "form": form, "width": width, "height": height}
    if result.depth is None:
        name = f"semantic-{form}-{path.stem}.png"
        Image.fromarray(result.semantic_mask.data.numpy()).save(OUT / name, optimize=True)
        return image | {"map": name, "classes": result.summary()}
    depth = result.depth.data.numpy()
    rows, columns = (sorted({round(i * (side - 1) / (GRID - 1)) for i in range(GRID)}) for side in depth.shape)
    values = [[round(float(value), 6) for value in depth[row, columns]] for row in rows]
    limits = {"min": float(depth.min()), "max": float(depth.max())}
    return image | limits | {"rows": rows, "columns": columns, "values": values}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
