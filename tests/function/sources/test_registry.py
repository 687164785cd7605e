"""Sample events: exactly one source matches each, the source that the table names."""

import json
from pathlib import Path
from typing import Any

import pytest

from function import sources
from function.sources import direct, distributed_map, http, s3, s3_batch, sqs, warmup

EVENTS = Path(__file__).parent / "events"
FILES = {  # source -> its sample events
    direct: ["direct", "direct_body", "direct_tensors"],
    http: [
        "rest_v1",
        "http_api_v1",
        "http_api_v2",
        "function_url",
        "function_url_tensors",
        "alb",
        "alb_multi_value",
        "lattice_v1",
        "lattice_v2",
    ],
    s3: [
        "s3_put",
        "s3_special_key",
        "s3_copy_versioned",
        "s3_removed",
        "s3_test",
        "sns_s3",
        "sns_s3_test",
        "eventbridge_created",
        "eventbridge_deleted",
    ],
    sqs: [
        "sqs_s3",
        "sqs_s3_several_records",
        "sqs_fifo",
        "sqs_sns_wrapped",
        "sqs_sns_raw",
        "sqs_eventbridge",
        "sqs_s3_test",
        "sqs_no_notification",
    ],
    s3_batch: ["s3_batch_1_0", "s3_batch_2_0"],
    distributed_map: ["map_item", "map_batch"],
    warmup: ["warmup", "schedule"],
}
SOURCE_OF = {name: source for source, names in FILES.items() for name in names}


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def test_every_sample_event_is_in_the_table() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == set(SOURCE_OF)
    assert len(SOURCE_OF) >= 25


def test_every_source_has_a_sample_event() -> None:
    assert set(sources.SOURCES) == set(FILES)


@pytest.mark.parametrize("name", SOURCE_OF)
def test_exactly_one_source_matches_a_sample_event(name: str) -> None:
    assert [source for source in sources.SOURCES if source.matches(event(name))] == [SOURCE_OF[name]]


@pytest.mark.parametrize(
    "unknown",
    [
        {},
        [],
        None,
        5,
        "text",
        {"Records": []},
        {"Records": [5]},
        {"Records": {}},
        {"Records": [{"eventSource": []}]},
        {"Records": [{"eventSource": "aws:dynamodb"}]},
        {"warmup": False},
        {"source": "aws.ec2", "detail-type": "x"},
    ],
)
def test_no_source_matches_an_unknown_event(unknown: Any) -> None:
    assert not any(source.matches(unknown) for source in sources.SOURCES)
