"""Files of the installed packages that the layer leaves out, with the reason for each.

A pattern is matched against the path inside the layer's `python/`; `*` also matches `/`. The first rule that matches a
file removes it. A rule that matches no remaining file is an error: the package no longer has the files that the rule
was written for. Check this table when a version changes.
"""

import fnmatch
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from layer import amazon_linux, elf


class Rule(NamedTuple):
    """Files to remove.

    Attributes:
        pattern: the files.
        reason: why the function does not need them.
        keep: patterns of files that stay.
    """

    pattern: str
    reason: str
    keep: tuple[str, ...] = ()


class Removed(NamedTuple):
    """Files that a rule removed."""

    reason: str
    files: int
    size: int  # bytes


class StaleRule(Exception):
    """A rule of the table matches no file."""


# The formats that the function opens, and those that Pillow imports for them: PPM is one of the five that Pillow loads
# before all others, and a JPEG of a phone with a preview or a depth map inside is an MPO.
PLUGINS = tuple(
    f"PIL/{name}ImagePlugin.py" for name in ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP")
)
LICENSES = ("*.dist-info/licenses/*",)  # required for redistribution
ORT_CAPI = tuple(
    f"onnxruntime/capi/{name}"
    for name in (
        "__init__.py",
        "_ld_preload.py",
        "_pybind_state.py",
        "build_and_package_info.py",
        "libonnxruntime_providers_shared.so",  # 15 KB; without it each import logs "Init provider bridge failed"
        "onnxruntime_inference_collection.py",
        "onnxruntime_pybind11_state.*.so",
        "onnxruntime_validation.py",
    )
)

RULES = (
    Rule("bin/*", "command-line tools"),
    Rule("*.dist-info/*", "metadata for pip; no module of the layer reads it", LICENSES),
    Rule("*.pyi", "type stubs"),
    Rule("*/py.typed", "marker for type checkers"),
    Rule("numpy/tests/*", "tests of the package itself"),
    Rule("numpy/*/tests/*", "tests of the package itself"),
    Rule("numpy/conftest.py", "tests of the package itself"),
    Rule("numpy/_core/_*_tests.*.so", "compiled helpers of the tests"),
    Rule("numpy/_core/_simd.*.so", "calls each SIMD instruction for the tests; no other module imports it"),
    Rule("numpy/testing/*", "helpers for tests; imported at the first access to numpy.testing"),
    Rule("numpy/typing/mypy_plugin.py", "a plugin for a type checker"),
    Rule("numpy/_core/include/*", "C headers, for building other packages"),
    Rule("numpy/_core/lib/*", "a static library, for building other packages"),
    Rule("numpy/_core/cversions.py", "build tool of numpy"),
    Rule("numpy/_configtool.py", "command-line tool"),
    Rule("numpy/_pyinstaller/*", "hooks for PyInstaller"),
    Rule("numpy/f2py/*", "wraps Fortran code; needs a compiler"),
    Rule("numpy/*.pxd", "declarations for Cython"),
    Rule("numpy/doc/*", "documentation"),
    Rule("numpy/random/*", "random numbers, not used by inference; imported at the first access to numpy.random"),
    Rule("numpy/fft/*", "Fourier transforms; imported at the first access to numpy.fft"),
    Rule("numpy/polynomial/*", "polynomial series; imported at the first access to numpy.polynomial"),
    Rule("numpy/ma/mrecords.py", "masked record arrays; the rest of numpy.ma stays, np.unique and np.median use it"),
    Rule("numpy/ma/testutils.py", "helpers for tests"),
    Rule("numpy/ma/*.txt", "documentation"),
    Rule("numpy/ma/*.rst", "documentation"),
    Rule("numpy/lib/recfunctions.py", "functions on record arrays; needs numpy.ma.mrecords"),
    Rule("numpy/ctypeslib/*", "arrays for ctypes; imported at the first access to numpy.ctypeslib"),
    Rule("numpy/core/*", "the old name of numpy._core, for old pickles"),
    Rule("numpy/matlib.py", "matrix functions, deprecated"),
    Rule("numpy/linalg/lapack_lite.*.so", "for the tests of a numpy without LAPACK; numpy.linalg uses _umath_linalg"),
    Rule(
        "onnxruntime/capi/libonnxruntime.so.*",
        "a second copy of the engine, for C programs; Python loads the other one",
    ),
    Rule("onnxruntime/capi/*", "adapter conversion, build information", ORT_CAPI),
    Rule("onnxruntime/backend/*", "the ONNX project's test interface"),
    Rule("onnxruntime/datasets/*", "three example models"),
    Rule("onnxruntime/quantization/*", "creates models; needs the onnx package"),
    Rule("onnxruntime/tools/*", "creates models; needs the onnx package"),
    Rule("onnxruntime/transformers/*", "creates models; needs the onnx package"),
    Rule("multipart/*", "the old name of python_multipart, which warns at the import"),
    Rule("PIL/*ImagePlugin.py", "formats that the function does not open", PLUGINS),
    Rule("PIL/_imagingcms.*.so", "color profiles: `yolo predict` ignores them too"),
    Rule("PIL/ImageCms.py", "color profiles: `yolo predict` ignores them too"),
    Rule("PIL/_imagingft.*.so", "TrueType fonts; labels are drawn from function/draw/glyphs.json"),
    Rule("PIL/_imagingtk.*.so", "Tk windows"),
    Rule("PIL/_tkinter_finder.py", "Tk windows"),
    Rule("PIL/ImageTk.py", "Tk windows"),
    Rule("PIL/ImageQt.py", "Qt windows"),
    Rule("PIL/ImageWin.py", "Windows windows"),
    Rule("PIL/ImageGrab.py", "screenshots"),
    Rule("PIL/ImageShow.py", "opens an image in the viewer of the desktop"),
    Rule("PIL/_imagingmath.*.so", "ImageMath, not used"),
    Rule("PIL/ImageMath.py", "expressions on images, not used"),
    Rule("PIL/_imagingmorph.*.so", "ImageMorph, not used"),
    Rule("PIL/ImageMorph.py", "morphology, not used"),
    Rule("PIL/PdfParser.py", "PDF"),
    Rule("PIL/PSDraw.py", "PostScript"),
    Rule("PIL/BdfFontFile.py", "converts bitmap fonts"),
    Rule("PIL/PcfFontFile.py", "converts bitmap fonts"),
    Rule("PIL/FontFile.py", "converts bitmap fonts"),
    Rule("PIL/GdImageFile.py", "a format that the function does not open"),
    Rule("PIL/WalImageFile.py", "a format that the function does not open"),
    Rule("PIL/TarIO.py", "images inside a tar file"),
    Rule("PIL/ContainerIO.py", "images inside a tar file"),
    Rule("PIL/__main__.py", "command-line report"),
    Rule("PIL/report.py", "command-line report"),
)

