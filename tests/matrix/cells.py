"""The cells of the matrix: which networks are built, and in which forms each is exported."""

from pathlib import Path
from typing import NamedTuple

DYNAMIC, STATIC, END2END, NMS = "dynamic", "static", "end-to-end", "nms=True"
FORMS = (DYNAMIC, STATIC, END2END, NMS)
TASKS = ("detect", "segment", "pose", "obb", "classify")
ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = (ROOT / "example/samples/small-300x225.jpg", ROOT / "tests/golden/photo-coffee.jpg")
TWO_HEADS = ("v10", "26")  # generations with an end-to-end head beside the one that predict uses


class Cell(NamedTuple):
    """One network."""

    generation: str
    task: str
    architecture: str  # a file of ultralytics 8.4.190, cfg/models

    @property
    def forms(self) -> tuple[str, ...]:
        """How it can be exported."""
        if self.task == "classify" or self.generation == "RT-DETR":
            return (STATIC,)  # these look at one size only
        return (DYNAMIC, STATIC, END2END, NMS) if self.generation in TWO_HEADS else (DYNAMIC, STATIC, NMS)


def _row(generation: str, stem: str, *suffixes: str) -> list[Cell]:
    tasks = {"": "detect", "-seg": "segment", "-pose": "pose", "-obb": "obb", "-cls": "classify"}
    return [Cell(generation, tasks[suffix], f"{stem}{suffix}.yaml") for suffix in suffixes]


def table() -> str:
    """The cells as Markdown, a letter for each form that is compared."""
    lines = [f"| | {' | '.join(TASKS)} |", "|---|" + ":-:|" * len(TASKS)]
    for generation in dict.fromkeys(cell.generation for cell in CELLS):
        forms = {cell.task: cell.forms for cell in CELLS if cell.generation == generation}
        marks = [" ".join(form[0].upper() for form in forms.get(task, ())) for task in TASKS]
        lines.append(f"| {generation} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


CELLS = (
    *_row("v3u", "yolov3-tiny", ""),
    *_row("v5u", "yolov5n", ""),
    *_row("v6", "yolov6n", ""),
    *_row("v8", "yolov8n", "", "-seg", "-pose", "-obb", "-cls"),
    *_row("v9", "yolov9t", ""),
    *_row("v9", "yolov9c", "-seg"),
    *_row("v10", "yolov10n", ""),
    *_row("11", "yolo11n", "", "-seg", "-pose", "-obb", "-cls"),
    *_row("12", "yolo12n", "", "-seg", "-pose", "-obb", "-cls"),
    *_row("26", "yolo26n", "", "-seg", "-pose", "-obb", "-cls"),
    *_row("RT-DETR", "rtdetr-l", ""),
)
