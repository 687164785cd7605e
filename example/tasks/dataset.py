"""Data set of a task on disk, in the layout of ultralytics: label files, maps, or one folder per class."""

import json
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from example.tasks.labeled_image import MappedImage
from example.tasks.training_configs import TrainingConfig

JPEG_QUALITY = 85
MAPS = {"semantic": "masks", "depth": "depth"}  # task: folder of its maps
STATE = "made.json"  # written last: its presence means that the data set is complete


def build(config: TrainingConfig, root: Path, workers: int) -> Path:
    """Draw the data set, unless the same data set is already there.

    Args:
        config: the task.
        root: folder of the data set.
        workers: number of drawing processes.

    Returns:
        The value for the `data` argument of ultralytics: the path of data.yaml, or the folder for classify.
    """
    state, data = root / STATE, root if config.task == "classify" else root / "data.yaml"
    description = _description(config)
    if state.exists() and state.read_text() == description:
        return data
    shutil.rmtree(root, ignore_errors=True)
    with ProcessPoolExecutor(workers) as pool:
        for split, count in config.counts.items():
            draw = partial(_draw, config, root / split, config.seeds[split])
            for done, _ in enumerate(pool.map(draw, range(count), chunksize=8), start=1):
                if done % 100 == 0 or done == count:
                    sys.stderr.write(f"{config.task}, {split}: {done}/{count} images\n")
    if config.task != "classify":
        data.write_text(_data_yaml(config, root))
    state.write_text(description)
    return data


def default_workers() -> int:
    """Return one process per CPU core."""
    return os.cpu_count() or 1


def _description(config: TrainingConfig) -> str:
    """Return JSON of all values on which the content of the data set depends."""
    described = {"seeds": config.seeds, "counts": config.counts, "plan": list(config.plan), "quality": JPEG_QUALITY}
    return json.dumps(described | ({"sigmas": config.sigmas} if config.sigmas else {}))


def _data_yaml(config: TrainingConfig, root: Path) -> str:
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(config.names))
    lines = [f"path: {root.resolve()}", *(f"{split}: {split}/images" for split in config.counts), f"names:\n{names}"]
    if config.keypoints:
        lines += [f"kpt_shape: [{len(config.keypoints)}, 3]", f"kpt_names:\n  0: {json.dumps(config.keypoints)}\n"]
        lines += [f"kpt_oks_sigmas: {list(config.sigmas)}\n"]
    if config.task == "semantic":
        lines += [f"masks_dir: {MAPS[config.task]}\n"]
    return "\n".join(lines)


def _draw(config: TrainingConfig, folder: Path, seed: int, index: int) -> None:
    """Write one image and its label or map."""
    made = config.make(seed, index, config.plan)
    if isinstance(made, MappedImage):
        _write_map(made, folder, MAPS[config.task], index)
        return
    image, label = made
    images = folder / label if config.task == "classify" else folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    image.save(images / f"{index:05d}.jpg", quality=JPEG_QUALITY)
    if config.task != "classify":
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{index:05d}.txt").write_text(label)


def _write_map(made: MappedImage, folder: Path, maps: str, index: int) -> None:
    """Write one image and its map, a gray PNG with 8 or 16 bits."""
    for name in ("images", maps):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made.image.save(folder / "images" / f"{index:05d}.jpg", quality=JPEG_QUALITY)
    Image.fromarray(made.map_hw).save(folder / maps / f"{index:05d}.png")
