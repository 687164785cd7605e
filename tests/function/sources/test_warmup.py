"""Warm-up events, also of plugins, and events that only look like one."""

from typing import Any

import pytest

from function import sources
from function.sources import warmup


@pytest.mark.parametrize(
    "event",
    [
        {"warmup": True},
        {"warmer": True},
        {"warmer": True, "concurrency": 5},
        {"keepWarm": True},
        {"source": "serverless-plugin-warmup"},
        {"source": "serverless-plugin-lambda-warmup", "version": "1"},
        {"warmUp": True},
        {"source": "lambda-warmer"},
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_event_of_a_warmer_is_a_warm_up(event: Any) -> None:
    assert sources.find(event) is warmup


@pytest.mark.parametrize(
    "event",
    [
        {"warmer": False},
        {"warmup": True, "detail": {"bucket": {"name": "photos"}}},
        {"warmup": "maybe"},
        {"source": "camera"},
        {"source": 5},
        {"source": []},
        {"source": "swarmers", "jobName": "x"},
        {"source": "my-lambda-warmer"},
        {"source": "warmup-reports"},
        {"warm": True, "jobName": "x"},
        {"warmer": True, "bucket": "photos", "key": "in/wall.jpg"},
        {"source": "serverless-plugin-warmup", "Key": "in/wall.jpg"},
        {"image_data": "aGVsbG8=", "warmup": True},
        {"s3": "s3://photos/a.jpg", "source": "warmup"},
        {"source": "shop.warmers", "detail-type": "Order Placed", "detail": {"id": 1}},
        {"source": "aws.events", "detail-type": "Other"},
        {"Records": [], "warmup": True},
    ],
)
def test_other_event_is_no_warm_up(event: Any) -> None:
    assert not warmup.matches(event)
