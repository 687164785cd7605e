from pathlib import Path

import pytest

from layer import amazon_linux
from tests.support.elf_files import shared_object


def test_layer_without_shared_objects_is_compatible(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    assert amazon_linux.check(tmp_path, "x86_64") == 0


@pytest.mark.parametrize("version", ["GLIBC_2.34", "GLIBC_2.2.5", "GLIBCXX_3.4.29", "CXXABI_1.3.13", "PNG16_0"])
def test_symbol_versions_of_amazon_linux_2023_are_compatible(tmp_path: Path, version: str) -> None:
    shared_object(tmp_path / "a.so", needed=["libc.so.6"], versions=[version])
    assert amazon_linux.check(tmp_path, "x86_64") == 1


@pytest.mark.parametrize(
    ("version", "newest"),
    [
        ("GLIBC_2.35", "GLIBC_2.34"),
        ("GLIBC_2.100", "GLIBC_2.34"),
        ("GLIBC_ABI_DT_RELR", "GLIBC_2.34"),
        ("GLIBCXX_3.4.30", "GLIBCXX_3.4.29"),
        ("CXXABI_1.3.14", "CXXABI_1.3.13"),
    ],
)
def test_newer_symbol_version_is_rejected(tmp_path: Path, version: str, newest: str) -> None:
    shared_object(tmp_path / "sub" / "a.so", versions=["GLIBC_2.17", version])
    with pytest.raises(
        amazon_linux.IncompatibleLayer, match=rf"sub/a\.so: needs {version}; the newest available version is {newest}"
    ):
        amazon_linux.check(tmp_path, "x86_64")


@pytest.mark.parametrize(("arch", "machine"), [("x86_64", 183), ("arm64", 62)])
def test_object_of_the_other_architecture_is_rejected(tmp_path: Path, arch: str, machine: int) -> None:
    shared_object(tmp_path / "a.so", machine)
    with pytest.raises(amazon_linux.IncompatibleLayer, match=rf"machine must be \d+ \({arch}\), got {machine}"):
        amazon_linux.check(tmp_path, arch)


def test_library_outside_of_layer_and_runtime_is_rejected(tmp_path: Path) -> None:
    shared_object(tmp_path / "a.so", needed=["libc.so.6", "libGL.so.1"])
    with pytest.raises(
        amazon_linux.IncompatibleLayer, match=r"needs libGL\.so\.1, which is neither in the layer nor in the runtime"
    ):
        amazon_linux.check(tmp_path, "x86_64")


def test_bundled_library_on_the_search_path_is_accepted(tmp_path: Path) -> None:
    shared_object(tmp_path / "pkg" / "a.so", needed=["libb.so"], runpath="$ORIGIN/../pkg.libs")
    shared_object(tmp_path / "pkg.libs" / "libb.so")
    assert amazon_linux.check(tmp_path, "x86_64") == 2


@pytest.mark.parametrize("runpath", ["", "$ORIGIN/elsewhere"])
def test_bundled_library_outside_of_the_search_path_is_rejected(tmp_path: Path, runpath: str) -> None:
    shared_object(tmp_path / "pkg" / "a.so", needed=["libb.so"], runpath=runpath)
    shared_object(tmp_path / "pkg.libs" / "libb.so")
    with pytest.raises(amazon_linux.IncompatibleLayer, match=r"libb\.so"):
        amazon_linux.check(tmp_path, "x86_64")


def test_absolute_search_path_is_rejected(tmp_path: Path) -> None:
    shared_object(tmp_path / "built" / "libb.so")
    shared_object(tmp_path / "layer" / "a.so", needed=["libb.so"], runpath=str(tmp_path / "built"))
    with pytest.raises(amazon_linux.IncompatibleLayer, match=r"libb\.so"):
        amazon_linux.check(tmp_path / "layer", "x86_64")


def test_every_violation_is_listed(tmp_path: Path) -> None:
    shared_object(tmp_path / "a.so", needed=["libGL.so.1", "libEGL.so.1"], versions=["GLIBC_2.38"])
    (tmp_path / "b.so").write_bytes(b"\x7fELF broken")
    with pytest.raises(amazon_linux.IncompatibleLayer) as caught:
        amazon_linux.check(tmp_path, "x86_64")
    assert len(str(caught.value).splitlines()) == 1 + 4
