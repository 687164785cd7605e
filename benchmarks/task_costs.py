"""Postprocessing time of masks, keypoints and rotated boxes, as a share of a run of yolov8n at the same size.

The models have constant outputs: a given number of instances of a given size, slightly wavy ellipses as a trained
network returns them. Their own run takes almost no time.
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
from benchmarks.models import BUILD, IMAGE

SIDE = 640  # px
GRID = SIDE // 4  # side of the prototypes
ANCHORS, PROTOTYPES, KEYPOINTS = 8400, 32, 17
SIZES = ((10, 60, 200), (20, 60, 200), (15, 150, 400))  # instances, shortest and longest side in px
CONF = 0.5
METADATA = {"names": "{0: 'thing'}", "imgsz": f"[{SIDE}, {SIDE}]", "stride": "32", "end2end": "False"}
REQUESTS = (  # task, query
    ("detect", ""),
    ("pose", ""),
    ("obb", ""),
    ("segment", "&masks=none"),
    ("segment", ""),
    ("segment", "&masks=rle"),
)

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Cost(NamedTuple):
    """Postprocessing time of one request.

    Attributes:
        task: with the options of the request.
        instances: in the response.
        sides: shortest and longest side of an instance, px.
        ms: postprocessing, median.
        share: of a run of yolov8n.
    """

    task: str
    instances: int
    sides: tuple[int, int]
    ms: float
    share: float


def measure(built: Contender, runs: int) -> list[Cost]:
    """Measure every request at every size, on one CPU.

    Args:
        built: zips with yolov8n.
        runs: number of requests of each kind.
    """
    event = inputs.event(inputs.jpeg(IMAGE, (SIDE, SIDE)))
    with in_process.running(built.dist, 1, {}) as function:
        times = [function.invoke(event)["timing_ms"]["inference"] for _ in range(max(runs, 5))]
    network_ms = statistics.median(times)
    return [_measure(built, task, query, size, network_ms, runs) for size in SIZES for task, query in REQUESTS]


def _measure(built: Contender, task: str, query: str, size: tuple[int, int, int], network_ms: float, runs: int) -> Cost:
    count, shortest, longest = size
    model = BUILD / "models" / f"instances-{task}-{count}-{longest}.onnx"
    model.parent.mkdir(parents=True, exist_ok=True)
    save(model, task, *size)
    event = inputs.event(inputs.jpeg(IMAGE, (SIDE, SIDE)), f"conf={CONF}&iou=1{query}")
    with in_process.running(built.dist, 1, {"MODEL_PATH": str(model)}) as function:
        results = [function.invoke(event) for _ in range(runs + 1)][1:]
    ms = statistics.median(result["timing_ms"]["postprocess"] for result in results)
    return Cost(task + query.replace("&", ", "), results[0]["count"], (shortest, longest), ms, ms / network_ms)


def outputs(task: str, count: int, shortest: int, longest: int) -> list[Floats]:
    """Return the outputs of the model; only the first `count` anchors have a score above 0.

    Args:
        task: detect, segment, pose or obb.
        count: number of instances.
        shortest: lower limit of a side, px.
        longest: upper limit of a side, px.

    Returns:
        (1, 5 + E, ANCHORS) float32 with E additional rows of the task; for segment also the prototypes,
        (1, PROTOTYPES, GRID, GRID) float32.
    """
    generator = np.random.default_rng(count)
    sides = generator.uniform(shortest, longest, (2, count))
    centers = generator.uniform(sides / 2, SIDE - sides / 2)
    extras = {"detect": 0, "segment": PROTOTYPES, "pose": KEYPOINTS * 3, "obb": 1}[task]
    rows = np.zeros((5 + extras, ANCHORS), dtype=np.float32)
    rows[:4, :count], rows[4, :count] = np.vstack((centers, sides)), 0.9
    if task != "segment":
        rows[5:, :count] = generator.uniform(0, 1, (extras, count))
        return [rows[None]]
    rows[5 : 5 + count, :count] = np.eye(count)
    y, x = np.mgrid[0:GRID, 0:GRID] * 4 + 2
    prototypes = np.zeros((PROTOTYPES, GRID, GRID), dtype=np.float32)
    for index, ((cx, cy), (width, height)) in enumerate(zip(centers.T, sides.T, strict=True)):
        wave = 0.12 * np.sin(5 * np.arctan2(y - cy, x - cx))
        prototypes[index] = 4 * (1 - np.hypot((x - cx) / (width / 2), (y - cy) / (height / 2)) + wave)
    return [rows[None], prototypes[None]]


def save(path: Path, task: str, count: int, shortest: int, longest: int) -> None:
    """Write the model; see `outputs` for the arguments.

    Each output is the constant plus 0 times a pixel of the image, so that onnxruntime cannot fold it to a constant.
    """
    values = outputs(task, count, shortest, longest)
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["maximum"], keepdims=0),
        helper.make_node("Mul", ["maximum", "zero"], ["offset"]),
        *(helper.make_node("Add", [f"value{index}", "offset"], [f"output{index}"]) for index in range(len(values))),
    ]
    constants = {"zero": np.float32(0)} | {f"value{index}": value for index, value in enumerate(values)}
    graph = helper.make_graph(
        nodes,
        "instances",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(f"output{index}", TensorProto.FLOAT, value.shape)
            for index, value in enumerate(values)
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, METADATA | {"task": task, "kpt_shape": f"[{KEYPOINTS}, 3]"})
    onnx.save(model, str(path))


def text(costs: Sequence[Cost]) -> str:
    """Return the table."""
    rows = [["after the network", "instances", "sides px", "ms", "share of a yolov8n run"]]
    rows += [
        [cost.task, f"{cost.instances}", f"{cost.sides[0]}-{cost.sides[1]}", report.ms(cost.ms), f"{cost.share:.3f}"]
        for cost in costs
    ]
    return report.table(rows)


def fields(costs: Sequence[Cost]) -> dict[str, Any]:
    """Return the results for the JSON document."""
    return {"costs": [cost._asdict() for cost in costs]}
