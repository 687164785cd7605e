"""Predictions and errors as JSON-ready objects: the fields of the contract, rounded as it says."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from function.api.body import Asked
from function.arrays import Floats
from function.errors import FunctionError, MethodNotAllowed, TooLarge
from function.postprocess import obb, rle
from function.postprocess.segment import Masks
from function.results import Classification, Prediction, Result
from function.service import Service

PIXEL_DECIMALS = 2
FRACTION_DECIMALS = 4
RADIAN_DECIMALS = 4
MILLISECOND_DECIMALS = 1

Body = dict[str, Any]


def result_body(result: Prediction | Classification) -> Body:
    """The answer to one picture."""
    width, height = result.size_wh
    facts = result.metadata
    return {
        "image_name": result.image_name,
        "image_dimensions": {"width": width, "height": height},
        **(_classified(result) if isinstance(result, Classification) else _detected(result)),
        "model": {"task": facts.task, "sha256": facts.sha256, "imgsz": list(facts.imgsz_hw)},
        "timing_ms": {step: round(took, MILLISECOND_DECIMALS) for step, took in result.timing._asdict().items()},
    }


def error_body(error: FunctionError, request_id: str) -> Body:
    """The answer when there is none."""
    return {"error": str(error), "type": type(error).__name__, "request_id": request_id}


def _classified(result: Classification) -> Body:
    rows = zip(result.class_ids.tolist(), _rounded(result.scores, FRACTION_DECIMALS), strict=True)
    best = [{"class": result.metadata.names[one], "class_id": one, "confidence": score} for one, score in rows]
    return {**best[0], "top": best}


def _detected(result: Prediction) -> Body:
    found = [row | more for row, more in zip(_boxes(result), _details(result), strict=True)]
    return {"detections": found, "detection_count": len(found)}


def _boxes(result: Prediction) -> list[Body]:
    corners = result.boxes_xyxy.astype(np.float64)  # (K, 4)
    sides = np.array(result.size_wh * 2, dtype=np.float64)
    centers = (corners[:, :2] + corners[:, 2:]) / 2
    relative = np.concatenate((centers, corners[:, 2:] - corners[:, :2]), axis=1) / sides  # (K, 4) cxcywh, 0..1
    rows = zip(
        result.class_ids.tolist(),
        _rounded(result.scores, FRACTION_DECIMALS),
        _rounded(corners, PIXEL_DECIMALS),
        _rounded(relative, FRACTION_DECIMALS),
        strict=True,
    )
    return [
        {
            "class_name": result.metadata.names[class_id],
            "class_id": class_id,
            "confidence": score,
            "box_2d": dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)),
            "normalized_box": dict(zip(("x_center", "y_center", "width", "height"), share, strict=True)),
        }
        for class_id, score, box, share in rows
    ]


def _details(result: Prediction) -> list[Body]:
    """What a task knows of each instance besides its box."""
    if result.masks:
        return _masks(result.masks, result.size_wh)
    if result.keypoints is not None:
        return [{"keypoints": points} for points in _keypoints(result.keypoints)]
    if result.boxes_cxcywhr is not None:
        return _rotated(result.boxes_cxcywhr)
    return [{} for _ in result.scores]


def _masks(masks: Masks, size_wh: tuple[int, int]) -> list[Body]:
    details: list[Body] = [{} for _ in masks.rows]
    for detail, polygons in zip(details, masks.polygons or [], strict=False):
        detail["segments"] = [_rounded(points, PIXEL_DECIMALS) for points in polygons]
    for detail, runs in zip(details, masks.run_lengths or [], strict=False):
        detail["mask"] = {"size": [size_wh[1], size_wh[0]], "counts": rle.text(runs)}
    return details


def _keypoints(keypoints: Floats) -> list[list[Body]]:
    """Of each instance; a model of two numbers for a keypoint has no confidence of it."""
    places = _rounded(keypoints[..., :2], PIXEL_DECIMALS)
    points: list[list[Body]] = [[{"x": x, "y": y} for x, y in instance] for instance in places]
    confidences = _rounded(keypoints[..., 2:], FRACTION_DECIMALS)
    for instance, scores in zip(points, confidences, strict=True):
        for point, score in zip(instance, scores, strict=True):
            point.update(zip(("confidence",), score, strict=False))
    return points


def _rotated(boxes_cxcywhr: Floats) -> list[Body]:
    names = ("x_center", "y_center", "width", "height")
    rows = zip(
        _rounded(boxes_cxcywhr[:, :4], PIXEL_DECIMALS),
        _rounded(boxes_cxcywhr[:, 4], RADIAN_DECIMALS),
        _rounded(obb.corners(boxes_cxcywhr), PIXEL_DECIMALS),
        strict=True,
    )
    return [
        {
            "rotated_box": {**dict(zip(names, box, strict=True)), "rotation": rotation},
            "corners": [{"x": x, "y": y} for x, y in corners],
        }
        for box, rotation, corners in rows
    ]


def _rounded(values: Any, decimals: int) -> Any:
    """Nested lists of floats, which JSON writes with no more digits than these."""
    return np.asarray(values, dtype=np.float64).round(decimals).tolist()


MAX_BODY_BYTES = 6 * 1024 * 1024 - 16 * 1024  # bytes; AWS Lambda developer guide, "Lambda quotas", less the envelope

FEWER_BOXES = "fewer pictures, fewer boxes (max_det) or no masks (masks=none)"


def respond(read: Callable[[], Asked], service: Service) -> dict[str, Any]:
    """Read what is asked, answer it, and shape the answer.

    Args:
        read: reads the event; a FunctionError that it raises is the answer.
        service: answers each request.

    Returns:
        One result as it is, many as `{"results": [...]}` in their order, each a result or an error.
    """
    asked = service.attempt(read)
    if isinstance(asked, FunctionError):
        return http(asked, service.request_id)
    results = [service.answer(request) for request in asked.requests]
    if not asked.many:
        return http(results[0], service.request_id)
    return http_response(200, {"results": [_row(result, service.request_id) for result in results]}, service.request_id)


def http(result: Result, request_id: str) -> dict[str, Any]:
    """One result as `statusCode`, `headers` and `body`, a JSON text."""
    if isinstance(result, FunctionError):
        body = error_body(result, request_id)
        return http_response(
            result.status, body, request_id, result.allow if isinstance(result, MethodNotAllowed) else ""
        )
    return http_response(200, result_body(result), request_id)


def http_response(status: int, body: Body, request_id: str, allow: str = "", less: str = FEWER_BOXES) -> dict[str, Any]:
    """Any JSON object in the shape of HTTP.

    Args:
        status: of HTTP.
        body: the object.
        request_id: for the error that takes its place when it is too large.
        allow: the method that would have been right; "" for none.
        less: what to ask for when it is too large.
    """
    headers = {"Content-Type": "application/json"} | ({"Allow": allow} if allow else {})
    # ASCII, because a lone surrogate, which JSON can spell, has no UTF-8 for the runtime client to send.
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    size = len(text) + text.count('"') + text.count("\\")  # on the wire, where it is a text inside a JSON text
    if size > MAX_BODY_BYTES:
        found = f"the answer has {size} bytes; Lambda takes {MAX_BODY_BYTES}"
        return http(TooLarge(f"{found}: ask for {less}"), request_id)
    return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": False}


def _row(result: Result, request_id: str) -> Body:
    return error_body(result, request_id) if isinstance(result, FunctionError) else result_body(result)
