"""Faults of S3 for one of two objects, by source: the stated outcome, no effect on the other, nothing lost."""

from typing import Any

import pytest

from function import storage
from scripts.soak.fault_proxy import FaultyProxy
from tests.faults.events import BUCKET, FAULTY, KEYS, Handle, is_prediction, outcome, result
from tests.faults.table import S3_FAULTS, SOURCES, Row

pytestmark = [
    pytest.mark.usefixtures("closes_connections"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # an interrupted call leaves its connection open
]
SHORT, LONG = 5, 60  # seconds to the time-out; the short one is for faults that last until the deadline
CASES = [pytest.param(row, source, id=f"{row.fault}-{source}") for row in S3_FAULTS for source in SOURCES]


@pytest.fixture
def injected(proxy: FaultyProxy, client: Any, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of a row."""
    if isinstance(row.injected, str):
        monkeypatch.setenv("AWS_ENDPOINT_URL", row.injected)
        storage._client.cache_clear()
    else:
        key = FAULTY if row.injected.method == "GET" else f"results/{FAULTY}.json"
        proxy.faults[f"/{BUCKET}/{key}"] = row.injected


@pytest.mark.parametrize(("row", "source"), CASES)
def test_fault_has_its_stated_outcome_and_nothing_is_lost(
    row: Row,
    source: str,
    injected: None,
    handle: Handle,
    proxy: FaultyProxy,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert outcome(source, handle, client, SHORT if "DeadlineExceeded" in row.s3 else LONG) == row.outcomes[source]
    if source != "http" and not isinstance(row.injected, str):
        assert all(is_prediction(result(client, key)) for key in KEYS if key != FAULTY)
    proxy.faults.clear()
    if isinstance(row.injected, str):
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        storage._client.cache_clear()
    assert outcome(source, handle, client, LONG) == S3_FAULTS[0].outcomes[source]
    if source != "http":
        assert all(is_prediction(result(client, key)) for key in KEYS)
