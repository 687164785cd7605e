"""API keys: headers, several keys, and comparison of all digests."""

import hashlib
import hmac

import pytest

from function.api import keys
from function.errors import Unauthorized


def digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


DIGESTS = (digest("first"), digest("second"))


@pytest.mark.parametrize("key", ["first", "second"])
@pytest.mark.parametrize(
    "write",
    [
        lambda key: {"x-api-key": key},
        lambda key: {"x-api-key": f" {key} "},
        lambda key: {"authorization": f"Bearer {key}"},
        lambda key: {"authorization": f"bearer   {key}"},
        lambda key: {"x-api-key": "other", "authorization": f"Bearer {key}"},
        lambda key: {"x-api-key": key, "authorization": "AWS4-HMAC-SHA256 Credential=A, Signature=b"},
    ],
)
def test_key_in_either_header_is_valid(key: str, write: object) -> None:
    assert callable(write)
    assert keys.is_valid(write(key), DIGESTS)
    keys.require(write(key), DIGESTS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "First"},
        {"x-api-key": DIGESTS[0]},
        {"authorization": "first"},
        {"authorization": "Basic first"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer first second"},
        {"x-api-key": "first,second"},
        {"x-api-key": "\ud800"},
        {"cookie": "x-api-key=first"},
    ],
)
def test_any_other_header_is_not(headers: dict[str, str]) -> None:
    assert not keys.is_valid(headers, DIGESTS)
    with pytest.raises(Unauthorized, match=r"must be a valid API key, got (none|another key)"):
        keys.require(headers, DIGESTS)


def test_without_digests_no_key_is_valid() -> None:
    assert not keys.is_valid({"x-api-key": ""}, ())
    assert not keys.is_valid({"x-api-key": "first"}, ())


def test_message_does_not_repeat_the_key() -> None:
    with pytest.raises(Unauthorized) as error:
        keys.require({"x-api-key": "my-secret"}, DIGESTS)
    assert "my-secret" not in str(error.value)


def test_every_digest_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(keys, "hmac", type("Recorder", (), {"compare_digest": staticmethod(compare)}))
    assert keys.is_valid({"x-api-key": "first"}, DIGESTS)
    assert compared == [(DIGESTS[0], known) for known in DIGESTS]
