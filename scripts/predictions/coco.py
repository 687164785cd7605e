"""Results as one COCO file, for annotation tools and pycocotools.

Category ids are the class ids of the model, from 0, and bounding boxes are [x, y, width, height] in pixels.
Source: cocodataset.org/#format-data and #format-results; a detection has `score` too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.predictions.run import ImageResult

INFO = {"description": "predictions of yolo-lambda-zip"}
HIDDEN, VISIBLE = 1, 2  # of a labeled keypoint
VISIBLE_CONFIDENCE = 0.5  # as in the images that --save draws
MIN_POINTS = 3  # of a polygon


class CocoDataset:
    """COCO dataset that grows with each result."""

    def __init__(self, names: dict[int, str]) -> None:
        """Start with the categories that are known; `add` adds the others.

        Args:
            names: class id to name.
        """
        self._names = dict(names)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, result: ImageResult) -> None:
        """Add an image and its detections; an image with an error is left out, and so are the classes of an image."""
        body = result.body
        if body is None:
            return
        image_id = len(self._images) + 1
        self._images.append({"id": image_id, "file_name": result.image.name, **body["image_dimensions"]})
        for row in body.get("detections", []):
            self._names.setdefault(row["class_id"], row["class_name"])
            self._annotations.append({"id": len(self._annotations) + 1, "image_id": image_id, **annotation(row)})

    def as_json(self) -> dict[str, Any]:
        """Return the dataset as JSON has it."""
        points = max((len(row.get("keypoints", ())) // 3 for row in self._annotations), default=0)
        return {
            "info": INFO,
            "licenses": [],
            "images": self._images,
            "annotations": self._annotations,
            "categories": categories(self._names, points),
        }


def categories(names: dict[int, str], points: int) -> list[dict[str, Any]]:
    """Return the categories by id: class id to name, and how many keypoints an annotation has at most."""
    keypoints = {"keypoints": [str(number) for number in range(points)], "skeleton": []} if points else {}
    return [{"id": number, "name": name, **keypoints} for number, name in sorted(names.items())]


def annotation(row: dict[str, Any]) -> dict[str, Any]:
    """Return a detection of a response as an annotation, without its ids."""
    box = row["box_2d"]
    width, height = box["x_max"] - box["x_min"], box["y_max"] - box["y_min"]
    fields: dict[str, Any] = {
        "category_id": row["class_id"],
        "bbox": [box["x_min"], box["y_min"], round(width, 2), round(height, 2)],
        "area": round(width * height, 2),
        "iscrowd": 0,
        "score": row["confidence"],
    }
    if "segments" in row:
        fields["segmentation"] = [_flat(_closed(polygon)) for polygon in row["segments"]]
        fields["area"] = round(sum(map(_area, row["segments"])), 2)
    if "mask" in row:  # requested by masks=rle, and with the size of the image
        fields["segmentation"] = row["mask"]
    if "corners" in row:
        corners = [(corner["x"], corner["y"]) for corner in row["corners"]]
        fields["segmentation"], fields["area"] = [_flat(corners)], round(_area(corners), 2)
    if "keypoints" in row:
        points = row["keypoints"]
        fields["keypoints"] = [value for point in points for value in (point["x"], point["y"], _visibility(point))]
        fields["num_keypoints"] = len(points)
    return fields


def _visibility(point: dict[str, float]) -> int:
    return VISIBLE if point.get("confidence", 1.0) >= VISIBLE_CONFIDENCE else HIDDEN


def _closed(polygon: list[Any]) -> list[Any]:
    """Return a polygon with at least three points, which pycocotools requires; a mask of one pixel has one."""
    return [*polygon, *polygon[-1:] * (MIN_POINTS - len(polygon))]


def _flat(points: Any) -> list[float]:
    return [float(value) for point in points for value in point]


def _area(points: Any) -> float:
    """Return the area of a polygon by the shoelace formula."""
    pairs = zip(points, [*points[1:], *points[:1]], strict=True)
    return abs(float(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs))) / 2
