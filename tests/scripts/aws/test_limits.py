"""Limits that a shipped module repeats, because function.zip does not contain scripts/."""

from function import settings
from scripts.aws import limits


def test_the_function_has_the_same_memory_per_cpu() -> None:
    assert settings.MB_PER_CPU == limits.MB_PER_CPU


def test_the_sizes_are_those_of_the_quotas_page_in_bytes() -> None:
    assert (limits.UNZIPPED_LIMIT, limits.DIRECT_LIMIT) == (262_144_000, 52_428_800)
    assert (limits.EVENT_LIMIT, limits.RESPONSE_LIMIT) == (6_291_456, 6_291_556)
