"""Check of shared objects against Amazon Linux 2023, the operating system of Lambda's Python runtimes."""

import re
from collections.abc import Iterator
from pathlib import Path

from layer import elf

MAX_VERSIONS = {  # family of symbol versions -> the highest version on Amazon Linux 2023
    "GLIBC": (2, 34),  # glibc 2.34
    "GLIBCXX": (3, 4, 29),  # libstdc++ of GCC 11
    "CXXABI": (1, 3, 13),  # libstdc++ of GCC 11
    "GCC": (11, 0),  # libgcc_s of GCC 11
    "ZLIB": (1, 2, 9),  # the newest symbols of zlib 1.2.11
}
# Libraries of the runtime that the packages use: those of glibc, libstdc++ and libgcc_s (known to be sufficient
# for the import of onnxruntime and numpy there), and zlib, which Lambda's Python itself is linked to.
LIBRARIES = frozenset(
    {
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libgcc_s.so.1",
        "libm.so.6",
        "libpthread.so.0",
        "librt.so.1",
        "libstdc++.so.6",
        "libz.so.1",
    }
)
MACHINES = {"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}


class IncompatibleLayer(Exception):
    """Lambda cannot load some shared objects; the message lists each with the reason."""


def shared_objects(folder: Path) -> list[Path]:
    """Return the ELF files below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and elf.is_elf(path))


def check(folder: Path, arch: str) -> int:
    """Check that Lambda can load every shared object below `folder`.

    Args:
        folder: the packages of the layer.
        arch: "x86_64" or "arm64".

    Returns:
        The number of shared objects.

    Raises:
        IncompatibleLayer: Lambda cannot load at least one of them.
    """
    paths = shared_objects(folder)
    lines = [f"  {path.relative_to(folder)}: {violation}" for path in paths for violation in violations(path, arch)]
    if lines:
        raise IncompatibleLayer(f"Lambda on {arch} (Amazon Linux 2023) cannot load:\n" + "\n".join(lines))
    return len(paths)


def violations(path: Path, arch: str) -> Iterator[str]:
    """Yield each reason why Lambda cannot load the shared object at `path`."""
    try:
        requirements = elf.read(path)
    except elf.ElfError as error:
        yield str(error)
        return
    if requirements.machine != MACHINES[arch]:
        yield f"machine must be {MACHINES[arch]} ({arch}), got {requirements.machine}"
    for version in sorted(requirements.versions):
        if not _is_available(version):
            yield f"needs {version}; the newest available version is {_newest(version)}"
    for name in requirements.needed:
        if name not in LIBRARIES and find_bundled(path, requirements, name) is None:
            yield f"needs {name}, which is neither in the layer nor in the runtime"


def find_bundled(path: Path, requirements: elf.Elf, name: str) -> Path | None:
    """Return the library that the loader finds for the shared object at `path`, or None.

    Only search paths relative to the object ($ORIGIN) count: an absolute path is one of the machine that built it.

    Args:
        path: the shared object.
        requirements: the parsed shared object.
        name: soname of the library.
    """
    for folder in requirements.search_paths:
        origin, _, below = folder.replace("${ORIGIN}", "$ORIGIN").partition("/")
        library = path.parent / below / name
        if origin == "$ORIGIN" and library.is_file():
            return library.resolve()
    return None


def _is_available(version: str) -> bool:
    """Return whether the runtime has a symbol version; families outside of MAX_VERSIONS belong to bundled libraries."""
    family, number = _split(version)
    if family not in MAX_VERSIONS:
        return True
    # A name without a number, such as GLIBC_ABI_DT_RELR, is a feature newer than glibc 2.34, or a private symbol.
    return number is not None and number <= MAX_VERSIONS[family]


def _newest(version: str) -> str:
    family, _ = _split(version)
    return f"{family}_{'.'.join(map(str, MAX_VERSIONS[family]))}"


def _split(version: str) -> tuple[str, tuple[int, ...] | None]:
    """Return ("GLIBC", (2, 28)) for "GLIBC_2.28"; the number is None if the rest is not a dotted number."""
    family, _, rest = version.partition("_")
    return family, tuple(map(int, rest.split("."))) if re.fullmatch(r"\d+(\.\d+)*", rest) else None
