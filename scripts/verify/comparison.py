"""Comparison of two zips, member by member."""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

SAME, SAME_CONTENTS, DIFFERENT, MISSING, DAMAGED = "same", "same contents", "different", "missing", "damaged"
NOT_BUILT = "from the zip, not built again"
EQUAL = (SAME, SAME_CONTENTS, NOT_BUILT)
CHUNK = 1 << 20  # bytes


class Comparison(NamedTuple):
    """The result for a file.

    Attributes:
        sha256: digest of the given file, hexadecimal; "" if it is missing.
        result: SAME, SAME_CONTENTS, NOT_BUILT, DIFFERENT, MISSING or DAMAGED.
        differences: one line for each member that differs.
    """

    sha256: str
    result: str
    differences: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """True unless the file differs, is missing or is damaged."""
        return self.result in EQUAL


class _Member(NamedTuple):
    """What has to be the same for a member: attributes, date and size; the contents are compared after these."""

    mode: int
    system: int
    date: tuple[int, ...]
    size: int


def compare(given: Path, rebuilt: Path) -> Comparison:
    """Compare a zip with the one that was built again.

    The given zip may come from anywhere: a member is read only if its size is that of the rebuilt member.
    """
    if not given.is_file():
        return Comparison("", MISSING)
    digest = file_sha256(given)
    if digest == file_sha256(rebuilt):
        return Comparison(digest, SAME)
    try:
        with zipfile.ZipFile(given) as left, zipfile.ZipFile(rebuilt) as right:
            differences = _differences(left, right)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        return Comparison(digest, DAMAGED, (printable(f"{type(error).__name__}: {error}"),))
    return Comparison(digest, DIFFERENT, differences) if differences else Comparison(digest, SAME_CONTENTS)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def member_sha256(archive: zipfile.ZipFile, name: str) -> str:
    """Return the sha256 of a member, hexadecimal."""
    digest = hashlib.sha256()
    with archive.open(name) as member:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def printable(text: str) -> str:
    """Escape what is not printable: names come from a zip that may be hostile to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def _differences(given: zipfile.ZipFile, rebuilt: zipfile.ZipFile) -> tuple[str, ...]:
    left, right = _members(given), _members(rebuilt)
    names = [info.filename for info in given.infolist()]
    lines = [f"twice in the given zip: {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    lines += [f"only in the given zip: {name}" for name in sorted(left.keys() - right.keys())]
    lines += [f"only in the rebuilt zip: {name}" for name in sorted(right.keys() - left.keys())]
    lines += [
        f"different: {name} ({reason})"
        for name in sorted(left.keys() & right.keys())
        if (reason := _reason(given, rebuilt, name, left[name], right[name]))
    ]
    if given.comment != rebuilt.comment:
        lines.append("different: comment of the zip")
    return tuple(printable(line) for line in lines)


def _members(archive: zipfile.ZipFile) -> dict[str, _Member]:
    return {
        info.filename: _Member(info.external_attr, info.create_system, info.date_time, info.file_size)
        for info in archive.infolist()
    }


def _reason(given: zipfile.ZipFile, rebuilt: zipfile.ZipFile, name: str, left: _Member, right: _Member) -> str:
    """Return what differs of a member that both zips have; "" if it is the same."""
    if left.mode != right.mode or left.system != right.system:
        return f"mode {left.mode >> 16:o} instead of {right.mode >> 16:o}"
    if left.date != right.date:
        return "date"
    if left.size != right.size:
        return f"{left.size:,} bytes instead of {right.size:,}"
    return "" if member_sha256(given, name) == member_sha256(rebuilt, name) else "contents"
