"""How well found boxes agree with the golden ones: `python -m tests.golden.compare [DIST]` asks the built zips.

Prints a line for each picture. The tolerances are those of tests/golden/README.md.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from function.postprocess.boxes import iou_one_to_many

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
IOU_MIN = 0.995
CONFIDENCE_MAX = 0.002


class Rows(NamedTuple):
    """Boxes of one picture, best first."""

    class_ids: list[int]
    confidences: list[float]
    boxes_xyxy: np.ndarray[tuple[int, ...], np.dtype[np.float32]]  # (K, 4)


class Agreement(NamedTuple):
    """Two lists of boxes side by side, each wanted box with the nearest of its class."""

    wanted: int
    found: int
    iou_min: float  # 1 where there are no boxes
    confidence_max: float

    @property
    def holds(self) -> bool:
        """Whether it is within the tolerances."""
        return self.wanted == self.found and self.iou_min >= IOU_MIN and self.confidence_max <= CONFIDENCE_MAX


def goldens() -> list[dict[str, Any]]:
    """Every golden result, as `write.py` left it."""
    return [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]


def wanted_rows(golden: dict[str, Any], letterbox: str) -> Rows:
    """Ultralytics' boxes; `letterbox` is "detections" for its own rectangular one and "square" without."""
    rows = golden[letterbox]
    return Rows(
        [row["class_id"] for row in rows], [row["confidence"] for row in rows], _boxes([row["xyxy"] for row in rows])
    )


def response_rows(body: dict[str, Any]) -> Rows:
    """Boxes of an answer of the function."""
    rows = body["detections"]
    return Rows(
        [row["class_id"] for row in rows],
        [row["confidence"] for row in rows],
        _boxes([list(row["box_2d"].values()) for row in rows]),
    )


def agreement(wanted: Rows, found: Rows) -> Agreement:
    """Pairs each wanted box with the unused box of its class that overlaps it most."""
    unused = list(range(len(found.class_ids)))
    ious, differences = [1.0], [0.0]
    for class_id, confidence, box in zip(*wanted, strict=True):
        same = [index for index in unused if found.class_ids[index] == class_id]
        if not same:
            ious.append(0.0)
            continue
        overlaps = iou_one_to_many(box, found.boxes_xyxy[same])
        best = same[int(overlaps.argmax())]
        unused.remove(best)
        ious.append(float(overlaps.max()))
        differences.append(abs(found.confidences[best] - confidence))
    return Agreement(len(wanted.class_ids), len(found.class_ids), min(ious), max(differences))


def main(arguments: list[str]) -> int:
    """Compare the built zips; 0 if every picture agrees."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.compare", description=__doc__)
    parser.add_argument("dist", nargs="?", type=Path, default=ROOT / "dist", metavar="DIST")
    dist = parser.parse_args(arguments).dist
    from scripts.local_lambda.emulator import LocalLambda
    from scripts.local_lambda.errors import NotRunnable
    from scripts.local_lambda.events import function_url_event

    rows = []
    try:
        function = LocalLambda(dist)
    except NotRunnable as error:
        sys.stderr.write(f"compare: {error}\n")
        return 2
    with function:
        for golden in goldens():
            event = function_url_event((ROOT / golden["picture"]).read_bytes(), None)
            body = json.loads(function.invoke(event).response["body"])
            rows.append((golden["picture"], agreement(wanted_rows(golden, "detections"), response_rows(body))))
    sys.stdout.write(table(rows))
    return 0 if all(row.holds for _, row in rows) else 1


def table(rows: list[tuple[str, Agreement]]) -> str:
    """One line a picture, and one of all."""
    total = Agreement(
        sum(row.wanted for _, row in rows),
        sum(row.found for _, row in rows),
        min(row.iou_min for _, row in rows),
        max(row.confidence_max for _, row in rows),
    )
    lines = [f"{'picture':<44} predict  zips  IoU >=   confidence within"]
    for name, row in [*rows, (f"{len(rows)} pictures", total)]:
        mark = "" if row.holds else "  DIFFERS"
        lines.append(f"{name:<44} {row.wanted:>7} {row.found:>5}  {row.iou_min:.4f}   {row.confidence_max:.5f}{mark}")
    return "\n".join(lines) + "\n"


def _boxes(rows: list[list[float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
