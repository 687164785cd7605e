"""How large the zips are, by package, against Lambda's limits. Reads zips, writes nothing.

Source of the limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (its MB are 1024 x 1024).
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scripts.aws.limits import DIRECT_LIMIT, UNZIPPED_LIMIT

OVERHEAD = "(zip directory)"
# Parts of the layer's folders whose name is not that of the package.
PACKAGES = {"PIL": "pillow"}
MODEL, CODE = "model", "function"


class TooLarge(Exception):
    """The zips are beyond a limit of Lambda's."""


class Size(NamedTuple):
    """Bytes, as files and as they lie in a zip."""

    unzipped: int
    zipped: int


def package(name: str) -> str:
    """Whose file a name in one of the zips is: a package of the layer, the model, or the function."""
    first, _, rest = name.partition("/")
    if first == "python":
        folder = rest.split("/")[0]
        return PACKAGES.get(folder, folder.split("-")[0].removesuffix(".libs"))
    return MODEL if name.endswith(".onnx") else CODE


def by_package(path: Path) -> dict[str, Size]:
    """The sizes of what a zip holds, largest first; the zip's own structure comes last, so that they add up."""
    sizes: dict[str, Size] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            before = sizes.get(package(info.filename), Size(0, 0))
            sizes[package(info.filename)] = Size(before.unzipped + info.file_size, before.zipped + info.compress_size)
    largest_first = dict(sorted(sizes.items(), key=lambda item: item[1], reverse=True))
    overhead = path.stat().st_size - sum(size.zipped for size in sizes.values())
    return {**largest_first, OVERHEAD: Size(0, overhead)}


def total(sizes: Iterable[Size]) -> Size:
    """The sum."""
    listed = list(sizes)
    return Size(sum(size.unzipped for size in listed), sum(size.zipped for size in listed))


def table(zips: Iterable[Path]) -> str:
    """The sizes of the zips, each package of each, and what they come to against the limits."""
    lines = [_row("", "unzipped", "zipped")]
    sums = []
    for path in zips:
        sizes = by_package(path)
        sums.append(total(sizes.values()))
        lines += [_size_row(path.name, sums[-1]), *(_size_row(f"  {name}", size) for name, size in sizes.items())]
    together = total(sums)
    lines += [_size_row("together", together), _row("limit", f"{UNZIPPED_LIMIT:,}", f"{DIRECT_LIMIT:,}")]
    used = f"{together.unzipped / UNZIPPED_LIMIT:.1%}", f"{together.zipped / DIRECT_LIMIT:.1%}"
    return "\n".join([*lines, _row("used", *used)])


def complaints(together: Size) -> tuple[str | None, str | None]:
    """What is wrong with the zips' sum: an error (Lambda refuses it) and a warning, each None if there is none."""
    error = warning = None
    if together.unzipped > UNZIPPED_LIMIT:
        over = together.unzipped - UNZIPPED_LIMIT
        error = f"{together.unzipped:,} bytes unzipped; Lambda takes {UNZIPPED_LIMIT:,}: {over:,} too many"
    if together.zipped > DIRECT_LIMIT:
        warning = (
            f"{together.zipped:,} bytes zipped in all, more than {DIRECT_LIMIT:,}: "
            "a zip above that alone has to go through S3, and both together take longer to load"
        )
    return error, warning


def _size_row(name: str, size: Size) -> str:
    return _row(name, f"{size.unzipped:,}", f"{size.zipped:,}")


def _row(name: str, unzipped: str, zipped: str) -> str:
    return f"{name:<20}{unzipped:>16}{zipped:>16}"
