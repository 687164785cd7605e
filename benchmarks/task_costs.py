"""What masks, keypoints and rotated boxes cost after the network, beside a run of a yolov8n at the same size.

The networks' answers are made: so many instances of such a size, round and a little wavy, as a trained network gives
them. Their own run costs next to nothing; the share is of the run of yolov8n.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks import in_process, inputs, report
from benchmarks.contenders import Contender
from benchmarks.models import BUILD, PICTURE

SIDE = 640  # px
CELLS = SIDE // 4  # prototypes on a side
ANCHORS, PROTOTYPES, KEYPOINTS = 8400, 32, 17
SIZES = ((10, 60, 200), (20, 60, 200), (15, 150, 400))  # instances, shortest and longest side in px
CONF = 0.5
METADATA = {"names": "{0: 'thing'}", "imgsz": f"[{SIDE}, {SIDE}]", "stride": "32", "end2end": "False"}
ASKED = (  # task, query
    ("detect", ""),
    ("pose", ""),
    ("obb", ""),
    ("segment", "&masks=none"),
    ("segment", ""),
    ("segment", "&masks=rle"),
)

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Cost(NamedTuple):
    """What one kind of answer cost after the run.

    Attributes:
        task: with what was asked of it.
        instances: in the answer.
        sides: shortest and longest, px.
        ms: postprocessing, median.
        share: of a run of yolov8n.
    """

    task: str
    instances: int
    sides: tuple[int, int]
    ms: float
    share: float


def measure(built: Contender, runs: int) -> list[Cost]:
    """Every task at every size; one CPU. `built` serves the yolov8n."""
    event = inputs.event(inputs.jpeg(PICTURE, (SIDE, SIDE)))
    with in_process.served(built.dist, 1, {}) as function:
        run = statistics.median(function.ask(event)["timing_ms"]["inference"] for _ in range(max(runs, 5)))
    return [_one(built, task, query, size, run, runs) for size in SIZES for task, query in ASKED]


def _one(built: Contender, task: str, query: str, size: tuple[int, int, int], run: float, runs: int) -> Cost:
    count, shortest, longest = size
    model = BUILD / "models" / f"instances-{task}-{count}-{longest}.onnx"
    model.parent.mkdir(parents=True, exist_ok=True)
    save(model, task, *size)
    event = inputs.event(inputs.jpeg(PICTURE, (SIDE, SIDE)), f"conf={CONF}&iou=1{query}")
    with in_process.served(built.dist, 1, {"MODEL_PATH": str(model)}) as function:
        told = [function.ask(event) for _ in range(runs + 1)][1:]
    ms = statistics.median(one["timing_ms"]["postprocess"] for one in told)
    return Cost(task + query.replace("&", ", "), told[0]["count"], (shortest, longest), ms, ms / run)


def outputs(task: str, count: int, shortest: int, longest: int) -> list[Floats]:
    """(1, 5+E, ANCHORS), and the prototypes of a segment network: only the first `count` anchors score."""
    draw = np.random.default_rng(count)
    sides = draw.uniform(shortest, longest, (2, count))
    centers = draw.uniform(sides / 2, SIDE - sides / 2)
    extras = {"detect": 0, "segment": PROTOTYPES, "pose": KEYPOINTS * 3, "obb": 1}[task]
    rows = np.zeros((5 + extras, ANCHORS), dtype=np.float32)
    rows[:4, :count], rows[4, :count] = np.vstack((centers, sides)), 0.9
    if task != "segment":
        rows[5:, :count] = draw.uniform(0, 1, (extras, count))
        return [rows[None]]
    rows[5 : 5 + count, :count] = np.eye(count)
    y, x = np.mgrid[0:CELLS, 0:CELLS] * 4 + 2
    prototypes = np.zeros((PROTOTYPES, CELLS, CELLS), dtype=np.float32)
    for index, ((cx, cy), (width, height)) in enumerate(zip(centers.T, sides.T, strict=True)):
        wave = 0.12 * np.sin(5 * np.arctan2(y - cy, x - cx))
        prototypes[index] = 4 * (1 - np.hypot((x - cx) / (width / 2), (y - cy) / (height / 2)) + wave)
    return [rows[None], prototypes[None]]


def save(path: Path, task: str, count: int, shortest: int, longest: int) -> None:
    """Write the network: its answers plus nothing, made of the picture so that they are not folded away."""
    answers = outputs(task, count, shortest, longest)
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        *(
            helper.make_node("Add", [f"answer{index}", "nothing"], [f"output{index}"])
            for index, _ in enumerate(answers)
        ),
    ]
    constants = {"zero": np.float32(0)} | {f"answer{index}": answer for index, answer in enumerate(answers)}
    graph = helper.make_graph(
        nodes,
        "instances",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(f"output{index}", TensorProto.FLOAT, answer.shape)
            for index, answer in enumerate(answers)
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, METADATA | {"task": task, "kpt_shape": f"[{KEYPOINTS}, 3]"})
    onnx.save(model, str(path))


def text(found: Sequence[Cost]) -> str:
    """A table."""
    rows = [["after the network", "instances", "sides px", "ms", "share of a yolov8n run"]]
    rows += [
        [one.task, f"{one.instances}", f"{one.sides[0]}-{one.sides[1]}", report.ms(one.ms), f"{one.share:.3f}"]
        for one in found
    ]
    return report.table(rows)


def document(found: Sequence[Cost]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [one._asdict() for one in found]
