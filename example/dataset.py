"""The example's data set on disk, in the layout that ultralytics reads.

Knows folders, seeds and split sizes; a split has a seed of its own, so that no picture is in two of them.
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from example.images import NAMES, make

SEEDS = {"train": 20261, "val": 20262, "test": 20263}
COUNTS = {"train": 1200, "val": 160, "test": 400}  # val chooses the epoch, test only measures
JPEG_QUALITY = 85
STATE = "made.json"  # written last: its presence means that the set is whole


def build(root: Path, workers: int) -> Path:
    """Makes the data set unless the same one is there already.

    Args:
        root: the folder of the set.
        workers: processes that draw.

    Returns:
        The path of its data.yaml.
    """
    description = {"seeds": SEEDS, "counts": COUNTS, "quality": JPEG_QUALITY}
    state, data = root / STATE, root / "data.yaml"
    if state.exists() and json.loads(state.read_text()) == description:
        return data
    for split in SEEDS:
        _draw_split(root, split, workers)
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(NAMES))
    folders = "".join(f"{split}: {split}/images\n" for split in SEEDS)
    data.write_text(f"path: {root.resolve()}\n{folders}names:\n{names}")
    state.write_text(json.dumps(description))
    return data


def _draw_split(root: Path, split: str, workers: int) -> None:
    for kind in ("images", "labels"):
        folder = root / split / kind
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    with ProcessPoolExecutor(workers) as pool:
        done = pool.map(partial(_draw_one, root / split, SEEDS[split]), range(COUNTS[split]), chunksize=8)
        for made, _ in enumerate(done, start=1):
            if made % 100 == 0 or made == COUNTS[split]:
                sys.stderr.write(f"{split}: {made}/{COUNTS[split]} pictures\n")
    (root / split / "labels.cache").unlink(missing_ok=True)


def _draw_one(folder: Path, seed: int, index: int) -> None:
    scene = make(seed, index)
    scene.image.save(folder / "images" / f"{index:05d}.jpg", quality=JPEG_QUALITY)
    (folder / "labels" / f"{index:05d}.txt").write_text(scene.label_text())


def default_workers() -> int:
    """One process a core."""
    return os.cpu_count() or 1
