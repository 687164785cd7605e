"""Shared objects of a few hundred bytes: what a loader reads of one, and nothing to run."""

import struct
from collections.abc import Sequence
from pathlib import Path

BASE = 0x10000  # where the file is loaded: differs from the place in the file, so that mixing them up shows
HEADER, SEGMENT = 64, 56  # bytes


def shared_object(
    path: Path,
    machine: int = 62,
    needed: Sequence[str] = (),
    runpath: str = "",
    versions: Sequence[str] = (),
) -> Path:
    """Writes an ELF file with these entries in its dynamic segment."""
    strings, at = b"\0", {}
    for text in (*needed, runpath, *versions, "libany.so"):
        at[text] = len(strings)
        strings += text.encode() + b"\0"
    strings_offset = HEADER + 2 * SEGMENT
    versions_offset = strings_offset + len(strings)
    entries = b"".join(struct.pack("<IHHII", 0, 0, 2, at[name], 16 if name != versions[-1] else 0) for name in versions)
    verneed = struct.pack("<HHIII", 1, len(versions), at["libany.so"], 16, 0) + entries if versions else b""
    dynamic_offset = versions_offset + len(verneed)
    tags = [(1, at[name]) for name in needed] + [(5, BASE + strings_offset)]
    tags += [(29, at[runpath])] if runpath else []
    tags += [(0x6FFFFFFE, BASE + versions_offset), (0x6FFFFFFF, 1)] if versions else []
    dynamic = b"".join(
        struct.pack("<QQ", *tag) for tag in [*tags, (0, 0), (1, 9999)]
    )  # what follows the end is ignored
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
