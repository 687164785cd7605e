"""What a shared object asks of the machine that loads it: reads ELF, judges nothing.

Only what a loader looks at (program headers and the dynamic segment), so a stripped file reads the same.

Source: System V ABI, chapters 4 and 5; LSB 5.0 core, "Symbol Versioning".
"""

import struct
from pathlib import Path
from typing import NamedTuple

EM_X86_64, EM_AARCH64 = 62, 183
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
IDENT = b"\x7fELF\x02\x01\x01"  # 64-bit, little-endian, version 1: both of Lambda's machines


class ElfError(Exception):
    """Not an ELF file of the kind that Lambda loads, or a damaged one; the message names the file."""


class Elf(NamedTuple):
    """A shared object's demands.

    `machine` is e_machine; `needed` the sonames, in order; `search` the folders of RUNPATH or RPATH as written ($ORIGIN
    and all); `versions` the symbol versions asked for, such as "GLIBC_2.28".
    """

    machine: int
    needed: tuple[str, ...]
    search: tuple[str, ...]
    versions: frozenset[str]


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def is_elf(path: Path) -> bool:
    """Whether the file starts as an ELF file does."""
    with path.open("rb") as file:
        return file.read(4) == IDENT[:4]


def read(path: Path) -> Elf:
    """The demands of the shared object at `path`.

    Raises:
        ElfError: it cannot be read as a 64-bit little-endian ELF file.
    """
    data = path.read_bytes()
    if not data.startswith(IDENT):
        raise ElfError(f"{path}: starts with {data[:7].hex()}; wanted a 64-bit little-endian ELF file")
    try:
        return _parse(data)
    except (struct.error, IndexError, ValueError) as error:
        raise ElfError(f"{path}: damaged ELF file ({error})") from error


def _parse(data: bytes) -> Elf:
    (machine,) = struct.unpack_from("<H", data, 18)
    segments = _segments(data)
    dynamic = _dynamic(data, segments)
    strings = _offset(segments, dynamic[DT_STRTAB][0]) if DT_STRTAB in dynamic else 0

    def string(at: int) -> str:
        return data[strings + at : data.index(b"\0", strings + at)].decode()

    searches = [string(at) for at in dynamic.get(DT_RUNPATH) or dynamic.get(DT_RPATH) or ()]
    versions = _version_names(data, segments, dynamic) if DT_VERNEED in dynamic else []
    return Elf(
        machine,
        tuple(string(at) for at in dynamic.get(DT_NEEDED, ())),
        tuple(folder for search in searches for folder in search.split(":") if folder),
        frozenset(string(at) for at in versions),
    )


def _segments(data: bytes) -> list[_Segment]:
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = (struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count))
    return [_Segment(kind, offset, address, length) for kind, _, offset, address, _, length in headers]


def _offset(segments: list[_Segment], address: int) -> int:
    """Where in the file the byte lies that is loaded at `address`."""
    for segment in segments:
        if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ValueError(f"nothing is loaded at {address:#x}")


def _dynamic(data: bytes, segments: list[_Segment]) -> dict[int, list[int]]:
    """The dynamic segment: tag -> its values, in order."""
    entries: dict[int, list[int]] = {}
    for segment in segments:
        if segment.kind == PT_DYNAMIC:
            for at in range(segment.offset, segment.offset + segment.size, 16):
                tag, value = struct.unpack_from("<QQ", data, at)
                if tag == 0:  # DT_NULL: what follows is room to spare
                    break
                entries.setdefault(tag, []).append(value)
    return entries


def _version_names(data: bytes, segments: list[_Segment], dynamic: dict[int, list[int]]) -> list[int]:
    """The names, as places in the string table, of all symbol versions asked for."""
    names = []
    at = _offset(segments, dynamic[DT_VERNEED][0])
    for _ in range(dynamic[DT_VERNEEDNUM][0]):
        _, count, _, first, following = struct.unpack_from("<HHIII", data, at)
        entry = at + first
        for _ in range(count):
            _, _, _, name, step = struct.unpack_from("<IHHII", data, entry)
            names.append(name)
            entry += step
        at += following
    return names
