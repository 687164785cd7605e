"""Training of the wine example and its conversion to ONNX: `.envs/wine/bin/python -m example.wine.train`.

A gradient-boosted regressor estimates the flavanoids of a wine from its other twelve measurements. The data are the 178
wines that scikit-learn contains. The outputs are model.onnx, request.json, and golden.json with the predictions of the
regressor for the wines of the test set. The same package versions write the same bytes.

Source: the data is UCI's "Wine", doi.org/10.24432/C5PC7J, CC BY 4.0.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent  # output folder
TARGET = "flavanoids"
INPUT = "measurements"
SEED = 20265
TEST_SHARE = 0.25
SETTINGS: dict[str, Any] = {"n_estimators": 200, "max_depth": 3, "learning_rate": 0.05, "subsample": 0.8}
OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 10
MODEL_VERSION = 1  # `model_version` in responses


class Wines(NamedTuple):
    """Training set and test set."""

    names: list[str]  # names of the measurements, in the order of the columns
    train: np.ndarray[Any, Any]  # (N, 12) float32
    test: np.ndarray[Any, Any]  # (M, 12) float32
    train_target: np.ndarray[Any, Any]  # (N,)
    test_target: np.ndarray[Any, Any]  # (M,)


def main() -> None:
    """Train the regressor, convert it, and write the three files."""
    wines = read()
    regressor = GradientBoostingRegressor(random_state=SEED, **SETTINGS).fit(wines.train, wines.train_target)
    model = convert(regressor, wines)
    (HERE / "model.onnx").write_bytes(model.SerializeToString())
    write("golden.json", golden(regressor, wines))
    write("request.json", request(wines))


def read() -> Wines:
    """Return the wines in float32, the datatype of the model input."""
    bunch = load_wine()
    target = bunch.feature_names.index(TARGET)
    others = np.delete(bunch.data, target, axis=1).astype(np.float32)
    split = train_test_split(others, bunch.data[:, target], test_size=TEST_SHARE, random_state=SEED)
    return Wines([name for name in bunch.feature_names if name != TARGET], *split)


def convert(regressor: GradientBoostingRegressor, wines: Wines) -> onnx.ModelProto:
    """Return the regressor as ONNX; its description has the names of the measurements."""
    model: onnx.ModelProto = to_onnx(
        regressor,
        initial_types=[(INPUT, FloatTensorType([None, len(wines.names)]))],
        final_types=[(TARGET, FloatTensorType([None, 1]))],
        target_opset=OPSETS,
    )
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)  # the converter has them in a set
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    model.ir_version = IR_VERSION
    model.model_version = MODEL_VERSION
    model.graph.name = "wine"
    model.doc_string = f"{TARGET} of a wine from its other measurements: {', '.join(wines.names)}"
    onnx.checker.check_model(model, full_check=True)
    return model


def golden(regressor: GradientBoostingRegressor, wines: Wines) -> dict[str, Any]:
    """Return the predictions of the regressor for the test set, and their metrics."""
    predicted = regressor.predict(wines.test)
    always_mean = np.full_like(predicted, wines.train_target.mean())
    return {
        "measured": {
            "wines_trained_on": len(wines.train),
            "wines_measured_on": len(wines.test),
            "r2": round(float(r2_score(wines.test_target, predicted)), 4),
            "mean_absolute_error": round(float(mean_absolute_error(wines.test_target, predicted)), 4),
            "mean_absolute_error_of_the_mean": round(float(mean_absolute_error(wines.test_target, always_mean)), 4),
        },
        "measurements": wines.names,
        "rows": wines.test.tolist(),
        "predictions": predicted.tolist(),
    }


def request(wines: Wines) -> dict[str, Any]:
    """Return a request of the Open Inference Protocol with the first two wines of the test set."""
    rows = [[round(value, 4) for value in row] for row in wines.test[:2].astype(float).tolist()]
    tensor = {"name": INPUT, "shape": [len(rows), len(wines.names)], "datatype": "FP32", "data": rows}
    return {"id": "two-wines", "inputs": [tensor]}


def write(name: str, value: dict[str, Any]) -> None:
    """Write a JSON file to the output folder."""
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
