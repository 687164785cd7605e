"""Sizes of the zips by package, compared with Lambda's limits."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scripts.aws.limits import DIRECT_LIMIT, UNZIPPED_LIMIT
from scripts.manifest import LAYER_ZIP

OVERHEAD = "(zip directory)"
PACKAGES = {"PIL": "pillow", "python_multipart": "python-multipart"}  # folder in the layer -> package, if they differ
MODEL, READER, CODE = "model", "reader", "function"  # READER: the model of --read-model
MODELS = {"model.onnx": MODEL, "reader.onnx": READER}


class TooLarge(Exception):
    """The zips are above a limit of Lambda."""


class Size(NamedTuple):
    """Bytes of files, unzipped and compressed in the zip."""

    unzipped: int
    zipped: int


def package(name: str) -> str:
    """Return the owner of a file in one of the zips: a package of the layer, a model, or the function."""
    first, _, rest = name.partition("/")
    if first == "python":
        folder = rest.split("/")[0].split("-")[0].removesuffix(".libs")
        return PACKAGES.get(folder, folder)
    return MODELS.get(name, CODE)


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
    """Return a table of the zips with a row for each package, their total, the limits, and the share that is used.

    The limit of the unzipped size holds for both zips together, that of a direct upload for each of them.
    """
    lines = [_row("", "unzipped", "zipped")]
    sums = []
    for path in zips:
        sizes = by_package(path)
        sums.append(total(sizes.values()))
        lines += [_size_row(path.name, sums[-1]), *(_size_row(f"  {name}", size) for name, size in sizes.items())]
    both = total(sums)
    lines += [_size_row("total", both), _row("limit", f"{UNZIPPED_LIMIT:,}", f"{DIRECT_LIMIT:,}", "for each zip")]
    largest = max(size.zipped for size in sums)
    used = f"{both.unzipped / UNZIPPED_LIMIT:.1%}", f"{largest / DIRECT_LIMIT:.1%}"
    return "\n".join([*lines, _row("used", *used, "of the larger zip")])


def check(zips: Iterable[Path]) -> tuple[str | None, str | None]:
    """Compare the sizes of the zips with the limits.

    Returns:
        An error (Lambda rejects the zips) and a note (a zip cannot be uploaded directly); None if there is none.
    """
    by_zip = {path.name: by_package(path) for path in zips}
    unzipped = sum(total(sizes.values()).unzipped for sizes in by_zip.values())
    zipped = {name: total(sizes.values()).zipped for name, sizes in by_zip.items()}
    error = note = None
    if unzipped > UNZIPPED_LIMIT:
        excess = unzipped - UNZIPPED_LIMIT
        error = (
            f"unzipped size must be at most {UNZIPPED_LIMIT:,} bytes, got {unzipped:,} ({excess:,} too many); "
            "--half-weights and --int8 make the model smaller"
        )
    too_large = [f"{name} has {size:,} bytes" for name, size in zipped.items() if size > DIRECT_LIMIT]
    if too_large:
        note = (
            f"{' and '.join(too_large)}, more than the {DIRECT_LIMIT:,} of a direct upload; deploy with --bucket BUCKET"
            f"{_remedy(by_zip, zipped)}"
        )
    return error, note


def _remedy(by_zip: dict[str, dict[str, Size]], zipped: dict[str, int]) -> str:
    """Return what else helps: the models in the zip that has room for them, or a smaller one; "" if nothing does."""
    owner = next((name for name, sizes in by_zip.items() if MODEL in sizes), None)
    if owner is None:
        return ""
    size = sum(by_zip[owner][name].zipped for name in (MODEL, READER) if name in by_zip[owner])
    moved = {name: bytes_ - size if name == owner else bytes_ + size for name, bytes_ in zipped.items()}
    if max(moved.values()) <= DIRECT_LIMIT:
        where = "without" if owner == LAYER_ZIP else "with"
        return f", or build {where} --model-in-layer"
    return ", or make the model smaller with --half-weights" if zipped[owner] > DIRECT_LIMIT else ""


def _size_row(name: str, size: Size) -> str:
    return _row(name, f"{size.unzipped:,}", f"{size.zipped:,}")


def _row(name: str, unzipped: str, zipped: str, note: str = "") -> str:
    return f"{name:<20}{unzipped:>16}{zipped:>16}{'  ' if note else ''}{note}"
