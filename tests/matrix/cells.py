"""The cells of the matrix: the networks, and the forms in which each is exported."""

from pathlib import Path
from typing import NamedTuple

DYNAMIC, STATIC, END2END, NMS = "dynamic", "static", "end-to-end", "nms=True"
FORMS = (DYNAMIC, STATIC, END2END, NMS)
TASKS = ("detect", "segment", "pose", "obb", "classify", "semantic", "depth")
DENSE_TASKS = ("semantic", "depth")  # their result is a map
ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = (ROOT / "example/samples/small-300x225.jpg", ROOT / "tests/golden/photo-coffee.jpg")
TWO_HEADS = ("v10", "26")  # generations that also have an end-to-end head, which predict does not use


class Cell(NamedTuple):
    """A network of one generation for one task."""

    generation: str
    task: str
    architecture: str  # a file of ultralytics 8.4.190, cfg/models

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it can be exported."""
        if self.task == "classify" or self.generation == "RT-DETR":
            return (STATIC,)  # these support only a fixed input size
        if self.task in DENSE_TASKS:
            return (DYNAMIC, STATIC)
        return (DYNAMIC, STATIC, END2END, NMS) if self.generation in TWO_HEADS else (DYNAMIC, STATIC, NMS)


def _row(generation: str, stem: str, *suffixes: str) -> list[Cell]:
    tasks = {"": "detect", "-seg": "segment", "-pose": "pose", "-obb": "obb", "-cls": "classify"}
    tasks |= {"-sem": "semantic", "-depth": "depth"}
    return [Cell(generation, tasks[suffix], f"{stem}{suffix}.yaml") for suffix in suffixes]


def table() -> str:
    """Return the cells as a Markdown table with one letter for each form that is compared."""
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
    *_row("26", "yolo26n", "", "-seg", "-pose", "-obb", "-cls", "-sem", "-depth"),
    *_row("RT-DETR", "rtdetr-l", ""),
)
