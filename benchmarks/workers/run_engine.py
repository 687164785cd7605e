"""One engine beside the model of the built zip, in one process of the environment `engines`.

`python -m benchmarks.workers.run_engine JOB`, with the fields of `Job` as JSON, prints a line of JSON: the version,
and for each measured part its agreement and the milliseconds of each pair, this project's first. Or it prints `error`.

A run of the network ends with the boxes above the threshold: the model of the zip ends at its maps, which the function
decodes, and the output of the other engines is decoded in the same way.
"""

import gc
import importlib.metadata
import json
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import NotMeasured, agreement
from benchmarks.agreement import Box
from benchmarks.workers import engines
from benchmarks.workers.engines import Job
from function import model, predictor
from function.arrays import Floats
from function.model import Model
from function.postprocess import boxes, layouts
from function.postprocess.layouts import Candidates
from function.preprocess import image, letterbox, pixels
from function.request import Options
from function.settings import Settings
from scripts.aws.limits import MB_PER_CPU

WARM_UP = 5  # pairs that are not measured
PAUSE = 0.03  # seconds before each measurement: threads that still spin would take CPU time from the next engine
SEED = 0  # of the order in each pair


class Ours(NamedTuple):
    """The model of the zip, set up as the function does with this number of CPUs."""

    served: Model
    settings: Settings
    data: bytes  # of the image
    tensor: Floats  # (1, 3, H, W) float32, 0..1

    @property
    def input_wh(self) -> tuple[int, int]:
        """Size of the network input, px."""
        return self.tensor.shape[3], self.tensor.shape[2]


def measure(job: Job) -> dict[str, Any]:
    """Compare the boxes and then the times.

    Raises:
        NotMeasured: the boxes differ.
    """
    ours = _ours(job)
    exported = model.load(job.exported, threads=1)
    assert isinstance(exported, Model)
    network = engines.NETWORKS[job.engine](job, ours.tensor)

    def run_ours() -> Candidates:
        return _candidates(ours.served, model.run(ours.served, ours.tensor), ours.input_wh, job.conf)

    def run_theirs() -> Candidates:
        return _candidates(exported, [network(ours.tensor)], ours.input_wh, job.conf)

    agreed = {"network": agreement.require(job.engine, _kept(run_ours(), ours), _kept(run_theirs(), ours))}
    runs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {"network": (run_ours, run_theirs)}
    if job.engine == "ultralytics":
        predict, detect = partial(_predict, ours, job.conf), engines.ultralytics_predict(job, ours.data)
        agreed["predict"] = agreement.require(f"predict of {job.engine}", predict(), detect())
        runs["predict"] = (predict, detect)
    parts = {
        part: {"agreement": agreed[part]._asdict(), "pairs_ms": pairs(*both, job.runs, job.threads)}
        for part, both in runs.items()
    }
    return {"version": importlib.metadata.version(job.engine), "parts": parts}


def pairs(ours: Callable[[], Any], theirs: Callable[[], Any], runs: int, threads: int) -> list[list[float]]:
    """Return the milliseconds of each pair, which runs in random order: [ours, theirs].

    With one thread it is the CPU time of the process, which other processes of the machine change less; else the time
    that passes.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    order = random.Random(SEED)
    contenders = [ours, theirs]
    measured = []
    gc.collect()
    gc.disable()
    for _ in range(runs + WARM_UP):
        pair = [0.0, 0.0]
        for position in order.sample((0, 1), 2):
            time.sleep(PAUSE)
            began = clock()
            contenders[position]()
            pair[position] = 1000 * (clock() - began)
        measured.append(pair)
    gc.enable()
    return measured[WARM_UP:]


def _ours(job: Job) -> Ours:
    settings = Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(job.threads * MB_PER_CPU)})
    served = model.load_bundled(job.zipped, settings.threads, spinning=settings.spinning)
    assert isinstance(served, Model)
    data = Path(job.image).read_bytes()
    decoded, size_wh = image.read_reduced(data, settings.max_image_pixels, None, settings.memory_mb)
    metadata = served.metadata
    geometry = letterbox.fit(size_wh, metadata.imgsz_hw, metadata.stride, metadata.rectangular)
    return Ours(served, settings, data, letterbox.to_tensor(pixels.as_array(decoded), geometry))


def _candidates(loaded: Model, outputs: list[Floats], input_wh: tuple[int, int], conf: float) -> Candidates:
    return layouts.decode(loaded.layout, outputs, loaded.metadata, input_wh, conf, None)


def _kept(found: Candidates, ours: Ours) -> list[Box]:
    rows = boxes.nms(found.boxes, found.scores, found.class_ids, ours.settings.iou, ours.settings.max_det)
    kept = found.take(rows)
    return _boxes(kept.boxes, kept.scores, kept.class_ids)


def _predict(ours: Ours, conf: float) -> list[Box]:
    found = predictor.predict(ours.served, ours.settings, ours.data, Options(conf=conf))
    return _boxes(found.boxes_xyxy, found.scores, found.class_ids)  # type: ignore[union-attr]  # no classifier


def _boxes(boxes_xyxy: Any, scores: Any, class_ids: Any) -> list[Box]:
    rows = zip(class_ids.tolist(), scores.tolist(), boxes_xyxy.tolist(), strict=True)
    return [Box(int(class_id), score, tuple(corners)) for class_id, score, corners in rows]


def main(arguments: list[str]) -> int:
    """Print the results of one job."""
    try:
        result = measure(Job(**json.loads(arguments[0])))
    except NotMeasured as error:
        result = {"error": str(error)}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
