"""Golden annotated images: `python -m tests.golden.annotated` draws `annotated/*` and the images of docs/ again.

Look at all of them afterwards.

The results in `annotated/*.json` are responses of the example models, of which the coordinates are scaled to each size.
`person.json` (17 keypoints) and `names.json` (scripts, long names) are made by hand: no example model gives such.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from function import draw

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(__file__).resolve().parent / "annotated"
SCENES = ("detect", "segment", "pose", "obb", "classify", "person", "names")
SIDES = (64, 640, 4000)  # pixels of the longer side
LARGE = 1000  # pixels: of a longer image only a part is stored
PART_WH = (640, 480)  # around the highest point of the first detection, where its label is
DOCS, DOCS_SIDE = ROOT / "docs" / "images", 480
QUALITY = 85


def image_of(scene: str, side: int) -> Image.Image:
    """Return the annotated image of a scene with a longer side of `side` pixels, or a part of it if it is large."""
    body = json.loads((FOLDER / f"{scene}.json").read_text("utf-8"))
    size = body["image_dimensions"]
    scale = side / max(size.values())
    size_wh = round(scale * size["width"]), round(scale * size["height"])
    with Image.open(ROOT / body["image"]) as opened:
        resized = opened.convert("RGB").resize(size_wh, Image.Resampling.LANCZOS)
    drawn = draw.annotate(resized, scaled(body, scale))
    return drawn.crop(part(body, scale, size_wh)) if side > LARGE else drawn


def part(body: dict[str, Any], scale: float, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the stored part of a large image."""
    first = body["detections"][0] if "detections" in body else {}
    box = first.get("box_2d", {"x_min": 0, "y_min": 0})
    point = min(first.get("corners", [{"x": box["x_min"], "y": box["y_min"]}]), key=lambda corner: corner["y"])
    left, top = (
        min(max(round(scale * side) - length // 4, 0), full - length)
        for side, length, full in zip(point.values(), PART_WH, size_wh, strict=True)
    )
    return left, top, left + PART_WH[0], top + PART_WH[1]


def scaled(value: Any, scale: float, name: str = "") -> Any:
    """Return a response with its coordinates multiplied."""
    if isinstance(value, dict):
        return {key: scaled(item, scale, key) for key, item in value.items()}
    if isinstance(value, list):
        return [scaled(item, scale, name) for item in value]
    is_coordinate = name in ("x", "y", "x_min", "y_min", "x_max", "y_max", "segments")
    return scale * value if is_coordinate else value


def path_of(scene: str, side: int) -> Path:
    """Return the file of an annotated image."""
    return FOLDER / f"{scene}-{side}.{'png' if side == min(SIDES) else 'jpg'}"


if __name__ == "__main__":
    for scene in SCENES:
        image_of(scene, DOCS_SIDE).save(DOCS / f"annotated-{scene}.jpg", quality=QUALITY, subsampling=0)
    for scene in SCENES:
        for side in SIDES:
            options = {"quality": QUALITY, "subsampling": 0} if path_of(scene, side).suffix == ".jpg" else {}
            image_of(scene, side).save(path_of(scene, side), **options)
