"""Loading and comparing models in the compression tests."""

from pathlib import Path

from export import model_info
from export.compress import agreement, predictions
from export.compress.agreement import Agreement
from function.model import Model


def load(content: bytes) -> Model:
    return predictions.require_image_model(model_info.read(Path("model.onnx"), content))


def agreement_of(before: bytes, after: bytes, paths: list[Path]) -> Agreement:
    reference, other = (predictions.predict(load(content), paths, 0.25) for content in (before, after))
    return agreement.f1_agreement(reference, other)
