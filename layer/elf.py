"""Parser of ELF shared objects: architecture, needed libraries, search paths, symbol versions.

It reads the parts that a loader reads (program headers and the dynamic segment), so a stripped file gives the same
result.

Source: System V ABI, chapters 4 and 5; LSB 5.0 core, "Symbol Versioning".
"""

import struct
from pathlib import Path
from typing import NamedTuple

EM_X86_64, EM_AARCH64 = 62, 183
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
IDENT = b"\x7fELF\x02\x01\x01"  # 64-bit, little-endian, version 1: both architectures of Lambda


class ElfError(Exception):
    """A file is not a 64-bit little-endian ELF file, or is damaged; the message names the file."""


class Elf(NamedTuple):
    """The requirements of a shared object.

    Attributes:
        machine: e_machine of the header.
        needed: sonames of the needed libraries, in their order in the file.
        search_paths: folders of RUNPATH or RPATH as they are in the file, with $ORIGIN.
        versions: required symbol versions, such as "GLIBC_2.28".
    """

    machine: int
    needed: tuple[str, ...]
    search_paths: tuple[str, ...]
    versions: frozenset[str]


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def is_elf(path: Path) -> bool:
    """Return whether the file begins with the ELF magic number."""
    with path.open("rb") as file:
        return file.read(4) == IDENT[:4]


def read(path: Path) -> Elf:
    """Parse the shared object at `path`.

    Raises:
        ElfError: the file is not a 64-bit little-endian ELF file, or is damaged.
    """
    data = path.read_bytes()
    if not data.startswith(IDENT):
        raise ElfError(f"{path} must be a 64-bit little-endian ELF file, got a file that begins with {data[:7].hex()}")
    try:
        return _parse(data)
    except (struct.error, IndexError, ValueError) as error:
        raise ElfError(f"{path} is a damaged ELF file: {error}") from error


def _parse(data: bytes) -> Elf:
    (machine,) = struct.unpack_from("<H", data, 18)
    segments = _segments(data)
    dynamic = _dynamic(data, segments)
    strings = _file_offset(segments, dynamic[DT_STRTAB][0]) if DT_STRTAB in dynamic else 0

    def string(offset: int) -> str:
        return data[strings + offset : data.index(b"\0", strings + offset)].decode()

    searches = [string(offset) for offset in dynamic.get(DT_RUNPATH) or dynamic.get(DT_RPATH) or ()]
    versions = _version_names(data, segments, dynamic) if DT_VERNEED in dynamic else []
    return Elf(
        machine,
        tuple(string(offset) for offset in dynamic.get(DT_NEEDED, ())),
        tuple(folder for search in searches for folder in search.split(":") if folder),
        frozenset(string(offset) for offset in versions),
    )


def _segments(data: bytes) -> list[_Segment]:
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = (struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count))
    return [_Segment(kind, offset, address, length) for kind, _, offset, address, _, length in headers]


def _file_offset(segments: list[_Segment], address: int) -> int:
    """Return the offset in the file of the byte that is loaded at `address`."""
    for segment in segments:
        if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ValueError(f"no segment is loaded at {address:#x}")


def _dynamic(data: bytes, segments: list[_Segment]) -> dict[int, list[int]]:
    """Return the dynamic segment: tag -> its values, in their order in the file."""
    entries: dict[int, list[int]] = {}
    for segment in segments:
        if segment.kind == PT_DYNAMIC:
            for offset in range(segment.offset, segment.offset + segment.size, 16):
                tag, value = struct.unpack_from("<QQ", data, offset)
                if tag == 0:  # DT_NULL ends the list; the rest of the segment is unused
                    break
                entries.setdefault(tag, []).append(value)
    return entries


def _version_names(data: bytes, segments: list[_Segment], dynamic: dict[int, list[int]]) -> list[int]:
    """Return the offsets in the string table of the names of all required symbol versions."""
    names = []
    offset = _file_offset(segments, dynamic[DT_VERNEED][0])
    for _ in range(dynamic[DT_VERNEEDNUM][0]):
        _, count, _, first, following = struct.unpack_from("<HHIII", data, offset)
        entry = offset + first
        for _ in range(count):
            _, _, _, name, step = struct.unpack_from("<IHHII", data, entry)
            names.append(name)
            entry += step
        offset += following
    return names
