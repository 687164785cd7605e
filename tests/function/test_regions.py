"""Regions: which detections have their center inside of a polygon."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from function import regions, sources
from function.errors import InvalidOption
from function.model import Model
from function.service import Service
from function.settings import Settings
from tests.conftest import encode, image_with_box

LEFT = [[0, 0], [160, 0], [160, 320], [0, 320]]
RIGHT = [[160, 0], [320, 0], [320, 320], [160, 320]]


def respond(served: Model, data: bytes, **fields: Any) -> tuple[int, dict[str, Any]]:
    event = {"image_data": base64.b64encode(data).decode(), **fields}
    reply = sources.find(event).respond(event, Service(served, Settings.from_env({}), "request-1"))
    return reply["statusCode"], json.loads(reply["body"])


@pytest.fixture
def grid() -> bytes:
    """An image of 320 x 320 pixels, red in its left three quarters: many cells are detections."""
    return encode(image_with_box((320, 320), (0, 0, 240, 320)))


def centers(body: dict[str, Any]) -> list[tuple[float, float]]:
    boxes = [row["box_2d"] for row in body["detections"]]
    return [((box["x_min"] + box["x_max"]) / 2, (box["y_min"] + box["y_max"]) / 2) for box in boxes]


@pytest.mark.parametrize("seed", range(20))
def test_outline_winds_around_the_points_inside(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 12)))
    radii = random.uniform(10, 100, angles.size)
    polygon = np.column_stack((np.cos(angles) * radii, np.sin(angles) * radii)) + 100
    points = random.uniform(0, 200, (2000, 2))
    corners = (polygon - points[:, None]) @ np.array([1, 1j])  # (points, corners), seen from each point
    turns = np.angle(np.roll(corners, -1, axis=1) / corners).sum(axis=1) / (2 * np.pi)
    expected = np.flatnonzero(np.abs(turns) > 0.5)
    assert regions.rows_inside(points, [polygon]).tolist() == expected.tolist()


def test_only_detections_in_the_region_are_returned_and_counted(served: Model, grid: bytes) -> None:
    _, everything = respond(served, grid)
    status, body = respond(served, grid, region=LEFT)
    inside = [center for center in centers(everything) if center[0] < 160]
    assert status == 200
    assert 0 < len(inside) < everything["detection_count"]
    assert centers(body) == inside
    assert body["regions"] == [{"count": len(inside)}]
    assert "regions" not in everything


def test_each_of_several_polygons_has_its_count(served: Model, grid: bytes) -> None:
    _, everything = respond(served, grid)
    _, body = respond(served, grid, region=[LEFT, RIGHT, LEFT])
    left, right, again = (row["count"] for row in body["regions"])
    assert left == again
    assert left + right == body["detection_count"] == everything["detection_count"]


def test_normalized_points_are_shares_of_the_image(served: Model, grid: bytes) -> None:
    shares = [[x / 320, y / 320] for x, y in LEFT]
    pixels, normalized = respond(served, grid, region=LEFT)[1], respond(served, grid, region=shares, normalized=True)[1]
    assert normalized["detections"] == pixels["detections"]


def test_detections_outside_do_not_count_for_the_maximum(served: Model, grid: bytes) -> None:
    _, body = respond(served, grid, region=RIGHT, max_det=2)
    assert body["detection_count"] == 2
    assert all(x > 160 for x, _ in centers(body))
    assert body["regions"] == [{"count": 2}]


def test_region_without_detections_is_empty(served: Model, grid: bytes) -> None:
    _, body = respond(served, grid, region=[[1000, 1000], [2000, 1000], [2000, 2000]])
    assert (body["detections"], body["regions"]) == ([], [{"count": 0}])


@pytest.mark.parametrize("value", [-0.1, 1.5, 320])
def test_normalized_point_outside_of_the_image_is_refused(value: float) -> None:
    with pytest.raises(InvalidOption, match="between 0 and 1 if normalized is true, got"):
        regions.in_pixels((((0, 0), (value, 0), (1, 1)),), True, (320, 320))


def test_normalized_without_a_region_is_ignored(served: Model, grid: bytes) -> None:
    _, body = respond(served, grid, normalized=True)
    assert body["ignored"] == ["normalized"]


def test_center_of_a_rotated_box_is_its_own() -> None:
    upright, rotated = np.array([[0, 0, 10, 10]], np.float32), np.array([[7, 3, 4, 2, 0.5]], np.float32)
    assert regions.centers(upright, rotated).tolist() == [[7, 3]]
    assert regions.centers(upright, None).tolist() == [[5, 5]]


def test_center_on_an_edge_of_two_regions_is_in_one_of_them() -> None:
    point = np.array([[160.0, 100.0]])
    left, right = (np.array(polygon, np.float64) for polygon in (LEFT, RIGHT))
    assert sum(regions.counts(point, [left, right])) == 1
