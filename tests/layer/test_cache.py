import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layer import cache


class Maker:
    """Fills a folder with one file, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "file").write_text("made")


@pytest.fixture
def maker() -> Maker:
    return Maker()


def test_folder_with_the_same_key_is_made_once(tmp_path: Path, maker: Maker) -> None:
    for _ in range(3):
        assert (cache.cached_folder(tmp_path / "x", "key", maker) / "file").read_text() == "made"
    assert maker.calls == 1


def test_folder_with_another_key_is_made_again(tmp_path: Path, maker: Maker) -> None:
    for key in ("one", "two", "one"):
        cache.cached_folder(tmp_path / "x", key, maker)
    assert maker.calls == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "file").unlink(),
        lambda folder: (folder / "file").write_text("other"),
        lambda folder: (folder / "more").write_text(""),
        lambda folder: folder.with_name("x.seal").unlink(),
    ],
    ids=["deleted", "changed", "added", "unsealed"],
)
def test_changed_folder_is_made_again(tmp_path: Path, maker: Maker, change: Callable[[Path], object]) -> None:
    change(cache.cached_folder(tmp_path / "x", "key", maker))
    assert [path.name for path in cache.cached_folder(tmp_path / "x", "key", maker).iterdir()] == ["file"]
    assert maker.calls == 2


def test_failure_leaves_no_partial_folder(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.cached_folder(tmp_path / "x", "key", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


def test_concurrent_runs_make_the_folder_once(tmp_path: Path) -> None:
    calls = []

    def slowly(folder: Path) -> None:
        calls.append(folder)
        time.sleep(0.2)
        (folder / "file").write_text("made")

    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: cache.cached_folder(tmp_path / "x", "key", slowly), range(4)))
    assert (set(made), len(calls)) == ({tmp_path / "x"}, 1)


def test_key_depends_on_the_limits_of_the_parts() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")