ORPHANS = "*.libs/*"  # removed last: bundled libraries that no remaining file is linked to


def trim(packages: Path, rules: tuple[Rule, ...] = RULES) -> dict[str, Removed]:
    """Remove the files that the layer leaves out from the installed packages.

    Args:
        packages: the folder of the installed packages.
        rules: applied in this order.

    Returns:
        The removed files of each rule, by its pattern, and those of the last step, by ORPHANS.

    Raises:
        StaleRule: a rule matches no file.
    """
    removed = {}
    files = {path.relative_to(packages).as_posix(): path for path in sorted(packages.rglob("*")) if path.is_file()}
    for rule in rules:
        names = matches(files, rule)
        if not names:
            raise StaleRule(
                f"trim rule {rule.pattern!r} ({rule.reason}) matches no file: remove it, or fix its pattern"
            )
        removed[rule.pattern] = _delete([files.pop(name) for name in names], rule.reason)
    removed[ORPHANS] = _delete(orphans(packages), "bundled libraries that no remaining file is linked to")
    for folder in sorted((path for path in packages.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return removed


def matches(names: Iterable[str], rule: Rule) -> list[str]:
    """Return the names of files, relative to the folder of the packages, that the rule removes, in their order."""
    listed = list(names)
    kept = {name for keep in rule.keep for name in fnmatch.filter(listed, keep)}
    return [name for name in fnmatch.filter(listed, rule.pattern) if name not in kept]


def orphans(packages: Path) -> list[Path]:
    """Return the bundled libraries (in folders `*.libs`) that no module needs, directly or through another library."""
    objects = amazon_linux.shared_objects(packages)
    libraries = {path.resolve() for path in objects if path.parent.suffix == ".libs"}
    queue = [path for path in objects if path.resolve() not in libraries]
    while queue:
        path = queue.pop()
        requirements = elf.read(path)
        needed = {amazon_linux.find_bundled(path, requirements, name) for name in requirements.needed} & libraries
        libraries -= needed
        queue.extend(library for library in needed if library)
    return sorted(libraries)


def _delete(paths: list[Path], reason: str) -> Removed:
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        path.unlink()
    return Removed(reason, len(paths), size)
