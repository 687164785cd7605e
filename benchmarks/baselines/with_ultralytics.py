"""Ultralytics as a function: `PEER_MODEL` names a .pt (with torch) or an .onnx beside this file.

`PEER_PACKAGES` is the folder of its packages, too large for a zip; they are used where they are.
"""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.append(os.environ["PEER_PACKAGES"])

import cv2
import numpy as np
import torchvision_shim  # type: ignore[import-not-found]  # a copy of export's, beside this file

torchvision_shim.install()

from ultralytics import YOLO  # noqa: E402  (needs what the shim mends)

MODEL = YOLO(Path(__file__).with_name(os.environ["PEER_MODEL"]), task="detect")
IMGSZ = int(os.environ["PEER_IMGSZ"])  # px


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  (the platform's signature)
    """Boxes of the picture in a Function URL's event, in the same fields as the function's."""
    conf = float(event.get("queryStringParameters", {}).get("conf", 0.25))
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(event["body"]), np.uint8), cv2.IMREAD_COLOR)
    (result,) = MODEL.predict(picture, imgsz=IMGSZ, conf=conf, device="cpu", verbose=False)
    boxes = result.boxes.cpu().numpy()
    rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
    detections = [
        {
            "class_id": int(class_id),
            "confidence": round(score, 4),
            "box_2d": dict(zip(("x_min", "y_min", "x_max", "y_max"), (round(one, 2) for one in box), strict=True)),
        }
        for class_id, score, box in rows
    ]
    body = json.dumps({"detections": detections, "detection_count": len(detections)})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
