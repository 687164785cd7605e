"""Ultralytics as a Lambda function.

`BASELINE_MODEL` names a .pt (runs with torch) or an .onnx in the folder of this file, `BASELINE_IMGSZ` the side of its
input in px. `BASELINE_PACKAGES` is the folder of the packages, which are too large for a zip.
"""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.append(os.environ["BASELINE_PACKAGES"])

import cv2
import numpy as np
import ultralytics_setup  # type: ignore[import-not-found]  # a copy of export/ultralytics_setup.py in the same zip

ultralytics_setup.patch_torchvision()

from ultralytics import YOLO  # noqa: E402  (needs the patched torchvision)

MODEL = YOLO(Path(__file__).with_name(os.environ["BASELINE_MODEL"]), task="detect")
IMGSZ = int(os.environ["BASELINE_IMGSZ"])
CORNERS = ("x_min", "y_min", "x_max", "y_max")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  (the signature of Lambda)
    """Return the detections in the image of a Function URL event, in the fields of this project's response."""
    conf = float(event.get("queryStringParameters", {}).get("conf", 0.25))
    image = cv2.imdecode(np.frombuffer(base64.b64decode(event["body"]), np.uint8), cv2.IMREAD_COLOR)
    (result,) = MODEL.predict(image, imgsz=IMGSZ, conf=conf, device="cpu", verbose=False)
    boxes = result.boxes.cpu().numpy()
    rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    detections = [
        {
            "class_id": int(class_id),
            "confidence": round(score, 4),
            "box_2d": dict(zip(CORNERS, (round(coordinate, 2) for coordinate in box), strict=True)),
        }
        for class_id, score, box in rows
    ]
    body = json.dumps({"detections": detections, "detection_count": len(detections)})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
