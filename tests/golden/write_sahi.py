"""Golden results with tiles: `python -m tests.golden.write_sahi` runs SAHI on Ultralytics and writes sahi/*.json.

It uses only the .pt files, Ultralytics and SAHI, no code of the function. Run it in an environment with the packages of
export/requirements.txt, sahi and shapely.
"""

import argparse
import hashlib
import json
import sys
from importlib.metadata import version
from typing import Any

from export import ultralytics_setup
from scripts.environments import project_version
from tests.golden.write import GOLDEN, PACKAGES, ROOT

EXAMPLE = ROOT / "example"
SAMPLES = EXAMPLE / "samples"
SEGMENT = EXAMPLE / "tasks" / "samples" / "segment"
OUT = GOLDEN / "sahi"
DIALS = [  # images with dials
    *sorted(SAMPLES.glob("*.jpg")),
    *(SEGMENT / name for name in ("dials-640x480.jpg", "portrait-810x1080.jpg", "wide-1280x720.jpg")),
]
MODELS = {  # task -> weights, images, and model input of the tiles
    "detect": (EXAMPLE / "best.pt", DIALS, 320),
    "obb": (EXAMPLE / "tasks" / "obb.pt", sorted((EXAMPLE / "tasks" / "samples" / "obb").glob("*.jpg")), 192),
    "segment": (EXAMPLE / "tasks" / "segment.pt", DIALS, 224),
}
CASES: tuple[dict[str, Any], ...] = (  # SAHI's defaults but for these
    {"size": 320},
    {"size": 200, "overlap": 0.3, "full": False},
    {"size": 320, "conf": 0.05},
    {"size": 256, "merge": "NMS", "agnostic": True},
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.golden.write_sahi", description="Write the golden results with tiles."
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Write the golden results."""
    parser().parse_args(arguments)
    ultralytics_setup.prepare()
    ultralytics_setup.patch_torchvision()
    OUT.mkdir(exist_ok=True)
    for task, (weights, images, imgsz) in MODELS.items():
        result = {
            "task": task,
            "weights": weights.relative_to(ROOT).as_posix(),
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "versions": {name: version(name).split("+")[0] for name in (*PACKAGES, "sahi", "shapely")},
            "images": [path.relative_to(ROOT).as_posix() for path in images],
            "cases": [
                case | {"objects": [_objects(str(weights), str(path), imgsz, case) for path in images]}
                for case in CASES
            ],
        }
        (OUT / f"{task}.json").write_text(json.dumps(result) + "\n")
        count = sum(len(objects) for case in result["cases"] for objects in case["objects"])
        sys.stdout.write(f"{task:<9} {len(images)} images, {len(CASES)} cases, {count} objects\n")
    return 0


def _objects(weights: str, image: str, imgsz: int, case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what SAHI finds in one image: box, score, class, and the corners of a rotated box."""
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    model = AutoDetectionModel.from_pretrained(
        "ultralytics", model_path=weights, confidence_threshold=case.get("conf", 0.25), image_size=imgsz, device="cpu"
    )
    overlap = case.get("overlap", 0.2)
    found = get_sliced_prediction(
        image,
        model,
        case["size"],
        case["size"],
        overlap,
        overlap,
        perform_standard_pred=case.get("full", True),
        postprocess_type=case.get("merge", "GREEDYNMM"),
        postprocess_class_agnostic=case.get("agnostic", False),
        verbose=0,
    )
    return [
        {
            "box_xyxy": [round(value, 3) for value in item.bbox.to_xyxy()],
            "score": round(float(item.score.value), 5),
            "class_id": item.category.id,
            **({"corners": item.mask.segmentation[0]} if model.is_obb else {}),
        }
        for item in found.object_prediction_list
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
