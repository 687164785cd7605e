"""Masks of objects in tiles: the logits of each detection are kept, and become masks when it is known what remains."""

from typing import NamedTuple

import numpy as np

from function.arrays import Bools, Floats
from function.detections import Detections
from function.errors import TooLarge
from function.postprocess import polygons, rle, segment
from function.postprocess.segment import Mask, Masks, Window
from function.preprocess.letterbox import Letterbox
from function.tiling.slices import Tile

MAX_LOGITS = 16_000_000  # of all detections in all tiles: 64 MB
MARGIN = 4  # logits around a box that its mask is interpolated from

Object = list["Part"]  # detections of one object in several tiles, best first


class Part(NamedTuple):
    """Detection in one tile, with the logits around its box."""

    logits: Floats  # (h, w)
    left: int  # of the logits in the plane of the tile
    top: int
    plane_hw: tuple[int, int]
    box_input: Floats  # (4,), xyxy, input pixels
    box_tile: Floats  # (4,), xyxy, pixels of the tile
    geometry: Letterbox  # of the tile
    tile: Tile


def parts(found: Detections, prototypes: Floats, tile: Tile) -> dict[int, Part]:
    """Return the detections of a tile that have a mask, by their row; as in Ultralytics, the others are left out.

    Raises:
        TooLarge: the boxes have too many pixels.
    """
    candidates, geometry = found.candidates, found.geometry
    segment.check_pixels(candidates.boxes, geometry)
    input_wh = (geometry.input_w, geometry.input_h)
    visible: dict[int, Part] = {}
    for start in range(0, len(candidates.boxes), segment.CHUNK):
        chunk = slice(start, start + segment.CHUNK)
        logits = segment.mask_logits(candidates.extras[chunk], prototypes)
        boxes = candidates.boxes[chunk]
        for position, mask in enumerate(segment.masks_at_input_size(logits, boxes, input_wh)):
            if mask.pixels.any():
                row = start + position
                visible[row] = _part(logits[position], boxes[position], found.boxes_xyxy[row], geometry, tile)
    return visible


def _part(plane: Floats, box_input: Floats, box_tile: Floats, geometry: Letterbox, tile: Tile) -> Part:
    height, width = plane.shape
    scale = np.array([width / geometry.input_w, height / geometry.input_h] * 2)
    near, far = np.split((box_input * scale).clip(0, (width, height) * 2), 2)
    left, top = (max(0, int(side) - MARGIN) for side in near)
    right, bottom = (int(side) + 1 + MARGIN for side in far)
    logits = plane[top:bottom, left:right].copy()  # without the other logits of the tile
    return Part(logits, left, top, (height, width), box_input, box_tile, geometry, tile)


def add_logits(total: int, objects: list[Object]) -> int:
    """Return the number of logits of all tiles so far, with those of one more.

    Raises:
        TooLarge: they need too much memory.
    """
    total += sum(part.logits.size for instance in objects for part in instance)
    if total > MAX_LOGITS:
        raise TooLarge(
            f"masks in all tiles must have at most {MAX_LOGITS} logits, got {total} or more; "
            "request a higher conf, larger tiles or no masks (masks=none)"
        )
    return total


def instance_masks(objects: list[Object], size_wh: tuple[int, int], masks: str) -> Masks:
    """Return the masks of objects; the mask of an object in several tiles is the union of theirs.

    Args:
        objects: K of them.
        size_wh: the image, pixels.
        masks: "polygons"; "rle" for polygons and run lengths.

    Returns:
        K masks. The polygons of an object in one tile are those of a request for that tile alone; others follow the
        pixels of the image.

    Raises:
        TooLarge: the boxes, the polygons or the run lengths are more than the limits.
    """
    _check_pixels(objects)
    outlines: list[list[Floats]] = []
    run_lengths: list[list[int]] = []
    points, runs = (segment.Total(name, limit, len(objects)) for name, limit in (segment.POINTS, segment.RUNS))
    for instance in objects:
        union = _union(instance) if masks == "rle" or len(instance) > 1 else None
        if union and len(instance) > 1:
            offset = np.array([union.left, union.top])
            outlines.append([(ring + offset).astype(np.float32) for ring in polygons.trace(union.pixels)])
        else:
            outlines.append(_outline(instance[0]))
        points.add(sum(len(polygon) for polygon in outlines[-1]))
        if union and masks == "rle":
            run_lengths.append(rle.counts(union.left, union.top, union.pixels, size_wh))
            runs.add(len(run_lengths[-1]))
    return Masks(np.arange(len(objects)), outlines, run_lengths if masks == "rle" else None)


def _check_pixels(objects: list[Object]) -> None:
    """Check the pixels of all boxes.

    Raises:
        TooLarge: the masks would take too much time.
    """
    sides = [part.box_tile[2:] - part.box_tile[:2] for instance in objects for part in instance]
    pixels = int(sum(float(width) * float(height) for width, height in sides))
    if pixels > segment.MAX_PIXELS:
        raise TooLarge(
            f"the boxes of masks must have at most {segment.MAX_PIXELS} pixels of the image together, got {pixels} in "
            f"{len(objects)} objects; request fewer detections (max_det, a higher conf)"
        )


def _plane(part: Part) -> Floats:
    """Return the logits of a part at their place in the plane of its tile: (1, h, w)."""
    plane = np.zeros((1, *part.plane_hw), dtype=np.float32)
    height, width = part.logits.shape
    plane[0, part.top : part.top + height, part.left : part.left + width] = part.logits
    return plane


def _outline(part: Part) -> list[Floats]:
    """Return the polygons of a part, (P, 2) each, image pixels."""
    input_wh = (part.geometry.input_w, part.geometry.input_h)
    (mask,) = segment.masks_at_input_size(_plane(part), part.box_input[None], input_wh)
    offset = np.array([part.tile.left, part.tile.top], dtype=np.float32)
    return [polygon + offset for polygon in segment.outline(mask, part.geometry)]


def _union(instance: Object) -> Mask:
    """Return the pixels of the image that are in the mask of a part."""
    found: list[tuple[Window, Bools]] = []
    for part in instance:
        (mask,) = segment.masks_at_image_size(_plane(part), part.box_tile[None], part.geometry)
        left, top = mask.left + part.tile.left, mask.top + part.tile.top
        height, width = mask.pixels.shape
        found.append((Window(left, top, left + width, top + height), mask.pixels))
    if len(found) == 1:
        return Mask(found[0][0].left, found[0][0].top, found[0][1])
    windows = np.array([window for window, _ in found])
    left, top = windows[:, :2].min(axis=0).tolist()
    right, bottom = windows[:, 2:].max(axis=0).tolist()
    pixels = np.zeros((bottom - top, right - left), dtype=bool)
    for window, part_pixels in found:
        pixels[window.top - top : window.bottom - top, window.left - left : window.right - left] |= part_pixels
    return Mask(left, top, pixels)
