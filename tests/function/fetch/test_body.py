"""Reading of the body of a URL: in parts, and no further than one byte past the limit."""

import io
from typing import Any

import pytest

from function import fetch
from function.errors import TooLarge
from function.fetch.https import Limits


class Response:
    """A response without a length, that records how much is read at once."""

    status, length = 200, None

    def __init__(self, data: bytes) -> None:
        self.data, self.sizes = io.BytesIO(data), list[int]()

    def getheader(self, _: str) -> None:
        return None

    def read(self, size: int) -> bytes:
        self.sizes.append(size)
        return self.data.read(size)


def body(response: Any, max_bytes: int) -> bytes:
    return fetch._body(response, Limits(max_bytes=max_bytes, deadline=1e12))


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 200_000])
def test_body_is_read_in_parts(size: int) -> None:
    response = Response(b"x" * size)
    assert body(response, 10**9) == b"x" * size
    assert max(response.sizes) <= 65_536


@pytest.mark.parametrize("limit", [1, 1000, 70_000])
def test_no_more_than_one_byte_past_the_limit_is_read(limit: int) -> None:
    response = Response(b"x" * 10**6)
    with pytest.raises(TooLarge):
        body(response, limit)
    assert response.data.tell() == limit + 1


@pytest.mark.parametrize("limit", [1, 1000, 70_000])
def test_body_of_exactly_the_limit_is_returned(limit: int) -> None:
    assert len(body(Response(b"x" * limit), limit)) == limit
