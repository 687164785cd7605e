"""ELF shared objects of a few hundred bytes: the parts that a loader reads, without code."""

import struct
from collections.abc import Sequence
from pathlib import Path

BASE = 0x10000  # load address; not the offset in the file, so that a test fails if the code confuses the two
HEADER, SEGMENT = 64, 56  # bytes


def shared_object(
    path: Path,
    machine: int = 62,
    needed: Sequence[str] = (),
    runpath: str = "",
    versions: Sequence[str] = (),
) -> Path:
    """Write an ELF file with these entries in its dynamic segment."""
    strings, offsets = b"\0", {}
    for text in (*needed, runpath, *versions, "libany.so"):
        offsets[text] = len(strings)
        strings += text.encode() + b"\0"
    strings_offset = HEADER + 2 * SEGMENT
    versions_offset = strings_offset + len(strings)
    entries = b"".join(
        struct.pack("<IHHII", 0, 0, 2, offsets[name], 16 if name != versions[-1] else 0) for name in versions
    )
    verneed = struct.pack("<HHIII", 1, len(versions), offsets["libany.so"], 16, 0) + entries if versions else b""
    dynamic_offset = versions_offset + len(verneed)
    tags = [(1, offsets[name]) for name in needed] + [(5, BASE + strings_offset)]
    tags += [(29, offsets[runpath])] if runpath else []
    tags += [(0x6FFFFFFE, BASE + versions_offset), (0x6FFFFFFF, 1)] if versions else []
    dynamic = b"".join(
        struct.pack("<QQ", *tag) for tag in [*tags, (0, 0), (1, 9999)]
    )  # entries after the end are ignored
    size = dynamic_offset + len(dynamic)
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, HEADER, 0, 0, 64, 56, 2, 0, 0, 0)
    )
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 4096)
    segment = struct.pack("<IIQQQQQQ", 2, 6, dynamic_offset, BASE + dynamic_offset, 0, len(dynamic), len(dynamic), 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + load + segment + strings + verneed + dynamic)
    return path
