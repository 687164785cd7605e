"""The engines that `scripts/bench.sh engines` compares with the model of the zip, in the environment `engines`.

Each gets the same input array and returns the output of the exported model, in float32.
"""

from collections.abc import Callable
from functools import cache, partialmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.agreement import Box
from export import ultralytics_setup
from function.arrays import Floats

Detect = Callable[[], list[Box]]
Network = Callable[[Floats], Floats]  # (1, 3, H, W) float32, 0..1, to the output of the exported model


class Job(NamedTuple):
    """What is compared.

    Attributes:
        engine: a key of NETWORKS.
        zipped: the model file of the zip.
        exported: the file before the build, as `python -m export` writes it.
        ncnn: .param of the same weights.
        image: a JPEG.
        imgsz: side of the network input, px.
        conf: confidence threshold.
        threads: of each engine.
        runs: pairs.
    """

    engine: str
    zipped: str
    exported: str
    ncnn: str
    image: str
    imgsz: int
    conf: float
    threads: int
    runs: int


def openvino_network(job: Job, tensor: Floats) -> Network:
    """Return OpenVINO on the exported file, in float32, at the size of the image and for the least latency."""
    import openvino

    core = openvino.Core()
    graph = core.read_model(job.exported)
    graph.reshape(list(tensor.shape))
    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": job.threads,
        "ENABLE_CPU_PINNING": False,  # it would pin the calling thread too, in which the next engine runs
    }
    request = core.compile_model(graph, "CPU", hints).create_infer_request()

    def run(tensor: Floats) -> Floats:
        output: Floats = request.infer([tensor], share_inputs=True, share_outputs=True)[0]
        return output

    return run


def ncnn_network(job: Job, _: Floats) -> Network:
    """Return ncnn on the weights that pnnx converted, in float32."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = job.threads
    net.opt.use_vulkan_compute = False
    for narrower in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
        if hasattr(net.opt, f"use_{narrower}"):  # the names differ between versions
            setattr(net.opt, f"use_{narrower}", False)
    net.load_param(job.ncnn)
    net.load_model(str(Path(job.ncnn).with_suffix(".bin")))
    (source,), (result,) = net.input_names(), net.output_names()

    def run(tensor: Floats) -> Floats:
        with net.create_extractor() as extractor:
            extractor.input(source, ncnn.Mat(tensor[0]))
            return np.array(extractor.extract(result)[1])[None]

    return run


def ultralytics_network(job: Job, _: Floats) -> Network:
    """Return AutoBackend of Ultralytics on the exported file."""
    _prepare_ultralytics(job.threads)
    import torch
    from ultralytics.nn.autobackend import AutoBackend

    backend = AutoBackend(job.exported, device=torch.device("cpu"))

    def run(tensor: Floats) -> Floats:
        output: Floats = backend(torch.from_numpy(tensor)).numpy()
        return output

    return run


def ultralytics_predict(job: Job, data: bytes) -> Detect:
    """Return `predict` of Ultralytics on the exported file, from the bytes of an image."""
    _prepare_ultralytics(job.threads)
    import cv2
    from ultralytics import YOLO

    yolo = YOLO(job.exported, task="detect")
    encoded = np.frombuffer(data, np.uint8)

    def detect() -> list[Box]:
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        (result,) = yolo.predict(decoded, imgsz=job.imgsz, conf=job.conf, device="cpu", verbose=False)
        found = result.boxes.cpu().numpy()
        rows = zip(found.cls.tolist(), found.conf.tolist(), found.xyxy.tolist(), strict=True)
        return [Box(int(class_id), score, tuple(corners)) for class_id, score, corners in rows]

    return detect


@cache
def _prepare_ultralytics(threads: int) -> None:
    """Let Ultralytics use this number of threads: it leaves the number to onnxruntime, which counts all cores."""
    ultralytics_setup.prepare()
    ultralytics_setup.patch_torchvision()
    import cv2
    import onnxruntime
    import torch
    from ultralytics.nn.backends.onnx import ONNXBackend

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    ONNXBackend.__init__ = partialmethod(ONNXBackend.__init__, session_options=options)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


NETWORKS: dict[str, Callable[[Job, Floats], Network]] = {
    "openvino": openvino_network,
    "ncnn": ncnn_network,
    "ultralytics": ultralytics_network,
}
