"""Sizes of the zips by package, compared with Lambda's limits."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scripts.aws.limits import DIRECT_LIMIT, UNZIPPED_LIMIT

OVERHEAD = "(zip directory)"
PACKAGES = {"PIL": "pillow", "python_multipart": "python-multipart"}  # folder in the layer -> package, if they differ
MODEL, CODE = "model", "function"


class TooLarge(Exception):
    """The zips are above a limit of Lambda."""


class Size(NamedTuple):
    """Bytes of files, unzipped and compressed in the zip."""

    unzipped: int
    zipped: int


def package(name: str) -> str:
    """Return the owner of a file in one of the zips: a package of the layer, the model, or the function."""
    first, _, rest = name.partition("/")
    if first == "python":
        folder = rest.split("/")[0].split("-")[0].removesuffix(".libs")
        return PACKAGES.get(folder, folder)
    return MODEL if name.endswith(".onnx") else CODE


def by_package(path: Path) -> dict[str, Size]:
    """Return the size of each package in a zip, largest first.

    The last entry is the zip's own structure, so the compressed sizes add up to the size of the zip.
    """
    sizes: dict[str, Size] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            before = sizes.get(package(info.filename), Size(0, 0))
            sizes[package(info.filename)] = Size(before.unzipped + info.file_size, before.zipped + info.compress_size)
    largest_first = dict(sorted(sizes.items(), key=lambda item: item[1], reverse=True))
    overhead = path.stat().st_size - sum(size.zipped for size in sizes.values())
    return {**largest_first, OVERHEAD: Size(0, overhead)}


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum; zero for no sizes."""
    listed = list(sizes)
    return Size(sum(size.unzipped for size in listed), sum(size.zipped for size in listed))


def table(zips: Iterable[Path]) -> str:
    """Return a table of the zips with a row for each package, their total, the limits, and the share that is used."""
    lines = [_row("", "unzipped", "zipped")]
    sums = []
    for path in zips:
        sizes = by_package(path)
        sums.append(total(sizes.values()))
        lines += [_size_row(path.name, sums[-1]), *(_size_row(f"  {name}", size) for name, size in sizes.items())]
    both = total(sums)
    lines += [_size_row("total", both), _row("limit", f"{UNZIPPED_LIMIT:,}", f"{DIRECT_LIMIT:,}")]
    used = f"{both.unzipped / UNZIPPED_LIMIT:.1%}", f"{both.zipped / DIRECT_LIMIT:.1%}"
    return "\n".join([*lines, _row("used", *used)])


def check(both: Size) -> tuple[str | None, str | None]:
    """Compare the total size of the zips with the limits.

    Returns:
        An error (Lambda rejects the zips) and a warning; each is None if there is none.
    """
    error = warning = None
    if both.unzipped > UNZIPPED_LIMIT:
        excess = both.unzipped - UNZIPPED_LIMIT
        error = f"unzipped size must be at most {UNZIPPED_LIMIT:,} bytes, got {both.unzipped:,} ({excess:,} too many)"
    if both.zipped > DIRECT_LIMIT:
        warning = (
            f"the zips have {both.zipped:,} bytes in total, more than {DIRECT_LIMIT:,}; a single zip above that size "
            "must be uploaded through S3, and larger zips take longer to load"
        )
    return error, warning


def _size_row(name: str, size: Size) -> str:
    return _row(name, f"{size.unzipped:,}", f"{size.zipped:,}")


def _row(name: str, unzipped: str, zipped: str) -> str:
    return f"{name:<20}{unzipped:>16}{zipped:>16}"
