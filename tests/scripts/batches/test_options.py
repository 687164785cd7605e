from pathlib import Path

import pytest

from scripts.batches.options import parse, results_path

OUT = ["--out", "r.jsonl"]


def test_defaults() -> None:
    options = parse(["s3://photos/in/", *OUT])
    assert (options.function, options.format, options.via) == ("yolo:live", "jsonl", "invoke")
    assert results_path(options) == Path("r.jsonl")


@pytest.mark.parametrize(
    ("arguments", "form", "kept"),
    [
        (["--out", "d/r.csv"], "csv", "d/r.jsonl"),
        (["--out", "r.parquet"], "parquet", "r.jsonl"),
        (["--out", "r.json", "--format", "coco"], "coco", "r.jsonl"),
        (["--out", "r.csv", "--format", "jsonl"], "jsonl", "r.csv"),
        (["--out", "r.json"], "jsonl", "r.json"),
    ],
)
def test_format_is_that_of_the_suffix_unless_it_is_set(arguments: list[str], form: str, kept: str) -> None:
    options = parse(["photos", *arguments])
    assert (options.format, results_path(options)) == (form, Path(kept))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (OUT, "exactly one of SOURCE and --collect"),
        (["photos", "--collect", "s3://b/results/", *OUT], "exactly one of SOURCE and --collect"),
        (["--collect", "s3://b/results/", "--via", "map", *OUT], "--via map must not be set with --collect"),
        (["s3://photos/", "--state-machine", "arn:aws:states:x", *OUT], "--state-machine requires --via map"),
        (["photos"], "--out FILE must be set"),
        (["photos", *OUT, "--concurrency", "0"], "--concurrency must be between 1 and 1000, got 0"),
        (["photos", *OUT, "--images-per-call", "17"], "--images-per-call must be between 1 and 16, got 17"),
        (["photos", *OUT, "--format", "csv"], "must not end in .jsonl"),
        (["photos", *OUT, "--format", "xml"], "invalid choice"),
        (["photos", *OUT, "--quiet", "--verbose"], "cannot be combined"),
    ],
)
def test_wrong_options_are_one_message(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(arguments)
    assert words in capsys.readouterr().err
