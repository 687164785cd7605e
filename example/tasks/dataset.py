"""A task's data set on disk, in the layout that ultralytics reads: label files, or a folder a class for classify.

Knows folders; what is drawn and how often stands in the recipe.
"""

import json
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from example.dataset import JPEG_QUALITY, STATE
from example.tasks.training_configs import RECIPES, Recipe


def build(recipe: Recipe, root: Path, workers: int) -> Path:
    """Makes the data set unless the same one is there already.

    Args:
        recipe: what to draw.
        root: the folder of the set.
        workers: processes that draw.

    Returns:
        What ultralytics takes as `data`: the path of data.yaml, or the folder for classify.
    """
    state, data = root / STATE, root if recipe.task == "classify" else root / "data.yaml"
    described = {"seeds": recipe.seeds, "counts": recipe.counts, "plan": list(recipe.plan), "quality": JPEG_QUALITY}
    described |= {"sigmas": recipe.sigmas} if recipe.sigmas else {}
    description = json.dumps(described)
    if state.exists() and state.read_text() == description:
        return data
    shutil.rmtree(root, ignore_errors=True)
    with ProcessPoolExecutor(workers) as pool:
        for split, count in recipe.counts.items():
            list(pool.map(partial(_draw, recipe.task, root / split, recipe.seeds[split]), range(count), chunksize=8))
            sys.stderr.write(f"{recipe.task}, {split}: {count} pictures\n")
    if recipe.task != "classify":
        data.write_text(_data_yaml(recipe, root))
    state.write_text(description)
    return data


def _data_yaml(recipe: Recipe, root: Path) -> str:
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(recipe.names))
    lines = [f"path: {root.resolve()}", *(f"{split}: {split}/images" for split in recipe.counts), f"names:\n{names}"]
    if recipe.keypoints:
        lines += [f"kpt_shape: [{len(recipe.keypoints)}, 3]", f"kpt_names:\n  0: {json.dumps(recipe.keypoints)}\n"]
        lines += [f"kpt_oks_sigmas: {list(recipe.sigmas)}\n"]
    return "\n".join(lines)


def _draw(task: str, folder: Path, seed: int, index: int) -> None:
    recipe = RECIPES[task]
    image, label = recipe.make(seed, index, recipe.plan)
    images = folder / label if task == "classify" else folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    image.save(images / f"{index:05d}.jpg", quality=JPEG_QUALITY)
    if task != "classify":
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{index:05d}.txt").write_text(label)
