"""What Amazon Linux 2023, as Lambda's Python runtimes carry it, offers to a shared object; and the check against it."""

import re
from collections.abc import Iterator
from pathlib import Path

from layer import elf

# Of each family of symbol versions, the highest there.
CEILINGS = {
    "GLIBC": (2, 34),  # glibc 2.34
    "GLIBCXX": (3, 4, 29),  # libstdc++ of GCC 11
    "CXXABI": (1, 3, 13),  # libstdc++ of GCC 11
    "GCC": (11, 0),  # libgcc_s of GCC 11
    "ZLIB": (1, 2, 9),  # the newest symbols of zlib 1.2.11
}
# Libraries of the runtime that the three packages use: glibc's own, libstdc++ and libgcc_s (onnxruntime and numpy are
# known to import there with them), and zlib, which Lambda's Python itself is linked to.
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


class UnfitLayer(Exception):
    """Shared objects that Lambda could not load; the message lists each with its reason."""


def shared_objects(folder: Path) -> list[Path]:
    """The ELF files below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and elf.is_elf(path))


def check(folder: Path, arch: str) -> int:
    """How many shared objects lie below `folder`, all of which Lambda can load.

    Raises:
        UnfitLayer: for at least one of them that is not so.
    """
    paths = shared_objects(folder)
    found = [f"  {path.relative_to(folder)}: {what}" for path in paths for what in complaints(path, arch)]
    if found:
        raise UnfitLayer(f"Lambda on {arch} (Amazon Linux 2023) cannot load:\n" + "\n".join(found))
    return len(paths)


def complaints(path: Path, arch: str) -> Iterator[str]:
    """Each reason for which Lambda could not load the shared object; none if it can."""
    try:
        asks = elf.read(path)
    except elf.ElfError as error:
        yield str(error)
        return
    if asks.machine != MACHINES[arch]:
        yield f"is for machine {asks.machine}; {arch} is {MACHINES[arch]}"
    for version in sorted(asks.versions):
        if not _offered(version):
            yield f"asks for {version}; the newest there is {_newest(version)}"
    for name in asks.needed:
        if name not in LIBRARIES and bundled(path, asks, name) is None:
            yield f"needs {name}, which neither the layer nor the runtime has"


def bundled(path: Path, asks: elf.Elf, name: str) -> Path | None:
    """The library `name` where the loader would find it for the shared object at `path`, or None.

    Only folders that are given in relation to the object itself count: any other is one of the machine it was built on.
    """
    for folder in asks.search:
        origin, _, below = folder.replace("${ORIGIN}", "$ORIGIN").partition("/")
        found = path.parent / below / name
        if origin == "$ORIGIN" and found.is_file():
            return found.resolve()
    return None


def _offered(version: str) -> bool:
    """Whether the runtime has a symbol version; one of a family that is not in the table is its library's own."""
    family, number = _split(version)
    if family not in CEILINGS:
        return True
    # A name with no number, such as GLIBC_ABI_DT_RELR, marks a feature newer than glibc 2.34, or a private symbol.
    return number is not None and number <= CEILINGS[family]


def _newest(version: str) -> str:
    family, _ = _split(version)
    return f"{family}_{'.'.join(map(str, CEILINGS[family]))}"


def _split(version: str) -> tuple[str, tuple[int, ...] | None]:
    """("GLIBC", (2, 28)) of "GLIBC_2.28"; no number if what follows is not one."""
    family, _, rest = version.partition("_")
    return family, tuple(map(int, rest.split("."))) if re.fullmatch(r"\d+(\.\d+)*", rest) else None
