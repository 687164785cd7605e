"""Images that a command line names: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")  # those that the function reads
OTHER_SUFFIXES = (".heic", ".heif", ".jxl", ".jp2", ".j2k", ".dng", ".cr2", ".nef", ".arw", ".psd")
ANNOTATED = b"annotated by yolo-lambda-zip"  # comment of the JPEG files that --save writes
COMMENT_BYTES = 256  # the comment is in the first bytes of the file


class NoImages(Exception):
    """A source has no image or does not exist; the message is one line."""


class ImageFile(NamedTuple):
    """An image file, and its names in the results.

    Attributes:
        path: of the file, as the source names it.
        name: with slashes and suffix; no two images of a run have the same name.
        stem: name of files that are written for the image, without their suffix; no two images have the same stem.
    """

    path: Path
    name: str
    stem: str


class Found(NamedTuple):
    """The images of all sources.

    Attributes:
        images: each once, in the order of the sources; those of a folder and of a pattern by name.
        left_out: why files of folders and patterns are not among them, in one line; "" if there are none.
    """

    images: list[ImageFile]
    left_out: str


def find(sources: Sequence[str]) -> Found:
    """Return the images of all sources.

    A file that is named itself is always among them. Of folders and patterns, files that --save wrote are left out, and
    so are image formats that the function does not read.

    Args:
        sources: files, folders (their images, not those of folders inside) and patterns such as `photos/**/*.jpg`.

    Raises:
        NoImages: a source does not exist, or has no image.
    """
    images: dict[Path, Path] = {}
    left_out: dict[Path, str] = {}
    for source in sources:
        for path, reason in _files(source):
            key = path.parent.resolve() / path.name
            if reason:
                left_out.setdefault(key, reason)
            else:
                images.setdefault(key, path)
    counts = Counter(reason for key, reason in left_out.items() if key not in images)
    return Found(_named(images), ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())))


def _files(source: str) -> list[tuple[Path, str]]:
    """Return the images of a source with an empty reason, and the files that are left out with the reason."""
    path = Path(source)
    if path.is_file():
        return [(path, "")]
    if path.is_dir():
        candidates: Iterable[Path] = (child for child in _children(path) if not child.name.startswith("."))
    else:
        candidates = map(Path, glob.glob(source, recursive=True))  # noqa: PTH207  (a pattern can be an absolute path)
    files = [(file, _reason(file)) for file in sorted(candidates) if _is_image(file)]
    if not any(not reason for _, reason in files):
        raise NoImages(_no_images(source, path.is_dir(), files))
    return files


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise NoImages(f"{folder} cannot be read: {error.strerror}") from error


def _no_images(source: str, is_folder: bool, files: list[tuple[Path, str]]) -> str:
    counts = Counter(reason for _, reason in files)
    only = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    if is_folder:
        return f"{source} must have images ({', '.join(SUFFIXES)}), got {only or 'a folder without any'}"
    missing = "no image matches" if glob.has_magic(source) else "which does not exist"
    return f"SOURCE must be an image, a folder or a pattern, got {source}, {only or missing}"


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES + OTHER_SUFFIXES and path.is_file()


def _reason(path: Path) -> str:
    """Return why an image of a folder or a pattern is left out; "" if it is not."""
    suffix = path.suffix.lower()
    if suffix in OTHER_SUFFIXES:
        return f"{suffix} (not supported)"
    if suffix != ".jpg":
        return ""
    try:
        with path.open("rb") as file:
            return "annotated by --save" if ANNOTATED in file.read(COMMENT_BYTES) else ""
    except OSError:  # it is reported when it is its turn
        return ""


def _named(images: dict[Path, Path]) -> list[ImageFile]:
    """Return the images with their file names; where two are equal, all with the path below their common folder."""
    names = [_text(key.name) for key in images]
    if len(set(names)) < len(names):
        common = os.path.commonpath([key.parent for key in images])
        names = [_text(key.relative_to(common).as_posix()) for key in images]
    names = _unique(names, str)
    stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
    counts = Counter(stem.casefold() for stem in stems)
    # `a.jpg` and `a.png` write `a.jpg.txt` and `a.png.txt`, also where a file system ignores the case of letters.
    stems = [
        stem if counts[stem.casefold()] == 1 else name
        for stem, name in zip(stems, names)  # noqa: B905  (Python 3.9)
    ]
    stems = _unique(stems, str.casefold)
    return [
        ImageFile(path, name, stem)
        for path, name, stem in zip(images.values(), names, stems)  # noqa: B905  (Python 3.9)
    ]


def _unique(names: list[str], key: Callable[[str], str]) -> list[str]:
    """Return the names with a number at those whose key an earlier one has."""
    taken: set[str] = set()
    unique = []
    for name in names:
        path, number, free = PurePosixPath(name), 2, name
        while key(free) in taken:
            free = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
            number += 1
        taken.add(key(free))
        unique.append(free)
    return unique


def _text(name: str) -> str:
    """Return a file name as text: bytes that are not UTF-8 cannot be written to any of the results."""
    return os.fsencode(name).decode("utf-8", "replace")
