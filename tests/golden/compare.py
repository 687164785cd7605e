"""Comparison of boxes with the golden results. `python -m tests.golden.compare [DIR]` compares the built zips.

It prints one line for each image. tests/golden/README.md explains the tolerances.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from function.postprocess.boxes import iou_one_to_many
from scripts.environments import project_version

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
IOU_MIN = 0.995
CONFIDENCE_MAX = 0.002


class Rows(NamedTuple):
    """Boxes of one image, best first."""

    class_ids: list[int]
    confidences: list[float]
    boxes_xyxy: np.ndarray[tuple[int, ...], np.dtype[np.float32]]  # (K, 4)


class Agreement(NamedTuple):
    """Comparison of two lists of boxes, each expected box with the nearest actual box of its class."""

    expected: int
    actual: int
    iou_min: float  # 1 if there are no boxes
    confidence_max: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerances."""
        return self.expected == self.actual and self.iou_min >= IOU_MIN and self.confidence_max <= CONFIDENCE_MAX


def goldens() -> list[dict[str, Any]]:
    """Return every golden result, as `write.py` wrote it."""
    return [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]


def expected_rows(golden: dict[str, Any], letterbox: str) -> Rows:
    """Return the boxes of Ultralytics.

    Args:
        golden: a golden result.
        letterbox: "detections" for Ultralytics' default, the rectangular letterbox; "square" for the square one.
    """
    rows = golden[letterbox]
    return Rows(
        [row["class_id"] for row in rows], [row["confidence"] for row in rows], _boxes([row["xyxy"] for row in rows])
    )


def response_rows(body: dict[str, Any]) -> Rows:
    """Return the boxes of a response of the function."""
    rows = body["detections"]
    return Rows(
        [row["class_id"] for row in rows],
        [row["confidence"] for row in rows],
        _boxes([list(row["box_2d"].values()) for row in rows]),
    )


def agreement(expected: Rows, actual: Rows) -> Agreement:
    """Compare each expected box with the unused actual box of its class that overlaps it most."""
    unused = list(range(len(actual.class_ids)))
    ious, differences = [1.0], [0.0]
    for class_id, confidence, box in zip(*expected, strict=True):
        same = [index for index in unused if actual.class_ids[index] == class_id]
        if not same:
            ious.append(0.0)
            continue
        overlaps = iou_one_to_many(box, actual.boxes_xyxy[same])
        best = same[int(overlaps.argmax())]
        unused.remove(best)
        ious.append(float(overlaps.max()))
        differences.append(abs(actual.confidences[best] - confidence))
    return Agreement(len(expected.class_ids), len(actual.class_ids), min(ious), max(differences))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.golden.compare", description="Compare the boxes of the built zips with the golden ones."
    )
    command.add_argument(
        "dist", nargs="?", type=Path, default=ROOT / "dist", metavar="DIR", help="folder of the zips (default: dist)"
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Compare the built zips; return 0 if every image agrees, 1 if one differs, 2 if the zips cannot run here."""
    dist = parser().parse_args(arguments).dist
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
            event = function_url_event((ROOT / golden["image"]).read_bytes(), None)
            body = json.loads(function.invoke(event).response["body"])
            rows.append((golden["image"], agreement(expected_rows(golden, "detections"), response_rows(body))))
    sys.stdout.write(table(rows))
    return 0 if all(row.holds for _, row in rows) else 1


def table(rows: list[tuple[str, Agreement]]) -> str:
    """Return one line for each image, and one for the sum."""
    total = Agreement(
        sum(row.expected for _, row in rows),
        sum(row.actual for _, row in rows),
        min(row.iou_min for _, row in rows),
        max(row.confidence_max for _, row in rows),
    )
    lines = [f"{'image':<44} predict  zips  IoU >=   confidence within"]
    for name, row in [*rows, (f"{len(rows)} images", total)]:
        mark = "" if row.holds else "  DIFFERS"
        lines.append(
            f"{name:<44} {row.expected:>7} {row.actual:>5}  {row.iou_min:.4f}   {row.confidence_max:.5f}{mark}"
        )
    return "\n".join(lines) + "\n"


def _boxes(rows: list[list[float]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
