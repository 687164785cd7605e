import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.batches import run_record
from scripts.batches.errors import BatchError
from scripts.batches.results_file import ResultsFile
from tests.conftest import ROOT

RECORD = {"source": "s3://photos/in/", "function": "yolo:live", "options": {}}
DONE = {"source": "s3://photos/in/a.jpg", "detection_count": 0}
FINAL = {"source": "s3://photos/in/b.jpg", "error": "a message", "type": "UnsupportedImage"}
TRANSIENT = {"source": "s3://photos/in/c.jpg", "error": "a message", "type": "TooManyRequestsException"}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with one row of each kind."""
    path = tmp_path / "out" / "results.jsonl"
    with ResultsFile(path, RECORD) as results:
        for row in (DONE, FINAL, TRANSIENT):
            assert results.append(row)
    return path


def test_row_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    with ResultsFile(tmp_path / "r.jsonl", RECORD) as results:
        results.append(DONE)
        assert lines(results.path) == [DONE]


def test_source_is_the_first_field(tmp_path: Path) -> None:
    with ResultsFile(tmp_path / "r.jsonl", RECORD) as results:
        results.append({"error": "x", "type": "NotFound", "source": "s3://photos/ä.jpg"})
        assert results.path.read_text("utf-8").startswith('{"source":"s3://photos/ä.jpg",')


def test_second_row_of_a_source_is_not_written(path: Path) -> None:
    with ResultsFile(path, RECORD) as results:
        assert not results.append(DONE | {"detection_count": 7})
    assert [row["source"] for row in lines(path)].count(DONE["source"]) == 1


def test_transient_errors_are_not_done_and_leave_the_file(path: Path) -> None:
    with ResultsFile(path, RECORD) as results:
        assert [results.done(str(row["source"])) for row in (DONE, FINAL, TRANSIENT)] == [True, True, False]
        assert (results.count, results.errors, results.retried) == (2, 1, 1)
        assert lines(path) == [DONE, FINAL]
        results.append(TRANSIENT | {"type": "TransientError"})
    assert len(lines(path)) == 3


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_cut_last_line_is_removed_and_its_image_is_not_done(path: Path, cut: int) -> None:
    with ResultsFile(path, RECORD) as results:
        results.append(TRANSIENT | {"type": "NotFound"})
    os.truncate(path, path.stat().st_size - cut)
    with ResultsFile(path, RECORD) as results:
        assert not results.done(str(TRANSIENT["source"]))
    assert lines(path) == [DONE, FINAL]


def test_file_that_is_one_cut_line_becomes_empty(path: Path) -> None:
    path.write_bytes(b'{"source":"' + b"x" * 200_000)
    with ResultsFile(path, RECORD) as results:
        assert results.count == 0
    assert path.read_bytes() == b""


def test_repeated_rows_are_removed(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)
    with ResultsFile(path, RECORD):
        assert lines(path) == [DONE, FINAL]


def test_broken_line_inside_the_file_is_refused_and_kept(path: Path) -> None:
    content = b'{"x":\n' + path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(BatchError, match="line 1"):
        ResultsFile(path, RECORD)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "other", [{"source": "s3://photos/out/"}, {"function": "yolo:2"}, {"options": {"conf": "0.4"}}]
)
def test_rows_of_another_run_are_refused_and_kept(path: Path, other: dict[str, object]) -> None:
    with pytest.raises(BatchError, match=f"{next(iter(other))} must be .*--overwrite"):
        ResultsFile(path, RECORD | other)
    assert len(lines(path)) == 3
    with ResultsFile(path, RECORD):
        pass


def test_rows_without_a_record_are_refused(path: Path) -> None:
    run_record.path_of(path).unlink()
    with pytest.raises(BatchError, match="--overwrite"):
        ResultsFile(path, RECORD)
    assert len(lines(path)) == 3


def test_overwrite_begins_again(path: Path) -> None:
    with ResultsFile(path, RECORD | {"source": "other"}, overwrite=True) as results:
        assert results.count == 0
    assert path.read_bytes() == b""


def test_second_process_is_refused_also_after_the_file_was_rewritten(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scripts.batches.results_file import ResultsFile\n"
        "from scripts.batches.errors import BatchError\n"
        f"try: ResultsFile(Path({str(path)!r}), {RECORD!r})\n"
        "except BatchError as error: sys.exit(str(error))\n"
    )
    with ResultsFile(path, RECORD):  # removes the row of the transient error
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "another process" in done.stderr
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_name_with_half_of_a_surrogate_pair_in_a_response_is_written(tmp_path: Path) -> None:
    with ResultsFile(tmp_path / "r.jsonl", RECORD) as results:
        results.append(DONE | {"image_name": "\ud800"})
        assert lines(results.path)[0]["image_name"] == "\ud800"
