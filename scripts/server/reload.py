"""Sources of `function/` in place of those in function.zip, again after every change of a file."""

from __future__ import annotations

import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

from layer import zip_writer
from scripts import manifest
from scripts.bundle import archives

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "function"
PREFIX = "function/"
INTERVAL = 0.5  # seconds between two looks at the files
State = dict[str, tuple[int, int]]


class Reload:
    """Folders with the zips of a build and the present sources. `close` deletes them."""

    def __init__(self, dist: Path, sources: Path = SOURCES) -> None:
        """Remember the files.

        Args:
            dist: folder of the build.
            sources: the folder `function/`, whose files are watched.
        """
        self._dist, self._sources = dist, sources
        self._folder = Path(tempfile.mkdtemp(prefix="yolo-lambda-serve-"))
        self._number = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = _state(sources)

    def build(self) -> Path:
        """Write the zips into a new folder and return it. Without bytecode, a start takes longer than that of a build.

        Raises:
            OSError: a file cannot be read or written.
            VersionLineMissing: see `archives.stage_function`.
        """
        self._number += 1
        out, staged = self._folder / str(self._number), self._folder / f"{self._number}-sources"
        out.mkdir()
        staged.mkdir()
        archives.stage_function(staged, None)
        with zipfile.ZipFile(self._dist / manifest.FUNCTION_ZIP) as archive:
            archive.extractall(staged, [name for name in archive.namelist() if not name.startswith(PREFIX)])
        zip_writer.write(out / manifest.FUNCTION_ZIP, zip_writer.files_below(staged, ""))
        shutil.copyfile(self._dist / manifest.NAME, out / manifest.NAME)
        (out / manifest.LAYER_ZIP).symlink_to((self._dist / manifest.LAYER_ZIP).resolve())
        shutil.rmtree(staged)
        return out

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in a thread after each change of a file, until `close`."""
        self._thread = threading.Thread(target=self._watch, args=(changed,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching and delete the folders."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _watch(self, changed: Callable[[], None]) -> None:
        while not self._ended.wait(INTERVAL):
            state = _state(self._sources)
            if state != self._state:
                self._state = state
                changed()


def _state(folder: Path) -> State:
    """Return time and size of each file; bytecode is none of them."""
    state: State = {}
    for path in folder.rglob("*"):
        try:
            if path.is_file() and "__pycache__" not in path.parts:
                properties = path.stat()
                state[str(path)] = properties.st_mtime_ns, properties.st_size
        except FileNotFoundError:  # an editor replaces a file by renaming another
            continue
    return state
