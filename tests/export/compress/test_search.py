"""The choice of what is in 8 bits."""

from pathlib import Path

from export.compress import predictions, search
from export.compress.agreement import Agreement
from export.compress.int8 import Choice, Quantizer
from export.compress.search import Candidate, Reference
from tests.export.compress import models


def candidate(pairs: int, run_time: float, mean_iou: float = 0.99) -> Candidate:
    return Candidate(Choice("MinMax", "all", True, pairs), Agreement((100, 100), pairs, mean_iou, 0.01), run_time)


def test_fastest_that_agrees_sufficiently_is_chosen() -> None:
    fast, faster, wrong = candidate(99, 0.7), candidate(98, 0.6), candidate(90, 0.5)
    assert search.best([fast, faster, wrong], 0.98) is faster


def test_of_the_same_time_the_one_that_agrees_best_is_chosen() -> None:
    first, second, third = candidate(98, 0.60), candidate(99, 0.61, 0.95), candidate(99, 0.615)
    assert search.best([first, second, third], 0.98) is third


def test_the_one_that_agrees_best_is_chosen_if_none_agrees_sufficiently() -> None:
    fast, better = candidate(90, 0.5), candidate(95, 0.9)
    assert search.best([fast, better], 0.98) is better


def test_choice_slower_than_float32_is_left_out_unless_all_are() -> None:
    slow, slower, fast = candidate(99, 1.1), candidate(98, 1.2), candidate(95, 0.8)
    assert search.best([slow, slower, fast], 0.98) is fast
    assert search.best([slow, slower], 0.98) is slow


def test_report_has_every_candidate_and_the_choice(deep: bytes, paths: list[Path]) -> None:
    loaded = models.load(deep)
    reference = Reference(loaded, paths, predictions.predict(loaded, paths, 0.25), 0.25)
    quantizer = Quantizer(deep, lambda: predictions.tensors(loaded, paths), len(paths))
    content, report = search.search(quantizer, reference, 0.9)
    assert content == quantizer.quantize(Choice(**report["choice"]))
    assert [one["calibration"] for one in report["candidates"][:3]] == ["MinMax", "Percentile", "Entropy"]
    assert len(report["candidates"]) == 8
    assert models.agreement_of(deep, content, paths).f1 == 1
