"""The choice of what is in 8 bits: the fastest of a few whose predictions agree with those of float32."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from export import console, model_info
from export.compress import agreement, predictions, timing
from export.compress.agreement import Agreement
from export.compress.int8 import Choice, Quantizer
from export.compress.predictions import Array, Predictions
from function import model
from function.model import Model

SUFFICIENT = 0.98  # agreement: the fastest of the choices that reach it
SAME_TIME = 0.03  # of a run: of choices as fast as this, the one that agrees best
RUNS = 10  # of each file, in turn with the float32 one
METHODS = ("MinMax", "Percentile", "Entropy")
WIDEST = ("all", True, 1)  # what the methods of calibration are compared with: operators, float_first, float_last
OTHERS = (("all", False, 1), ("all", True, 3), ("SiLU", True, 1), ("SiLU", True, 3), ("Conv", True, 1))


class Candidate(NamedTuple):
    """A choice and its measurements."""

    choice: Choice
    agreed: Agreement
    run_time: float  # of one run, relative to float32

    @property
    def quality(self) -> tuple[float, float]:
        """The agreement and, if it is the same, the mean IoU."""
        return self.agreed.f1, self.agreed.mean_iou

    def as_json(self) -> dict[str, Any]:
        """Return the choice and its measurements for the report."""
        measured = {"f1": self.agreed.f1, "mean_iou": self.agreed.mean_iou, "run_time_ratio": self.run_time}
        return {**self.choice._asdict(), **measured}


class Reference(NamedTuple):
    """The model in float32, and what its predictions are."""

    loaded: Model
    images: list[Path]  # held out
    predictions: list[Predictions]
    conf: float  # the threshold of the predictions


def search(quantizer: Quantizer, reference: Reference, minimum: float) -> tuple[bytes, dict[str, Any]]:
    """Return the ONNX file of the best choice, and the choices for the report.

    First the method of calibration that agrees best, then what stays float32.

    Args:
        quantizer: with its ranges measured.
        reference: the predictions to agree with.
        minimum: the agreement that the user demands.
    """
    tensor = next(predictions.tensors(reference.loaded, reference.images))[:1]

    def measured(choice: Choice) -> Candidate:
        after = predictions.require_image_model(model_info.read(Path("int8.onnx"), quantizer.quantize(choice)))
        found = predictions.predict(after, reference.images, reference.conf)
        agreed = agreement.f1_agreement(reference.predictions, found)
        runs = _runs(reference.loaded, tensor), _runs(after, tensor)
        candidate = Candidate(choice, agreed, timing.ratio(*runs, RUNS).median)
        console.detail(_describe(candidate))
        return candidate

    methods = [measured(Choice(method, *WIDEST)) for method in METHODS]
    calibration = max(methods, key=lambda candidate: candidate.quality).choice.calibration
    candidates = [*methods, *(measured(Choice(calibration, *other)) for other in OTHERS)]
    chosen = best(candidates, max(minimum, SUFFICIENT))
    report = {"choice": chosen.choice._asdict(), "candidates": [candidate.as_json() for candidate in candidates]}
    return quantizer.quantize(chosen.choice), report


def best(candidates: list[Candidate], sufficient: float) -> Candidate:
    """Return the fastest candidate that agrees sufficiently; if none does, the one that agrees best.

    Those that are slower than float32 count only if all are.
    """
    faster = [candidate for candidate in candidates if candidate.run_time < 1] or candidates
    agreeing = [candidate for candidate in faster if candidate.agreed.f1 >= sufficient]
    if not agreeing:
        return max(faster, key=lambda candidate: candidate.quality)
    limit = min(candidate.run_time for candidate in agreeing) * (1 + SAME_TIME)
    return max((one for one in agreeing if one.run_time <= limit), key=lambda candidate: candidate.quality)


def _runs(loaded: Model, tensor: Array) -> Callable[[], object]:
    return lambda: model.run(loaded, tensor)


def _describe(candidate: Candidate) -> str:
    choice, agreed = candidate.choice, candidate.agreed
    kept = f"{'the first and ' if choice.float_first else ''}the last {choice.float_last} in float32"
    measured = f"agreement {agreed.f1:.3f}, mean IoU {agreed.mean_iou:.3f}, {candidate.run_time:.2f} of the time"
    return f"{choice.calibration}, {choice.operators} in 8 bits, {kept}: {measured}"
