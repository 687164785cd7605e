"""Files that are dropped from the page cache."""

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import page_cache


def on_a_disk(path: Path) -> bool:
    return subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True).stdout != "tmpfs\n"


def test_dropped_files_return_to_the_page_cache_when_they_are_read(tmp_path: Path) -> None:
    if not on_a_disk(tmp_path):
        pytest.skip("the temporary folder is in memory, where nothing can be dropped")
    for number in range(3):
        (tmp_path / f"{number}").write_bytes(os.urandom(1 << 20))
    (tmp_path / "empty").touch()
    page_cache.flush()
    page_cache.drop([tmp_path])
    assert page_cache.resident_share([tmp_path]) < 0.1
    for path in page_cache.files([tmp_path]):
        path.read_bytes()
    assert page_cache.resident_share([tmp_path]) == 1.0
