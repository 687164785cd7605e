"""Objects of events that are no image to predict, or too large."""

from collections.abc import Callable

import pytest

from function.errors import TooLarge
from tests.function.sources.conftest import Reply
from tests.support.aws_events import READ
from tests.support.fake_s3 import FakeS3


@pytest.mark.parametrize(("key", "reason"), [("in/", "a folder"), ("results/in/a.jpg.json", "a result")])
def test_skipped_object_of_a_batch_job_has_succeeded(
    key: str, reason: str, invoke: Callable[..., Reply], photos: FakeS3
) -> None:
    task = READ["s3 batch"]["tasks"][0] | {"s3Key": key}
    (row,) = invoke(READ["s3 batch"] | {"tasks": [task]}).value["results"]
    assert (row["resultCode"], row["resultString"]) == ("Succeeded", f"skipped: {reason}")
    assert photos.written_keys == []


@pytest.mark.parametrize("name", ["s3", "s3 batch"])
@pytest.mark.parametrize("limit", [1, 100_000_000])
def test_object_of_an_event_has_the_limit_of_bytes(name: str, limit: int, invoke: Callable[..., Reply]) -> None:
    results = invoke(READ[name], MAX_OBJECT_BYTES=str(limit)).results
    assert [isinstance(result, TooLarge) for result in results] == [limit == 1]
