"""Print the detections of an image: python client.py URL IMAGE. Needs httpx. API_KEY: the key of the function."""

import os
import sys
from pathlib import Path

import httpx

if len(sys.argv) != 3:
    sys.exit("usage: python client.py URL IMAGE")
url, image = sys.argv[1:]
headers = {"content-type": "application/octet-stream"}
if "API_KEY" in os.environ:
    headers["x-api-key"] = os.environ["API_KEY"]
reply = httpx.post(url, params={"conf": 0.4}, content=Path(image).read_bytes(), headers=headers, timeout=60)
if reply.is_error:
    sys.exit(f"{reply.status_code}: {reply.text}")
for detection in reply.json()["detections"]:
    box = detection["box_2d"]
    print(
        detection["class_name"],
        f"{detection['confidence']:.4f}",
        *(f"{box[name]:.2f}" for name in ("x_min", "y_min", "x_max", "y_max")),
    )
