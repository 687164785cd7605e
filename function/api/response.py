"""Responses: predictions and errors as JSON objects with rounded numbers, and as HTTP responses."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from function.api.body import ParsedBody
from function.arrays import Floats
from function.errors import FunctionError, TooLarge
from function.metadata import RGB_CHANNELS
from function.postprocess import obb, rle
from function.postprocess.segment import Masks
from function.results import Classification, Predicted, Prediction, Result
from function.service import Service

PIXEL_DECIMALS = 2
FRACTION_DECIMALS = 4
RADIAN_DECIMALS = 4
MILLISECOND_DECIMALS = 1
MAX_BODY_BYTES = 6 * 1024 * 1024 - 16 * 1024  # bytes; AWS Lambda developer guide, "Lambda quotas", less the envelope
REDUCE_HINT = "fewer images, fewer detections (max_det) or no masks (masks=none)"
NO_HEADERS: Mapping[str, str] = {}

Body = dict[str, Any]


def respond(
    parsed: ParsedBody | FunctionError, service: Service, image_type: str | None = None, max_bytes: int = MAX_BODY_BYTES
) -> dict[str, Any]:
    """Predict the images of a request one after another and return the HTTP response.

    Args:
        parsed: the requests; a FunctionError if the body could not be parsed.
        service: predicts each image.
        image_type: of an annotated image that is the response in place of JSON; None: JSON.
        max_bytes: of the body, to which annotated images are reduced.

    Returns:
        One result as it is; several as `{"results": [...]}` in their order, each a result or an error.
    """
    if isinstance(parsed, FunctionError):
        return result_response(parsed, service)
    service.expect(parsed.requests)
    if image_type:
        return _image_response(parsed, service, image_type, max_bytes)
    if not parsed.is_list:
        body = _result_body(service.predict(parsed.requests[0]), service, max_bytes)
        return result_response(body, service) if isinstance(body, FunctionError) else http_response(200, body, service)
    rows, size = [], 0
    for number, request in enumerate(parsed.requests):  # text needs a tenth of the memory of the objects
        share = (max_bytes - size) // (len(parsed.requests) - number)
        rows.append(_json(_row(_result_body(service.predict(request), service, share), service.request_id)))
        size += _escaped_bytes(rows[-1])
        if size > MAX_BODY_BYTES:
            return _too_large(f"{size} in the first {len(rows)} of {len(parsed.requests)} images", service, REDUCE_HINT)
    return _text_response(200, f'{{"results":[{",".join(rows)}]}}', service)


def result_response(result: Result, service: Service) -> dict[str, Any]:
    """Return the HTTP response of one prediction or error."""
    if isinstance(result, FunctionError):
        return http_response(result.status, error_body(result, service.request_id), service, result.headers)
    return http_response(200, result_body(result, MAX_BODY_BYTES), service)


def http_response(
    status: int,
    body: Body,
    service: Service,
    headers: Mapping[str, str] = NO_HEADERS,
    reduce_hint: str = REDUCE_HINT,
) -> dict[str, Any]:
    """Return a JSON object as an HTTP response: `statusCode`, `headers` and `body`, a JSON text.

    Args:
        status: HTTP status.
        body: the object.
        service: records the error that replaces a body that is too large.
        headers: beside the content type.
        reduce_hint: what to request if the body is too large.
    """
    return _text_response(status, _json(body), service, headers, reduce_hint)


def _json(body: Body) -> str:
    """Return JSON in ASCII: JSON can spell a lone surrogate, which the runtime client could not send as UTF-8."""
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def _text_response(
    status: int,
    text: str,
    service: Service,
    headers: Mapping[str, str] = NO_HEADERS,
    reduce_hint: str = REDUCE_HINT,
) -> dict[str, Any]:
    size = _escaped_bytes(text)
    if size > MAX_BODY_BYTES:
        return _too_large(str(size), service, reduce_hint)
    sent = {"Content-Type": "application/json", **headers}
    return {"statusCode": status, "headers": sent, "body": text, "isBase64Encoded": False}


def _too_large(got: str, service: Service, reduce_hint: str) -> dict[str, Any]:
    error = TooLarge(f"the response must have at most {MAX_BODY_BYTES} bytes, got {got}: request {reduce_hint}")
    service.record(error)
    return result_response(error, service)


def server_timing(service: Service, elapsed_s: float) -> str:
    """Return the header `Server-Timing`: milliseconds of each step for all images, in total, and of a cold start.

    The steps are those of `timing_ms`, and `read-detections` and `annotate` if a request has detections read or drawn.

    Source: w3.org/TR/server-timing, "The Server-Timing Header Field".
    """
    values: dict[str, float] = {}
    for result in service.results:
        if not isinstance(result, FunctionError):
            for step, ms in result.timing._asdict().items():
                values[step] = values.get(step, 0) + ms
    values |= service.steps_ms
    values["total"] = 1000 * elapsed_s
    if service.init_ms is not None:
        values["init"] = service.init_ms
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in values.items())


def sent_bytes(reply: dict[str, Any]) -> int:
    """Return the bytes of an HTTP response as the runtime sends it: one JSON text."""
    return len(json.dumps(reply | {"body": ""})) + _escaped_bytes(reply["body"])


def refuse_size(size: int, limit: int, front_end: str, reduce_hint: str) -> NoReturn:
    """Raise TooLarge for a response that has more bytes than the front end accepts."""
    raise TooLarge(
        f"the response must have at most {limit} bytes, the limit of the {front_end} (1 MB), got {size}: "
        f"request {reduce_hint}"
    )


def _escaped_bytes(text: str) -> int:
    """Return the bytes of an ASCII text inside of a JSON text."""
    return len(text) + text.count('"') + text.count("\\")


def result_body(result: Predicted, max_bytes: int | None = None) -> Body:
    """Return the JSON object of one image.

    Args:
        result: of the image.
        max_bytes: to which the map of a model for semantic segmentation or depth is reduced; None: it is not.
    """
    width, height = result.size_wh
    metadata = result.metadata
    return {
        "image_name": result.image_name,
        "image_dimensions": {"width": width, "height": height},
        **_task_body(result, max_bytes),
        "model": {
            "task": metadata.task,
            "sha256": metadata.sha256,
            "imgsz": list(metadata.imgsz_hw),
            **({"channels": metadata.channels} if metadata.channels != RGB_CHANNELS else {}),
        },
        "timing_ms": {step: round(ms, MILLISECOND_DECIMALS) for step, ms in result.timing._asdict().items()},
        **({"ignored": list(result.ignored)} if result.ignored else {}),
    }


def _task_body(result: Predicted, max_bytes: int | None) -> Body:
    if isinstance(result, Classification):
        return _classes(result)
    if isinstance(result, Prediction):
        return _detections(result)
    from function.api import map_fields  # imported here: few models have maps

    return map_fields.fields(result, max_bytes)


def error_body(error: FunctionError, request_id: str) -> Body:
    """Return the JSON object of an error."""
    return {"error": str(error), "type": type(error).__name__, "request_id": request_id}


def _row(body: Body | FunctionError, request_id: str) -> Body:
    return error_body(body, request_id) if isinstance(body, FunctionError) else body


def _result_body(result: Result, service: Service, max_bytes: int) -> Body | FunctionError:
    """Return the JSON object of one image, or its error.

    If the request wants it, with the annotated image, or with the error of drawing it in its place.
    """
    if isinstance(result, FunctionError):
        return result
    map_bytes = max_bytes if result.source is None else max_bytes // 2  # the annotated image has the other half
    body = service.guard(timed_body, result, service, map_bytes)
    if result.source is None or isinstance(body, FunctionError):
        return body
    from function.api import annotated  # imported here: few requests want an annotated image

    room = (max_bytes - _escaped_bytes(_json(body)) - annotated.FIELD_BYTES) * 3 // 4
    image = service.guard(annotated.make, result.source, body, service, annotated.JPEG, room)
    if isinstance(image, FunctionError):
        return body | {"annotated_image": {"error": str(image), "type": type(image).__name__}}
    return body | {"annotated_image": image.field()}


def timed_body(result: Predicted, service: Service, max_bytes: int | None = None) -> Body:
    """Return `result_body`; the deadline ends the encoding of a map, which takes seconds for many pixels.

    Raises:
        DeadlineExceeded: no time is left.
        TooLarge: there is no room for a map.
    """
    if isinstance(result, Prediction | Classification):
        return result_body(result)
    return service.compute(result_body, result, max_bytes)


def _image_response(parsed: ParsedBody, service: Service, image_type: str, max_bytes: int) -> dict[str, Any]:
    """Return the annotated image as the HTTP response, or an error as JSON."""
    from function.api import annotated  # imported here: few requests want an annotated image

    result = service.predict(annotated.only_request(parsed, image_type))
    if isinstance(result, FunctionError) or result.source is None:
        return result_response(result, service)
    room = max_bytes * 3 // 4
    body = service.guard(timed_body, result, service, max_bytes)
    if isinstance(body, FunctionError):
        return result_response(body, service)
    image = service.guard(annotated.make, result.source, body, service, image_type, room)
    return result_response(image, service) if isinstance(image, FunctionError) else image.response()


def _classes(result: Classification) -> Body:
    rows = zip(result.class_ids.tolist(), _rounded(result.scores, FRACTION_DECIMALS), strict=True)
    top = [
        {"class": result.metadata.names[class_id], "class_id": class_id, "confidence": score}
        for class_id, score in rows
    ]
    return {**top[0], "top": top}


def _detections(result: Prediction) -> Body:
    detections = [box | fields for box, fields in zip(_boxes(result), _task_fields(result), strict=True)]
    body: Body = {"detections": detections, "detection_count": len(detections)}
    if result.tiles is not None:
        body["tiles"] = result.tiles
    if result.regions is not None:
        body["regions"] = [{"count": count} for count in result.regions]
    if result.readings is None:
        return body
    from function.api import reading_fields  # imported here: few functions read detections

    return body | reading_fields.add(detections, result.readings)


def _boxes(result: Prediction) -> list[Body]:
    corners = result.boxes_xyxy.astype(np.float64)  # (K, 4)
    image_whwh = np.array(result.size_wh * 2, dtype=np.float64)
    centers = (corners[:, :2] + corners[:, 2:]) / 2
    relative = np.concatenate((centers, corners[:, 2:] - corners[:, :2]), axis=1) / image_whwh  # (K, 4) cxcywh, 0..1
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
            "normalized_box": dict(zip(("x_center", "y_center", "width", "height"), normalized, strict=True)),
        }
        for class_id, score, box, normalized in rows
    ]


def _task_fields(result: Prediction) -> list[Body]:
    """Return the fields that a task adds to each detection."""
    if result.masks:
        return _mask_fields(result.masks, result.size_wh)
    if result.keypoints is not None:
        return [{"keypoints": keypoints} for keypoints in _keypoints(result.keypoints)]
    if result.boxes_cxcywhr is not None:
        return _rotated_boxes(result.boxes_cxcywhr)
    return [{} for _ in result.scores]


def _mask_fields(masks: Masks, size_wh: tuple[int, int]) -> list[Body]:
    rows: list[Body] = [{} for _ in masks.rows]
    for row, polygons in zip(rows, masks.polygons or [], strict=False):
        row["segments"] = [_rounded(polygon, PIXEL_DECIMALS) for polygon in polygons]
    for row, run_lengths in zip(rows, masks.run_lengths or [], strict=False):
        row["mask"] = {"size": [size_wh[1], size_wh[0]], "counts": rle.text(run_lengths)}
    return rows


def _keypoints(keypoints: Floats) -> list[list[Body]]:
    """Return the keypoints of each detection; two values per keypoint mean that there is no confidence."""
    xy = _rounded(keypoints[..., :2], PIXEL_DECIMALS)
    rows: list[list[Body]] = [[{"x": x, "y": y} for x, y in instance] for instance in xy]
    confidences = _rounded(keypoints[..., 2:], FRACTION_DECIMALS)
    for row, scores in zip(rows, confidences, strict=True):
        for keypoint, score in zip(row, scores, strict=True):
            keypoint.update(zip(("confidence",), score, strict=False))
    return rows


def _rotated_boxes(boxes_cxcywhr: Floats) -> list[Body]:
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
    """Return nested lists of floats that JSON writes with at most this many decimals."""
    return np.asarray(values, dtype=np.float64).round(decimals).tolist()
