from pathlib import Path

import pytest

from layer import elf
from tests.support.elf_files import shared_object


def test_object_without_requirements_is_read_as_empty(tmp_path: Path) -> None:
    assert elf.read(shared_object(tmp_path / "a.so")) == elf.Elf(62, (), (), frozenset())


def test_all_requirements_are_read(tmp_path: Path) -> None:
    path = shared_object(
        tmp_path / "a.so", 183, ["libc.so.6", "libz.so.1"], "$ORIGIN:$ORIGIN/../x.libs", ["GLIBC_2.17", "GLIBC_2.28"]
    )
    expected = elf.Elf(
        183, ("libc.so.6", "libz.so.1"), ("$ORIGIN", "$ORIGIN/../x.libs"), frozenset({"GLIBC_2.17", "GLIBC_2.28"})
    )
    assert elf.read(path) == expected


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x01\x01\x01" + bytes(60), b"#!/bin/sh\n"])
def test_file_of_another_format_is_rejected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.so"
    path.write_bytes(content)
    with pytest.raises(
        elf.ElfError, match=r"a\.so must be a 64-bit little-endian ELF file, got a file that begins with"
    ):
        elf.read(path)


def test_truncated_file_is_reported_as_damaged(tmp_path: Path) -> None:
    path = shared_object(tmp_path / "a.so", needed=["libc.so.6"], versions=["GLIBC_2.17"])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(elf.ElfError, match="damaged"):
        elf.read(path)


def test_text_file_is_not_an_elf_file(tmp_path: Path) -> None:
    path = tmp_path / "a.so"
    path.write_text("INPUT(libc.so)")
    assert not elf.is_elf(path)
