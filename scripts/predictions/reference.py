"""Results of Ultralytics' `predict`, in the form of the function's responses; runs in the environment `export`.

The request is a JSON object on stdin. The output is lines of JSON: one for the model, then one for each image in their
order; `{"failed": ...}` ends it early.
"""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from export import checkpoint, ultralytics_setup
from export.errors import ExportError

USAGE = 2  # exit code
CLASSES = 5  # best classes of a classifier


def main() -> int:
    """Predict each image on its own: of several at once, `predict` pads all to a square."""
    request = json.load(sys.stdin)
    with _results_only() as output:
        ultralytics_setup.prepare()
        ultralytics_setup.patch_torchvision()
        _silence()
        try:
            with tempfile.TemporaryDirectory(prefix="predict-") as folder:
                yolo = checkpoint.read(Path(request["weights"]), Path(folder), request["end2end"]).yolo
                _print(output, {"task": yolo.task, "names": {str(number): name for number, name in yolo.names.items()}})
                for path in request["images"]:
                    _print(output, _result(yolo, path, request))
        except ExportError as error:
            _print(output, {"failed": " ".join(str(error).split())})
            return USAGE
        except BrokenPipeError:  # the comparison was ended
            return USAGE
    return 0


def _results_only() -> TextIO:
    """Return stdout, which from now on has only the results: what libraries print goes to stderr."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def _silence() -> None:
    """Print no warnings: an image that cannot be read is a result."""
    from ultralytics.utils import LOGGER

    LOGGER.setLevel(logging.ERROR)


def _print(output: TextIO, document: dict[str, Any]) -> None:
    output.write(json.dumps(document) + "\n")
    output.flush()


def _result(yolo: Any, path: str, request: dict[str, Any]) -> dict[str, Any]:
    options = {"device": "cpu", "save": False, "verbose": False, "rect": request["rect"], "imgsz": request["imgsz"]}
    options |= {"retina_masks": True}  # masks of the size of the image, as `masks=rle` of the function
    options |= {"nms": False if request["end2end"] else None, **request["options"]}
    try:
        result = next(iter(yolo.predict(path, stream=True, **options)))  # of an animation, the first frame
    except StopIteration:
        return {"error": "`predict` cannot read it"}
    except (OSError, ValueError) as error:  # FileNotFoundError for every image that it cannot read
        return {"error": f"`predict` cannot read it: {' '.join(str(error).split())[:200]}"}
    height, width = result.orig_shape
    size = {"image_dimensions": {"width": width, "height": height}}
    if result.probs is not None:
        scores, top = result.probs.data.tolist(), result.probs.top5[:CLASSES]
        rows = [{"class_id": c, "class": result.names[c], "confidence": scores[c]} for c in top]
        return {**size, **rows[0], "top": rows}
    return {**size, "detections": [_row(result, index) for index in range(len(result))]}


def _row(result: Any, index: int) -> dict[str, Any]:
    boxes = result.boxes if result.obb is None else result.obb
    class_id = int(boxes.cls[index])
    row: dict[str, Any] = {
        "class_id": class_id,
        "class_name": result.names[class_id],
        "confidence": float(boxes.conf[index]),
        "box_2d": dict(zip(("x_min", "y_min", "x_max", "y_max"), boxes.xyxy[index].tolist(), strict=True)),
    }
    if result.keypoints is not None:
        names = ("x", "y", "confidence")
        points = result.keypoints.data[index].tolist()
        row["keypoints"] = [dict(zip(names, point, strict=False)) for point in points]
    if result.obb is not None:
        row["corners"] = [{"x": x, "y": y} for x, y in result.obb.xyxyxyxy[index].tolist()]
        x, y, w, h, rotation = result.obb.xywhr[index].tolist()
        row["rotated_box"] = {"x_center": x, "y_center": y, "width": w, "height": h, "rotation": rotation}
    if result.masks is not None:
        polygon = result.masks.xy[index].tolist()
        row["segments"] = [polygon] if polygon else []
        row["mask"] = {"counts": _counts(result.masks.data[index])}
    return row


def _counts(mask: Any) -> list[int]:
    """Return the run lengths of a mask, column by column; the first one counts pixels outside and can be 0."""
    pixels = np.concatenate(([False], mask.cpu().numpy().T.ravel() > 0))
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    runs: list[int] = np.diff(np.concatenate(([0], changes, [pixels.size - 1]))).tolist()
    return runs


if __name__ == "__main__":
    sys.exit(main())
