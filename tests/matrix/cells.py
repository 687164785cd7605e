"""The cells of the matrix: the networks, and the forms in which each is exported.

Every architecture of ultralytics 8.4.190 is a cell, another size of one (`SIZES`), or in `LEFT_OUT` with a reason.
"""

from pathlib import Path
from typing import NamedTuple

DYNAMIC, STATIC, END2END, NMS = "dynamic", "static", "end-to-end", "nms=True"
FORMS = (DYNAMIC, STATIC, END2END, NMS)
TASKS = ("detect", "segment", "pose", "obb", "classify", "semantic", "depth")
DENSE_TASKS = ("semantic", "depth")  # their result is a map
INPUT_SIZES = (640,)  # px; at larger ones, random networks have many equal scores
ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = (ROOT / "example/samples/small-300x225.jpg", ROOT / "tests/golden/photo-coffee.jpg")
TWO_HEADS = ("v10", "26", "26-p2", "26-p6")  # generations that also have an end-to-end head, which predict does not use


UNSTABLE = {("YOLOE-11-detect", STATIC)}  # with these random weights, torch's own rounding changes scores by 0.001


class Cell(NamedTuple):
    """A network of one generation for one task."""

    generation: str
    task: str
    architecture: str  # a file of ultralytics 8.4.190, cfg/models
    is_long: bool = False  # compared only by `scripts/test.sh --long`

    @property
    def name(self) -> str:
        """Name on the command line."""
        return f"{self.generation}-{self.task}"

    @property
    def stretches(self) -> bool:
        """True for the head of RT-DETR."""
        return "RT-DETR" in self.generation

    @property
    def stride(self) -> int:
        """The largest stride, in pixels."""
        return 64 if "p6" in self.architecture else 32

    @property
    def sizes(self) -> tuple[int, ...]:
        """Other input sizes whose predictions are compared too, in pixels: of dynamic models with boxes."""
        # Random networks at larger sizes: masks have more points than a response may have, rotated boxes equal scores.
        is_compared = self.generation in ("v8", "11", "26") and self.task in ("detect", "pose")
        return INPUT_SIZES if is_compared else ()

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it can be exported."""
        if self.task == "classify" or self.stretches:
            return (STATIC,)  # these support only a fixed input size
        if self.task in DENSE_TASKS:
            return (DYNAMIC, STATIC)
        if self.generation == "YOLO-World":
            return (DYNAMIC, STATIC)  # the exporter of ultralytics alone cannot convert its adaptive pools
        forms = (DYNAMIC, STATIC, END2END, NMS) if self.generation in TWO_HEADS else (DYNAMIC, STATIC, NMS)
        return tuple(form for form in forms if (self.name, form) not in UNSTABLE)


def _row(generation: str, stem: str, *suffixes: str, is_long: bool = False) -> list[Cell]:
    tasks = {"": "detect", "-seg": "segment", "-pose": "pose", "-obb": "obb", "-cls": "classify"}
    tasks |= {"-sem": "semantic", "-depth": "depth"}
    return [Cell(generation, tasks[suffix], f"{stem}{suffix}.yaml", is_long) for suffix in suffixes]


def table() -> str:
    """Return the cells as a Markdown table with one letter for each form that is compared."""
    lines = [f"| | {' | '.join(TASKS)} |", "|---|" + ":-:|" * len(TASKS)]
    for generation in dict.fromkeys(cell.generation for cell in CELLS):
        forms = {cell.task: cell.forms for cell in CELLS if cell.generation == generation}
        marks = [" ".join(form[0].upper() for form in forms.get(task, ())) for task in TASKS]
        lines.append(f"| {generation} | {' | '.join(marks)} |")
    omitted = [f"- `{architecture}`: {reason}" for architecture, reason in LEFT_OUT.items()]
    unstable = "with the random weights of this test, the rounding of torch itself changes the results"
    omitted += [f"- {name}, {form}: {unstable}" for name, form in sorted(UNSTABLE)]
    return "\n".join([*lines, *(["", "Left out:", "", *omitted] if omitted else [])]) + "\n"


def _long(generation: str, task: str, architecture: str) -> Cell:
    return Cell(generation, task, f"{architecture}.yaml", is_long=True)


SIZES = {  # architecture -> that of a cell with the same layers in another number or width
    **dict.fromkeys(("yolov9s", "yolov9m"), "yolov9t"),
    **dict.fromkeys(("yolov10s", "yolov10m", "yolov10b", "yolov10l", "yolov10x"), "yolov10n"),
    "rtdetr-x": "rtdetr-l",
    "rtdetr-resnet101": "rtdetr-resnet50",
    "yolov8-cls-resnet101": "yolov8-cls-resnet50",
}
LEFT_OUT = {  # architecture -> reason
    "yolo11-cls-resnet18": "has layers of torchvision: the export reads them only with ULTRALYTICS_SAFE_LOAD=false",
    "yoloe-v8": "with random weights, rounding changes the results; its export is tested (test_open_vocabulary.py)",
    "yoloe-v8-seg": "as yoloe-v8; its export is not tested",
    "yoloe-26": "as yoloe-v8; its export is tested (test_open_vocabulary.py)",
    "yoloe-26-seg": "as yoloe-v8; its export is not tested",
}
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
    _long("v3", "detect", "yolov3"),
    _long("v3-spp", "detect", "yolov3-spp"),
    _long("v5u-p6", "detect", "yolov5n-p6"),
    _long("v8-p2", "detect", "yolov8n-p2"),
    _long("v8-p6", "detect", "yolov8n-p6"),
    _long("v8-p6", "segment", "yolov8n-seg-p6"),
    _long("v8-p6", "pose", "yolov8n-pose-p6"),
    _long("v8-ghost", "detect", "yolov8n-ghost"),
    _long("v8-ghost-p2", "detect", "yolov8n-ghost-p2"),
    _long("v8-ghost-p6", "detect", "yolov8n-ghost-p6"),
    _long("v8-ResNet50", "classify", "yolov8n-cls-resnet50"),
    _long("v9c", "detect", "yolov9c"),
    _long("v9e", "detect", "yolov9e"),
    _long("v9e", "segment", "yolov9e-seg"),
    _long("26-p2", "detect", "yolo26n-p2"),
    _long("26-p6", "detect", "yolo26n-p6"),
    _long("RT-DETR-v8", "detect", "yolov8n-rtdetr"),
    _long("RT-DETR-ResNet50", "detect", "rtdetr-resnet50"),
    _long("YOLO-World", "detect", "yolov8n-world"),
    _long("YOLO-World-v2", "detect", "yolov8n-worldv2"),
    _long("YOLOE-11", "detect", "yoloe-11n"),
    _long("YOLOE-11", "segment", "yoloe-11n-seg"),
)
