"""Refused files leave nothing to the garbage collector: until it runs, a cycle keeps the decoded pixels."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from function.errors import FunctionError
from function.preprocess import image
from tests.fuzz import corpus

LIMIT = 50_000_000  # px
FILES = [
    path for kind in ("avif", "bmp", "gif", "jpeg", "png", "tiff", "webp") for path in corpus.files(f"image-{kind}")
]


@pytest.fixture(scope="module")
def collector() -> Iterator[None]:
    image.load_readers()  # the import of a module makes cycles
    gc.collect()
    gc.freeze()  # what is there now is not looked at: this takes 0.1 s each time
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def is_refused(data: bytes) -> bool:
    try:
        image.read(data, LIMIT, 1024)
    except FunctionError:
        return True
    return False


@pytest.mark.filterwarnings("ignore")  # of Pillow, about broken files
@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_file_leaves_no_cycle(path: Path) -> None:
    data = path.read_bytes()
    is_refused(data)  # the first one may fill a cache
    gc.collect()
    is_refused(data)
    assert gc.collect() == 0


def test_frame_that_cannot_be_decoded_is_among_the_files() -> None:
    (path,) = (path for path in FILES if (path.parent.name, path.name) == ("image-avif", "found-00"))
    with pytest.raises(FunctionError) as refusal:
        image.read(path.read_bytes(), LIMIT)
    assert "Decoding of color planes failed" in str(refusal.value.__cause__)
