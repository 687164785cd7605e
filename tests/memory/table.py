"""The tables of docs/performance.md, "Memory": `.envs/dev/bin/python -m tests.memory.table MODEL...`.

MODEL is an .onnx file. The first table has the bytes per pixel of each kind of image, with the first model; the second
one the memory of each model and of requests with small images.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.memory import images
from tests.memory.processes import MB, run
from tests.memory.test_limits import image_event, objects_of_json

SMALL = 640  # px


def by_format(model: Path, folder: Path) -> None:
    """Print the bytes per pixel of each kind of image, from the memory before the event to its peak."""
    print("| image of 50 megapixels | bytes per pixel | MB |\n|---|---:|---:|")  # noqa: T201
    for kind, make in images.KINDS.items():
        (measured,) = run(folder, model, [image_event(make(images.LARGEST))])
        assert measured.status == 200
        growth = f"{measured.growth / images.LARGEST**2:.1f} | {measured.growth / MB:.0f}"
        print(f"| {kind} | {growth} |", flush=True)  # noqa: T201


def by_model(model: Path, folder: Path) -> None:
    """Print the memory of a model before the first request, and at the peak of requests with a small image."""
    small = images.KINDS["PNG"](SMALL)
    requests: dict[str, Any] = {
        "defaults": image_event(small),
        "conf=0, max_det=3000": image_event(small, conf=0, max_det=3000),
        "16 images": {"images": [image_event(small)] * 16},
        "file of 4 MB as base64": image_event(bytes(range(250)) * (4 * MB // 250)),
        "JSON of 4 MB in small objects": objects_of_json(),
    }
    measured = {name: run(folder, model, [event])[0] for name, event in requests.items()}
    ready = measured["defaults"].before
    cells = [f"{ready / MB:.0f}", *(f"{response.peak / MB:.0f} ({response.status})" for response in measured.values())]
    print(f"| {' | '.join((model.stem, *cells))} |", flush=True)  # noqa: T201


def main() -> None:
    """Print both tables."""
    models = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        by_format(models[0], Path(folder))
        print("\n| model | ready | defaults | conf=0, max_det=3000 | 16 images | base64 | JSON of 4 MB |")  # noqa: T201
        print("|---|---:|---:|---:|---:|---:|---:|")  # noqa: T201
        for model in models:
            by_model(model, Path(folder))


if __name__ == "__main__":
    main()
