import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layer import cache


class Maker:
    """Fills a folder with one file; counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "file").write_text("made")


@pytest.fixture
def maker() -> Maker:
    return Maker()


def test_the_same_is_made_once(tmp_path: Path, maker: Maker) -> None:
    for _ in range(3):
        assert (cache.kept(tmp_path / "x", "key", maker) / "file").read_text() == "made"
    assert maker.calls == 1


def test_another_key_makes_it_anew(tmp_path: Path, maker: Maker) -> None:
    for key in ("one", "two", "one"):
        cache.kept(tmp_path / "x", key, maker)
    assert maker.calls == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "file").unlink(),
        lambda folder: (folder / "file").write_text("other"),
        lambda folder: (folder / "more").write_text(""),
        lambda folder: folder.with_name("x.seal").unlink(),
    ],
    ids=["deleted", "changed", "added", "unsealed"],
)
def test_a_folder_that_was_touched_is_made_anew(tmp_path: Path, maker: Maker, spoil: Callable[[Path], object]) -> None:
    spoil(cache.kept(tmp_path / "x", "key", maker))
    assert [path.name for path in cache.kept(tmp_path / "x", "key", maker).iterdir()] == ["file"]
    assert maker.calls == 2


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept(tmp_path / "x", "key", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


def test_of_two_runs_at_once_the_second_takes_what_the_first_made(tmp_path: Path) -> None:
    calls = []

    def slowly(folder: Path) -> None:
        calls.append(folder)
        time.sleep(0.2)
        (folder / "file").write_text("made")

    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: cache.kept(tmp_path / "x", "key", slowly), range(4)))
    assert (set(made), len(calls)) == ({tmp_path / "x"}, 1)


def test_keys_tell_apart_where_one_part_ends() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")
