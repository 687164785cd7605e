"""What of the installed packages is not shipped, and why. The table to look at when a version changes.

A pattern is matched against the path inside the layer's `python/`; `*` crosses folders. Each file goes by the first
rule that matches it, and a rule that finds nothing left to take is an error: it has outlived the version it was
written for.
"""

import fnmatch
from pathlib import Path
from typing import NamedTuple

from layer import amazon_linux, elf


class Rule(NamedTuple):
    """Files that may go: `pattern` but none of `keep`, because of `why`."""

    pattern: str
    why: str
    keep: tuple[str, ...] = ()


class Trimmed(NamedTuple):
    """What a rule took."""

    why: str
    files: int
    size: int  # bytes


class StaleRule(Exception):
    """A rule of the table takes nothing."""


# What the function opens, and what pillow imports for those: PPM is among the five that it loads before any other, and
# a phone's JPEG with a preview or a depth map inside is an MPO.
PLUGINS = tuple(f"PIL/{name}ImagePlugin.py" for name in ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP"))
LICENCES = ("*.dist-info/licenses/*",)  # redistribution asks for them
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
    Rule("*.dist-info/*", "what pip needs to know; nothing here asks for a package's metadata", LICENCES),
    Rule("*.pyi", "types for a type checker"),
    Rule("*/py.typed", "a mark for type checkers"),
    Rule("numpy/tests/*", "tests of the package itself"),
    Rule("numpy/*/tests/*", "tests of the package itself"),
    Rule("numpy/conftest.py", "tests of the package itself"),
    Rule("numpy/_core/_*_tests.*.so", "compiled helpers of the tests"),
    Rule("numpy/_core/_simd.*.so", "lets the tests call each SIMD instruction; nothing else imports it"),
    Rule("numpy/testing/*", "helpers for tests; imported when numpy.testing is first touched"),
    Rule("numpy/typing/mypy_plugin.py", "a plugin for a type checker"),
    Rule("numpy/_core/include/*", "C headers, for building other packages"),
    Rule("numpy/_core/lib/*", "a static library, for building other packages"),
    Rule("numpy/_core/cversions.py", "build tool of numpy itself"),
    Rule("numpy/_configtool.py", "command-line tool"),
    Rule("numpy/_pyinstaller/*", "hooks for PyInstaller"),
    Rule("numpy/f2py/*", "wraps Fortran code; needs a compiler"),
    Rule("numpy/*.pxd", "declarations for Cython"),
    Rule("numpy/doc/*", "documentation"),
    Rule("numpy/random/*", "random numbers: inference draws none; imported when numpy.random is first touched"),
    Rule("numpy/fft/*", "Fourier transforms; imported when numpy.fft is first touched"),
    Rule("numpy/polynomial/*", "polynomial series; imported when numpy.polynomial is first touched"),
    Rule("numpy/ma/mrecords.py", "masked record arrays; the rest of numpy.ma stays, np.unique and np.median use it"),
    Rule("numpy/ma/testutils.py", "helpers for tests"),
    Rule("numpy/ma/*.txt", "documentation"),
    Rule("numpy/ma/*.rst", "documentation"),
    Rule("numpy/lib/recfunctions.py", "functions on record arrays; needs numpy.ma.mrecords"),
    Rule("numpy/ctypeslib/*", "arrays for ctypes; imported when numpy.ctypeslib is first touched"),
    Rule("numpy/core/*", "the old name of numpy._core, for old pickles"),
    Rule("numpy/matlib.py", "matrix functions, deprecated"),
    Rule("numpy/linalg/lapack_lite.*.so", "for the tests of a numpy without LAPACK; numpy.linalg uses _umath_linalg"),
    Rule("onnxruntime/capi/libonnxruntime.so.*", "the engine a second time, for C programs; Python loads the other"),
    Rule("onnxruntime/capi/*", "adapter conversion, build information", ORT_CAPI),
    Rule("onnxruntime/backend/*", "the ONNX project's test interface"),
    Rule("onnxruntime/datasets/*", "three example models"),
    Rule("onnxruntime/quantization/*", "makes models; needs the onnx package"),
    Rule("onnxruntime/tools/*", "makes models; needs the onnx package"),
    Rule("onnxruntime/transformers/*", "makes models; needs the onnx package"),
    Rule("PIL/*ImagePlugin.py", "formats that the function does not open", PLUGINS),
    Rule("PIL/_avif.*.so", "AVIF, with its 5 MB decoder and encoder"),
    Rule("PIL/_imagingcms.*.so", "color profiles: `yolo predict` ignores them too"),
    Rule("PIL/ImageCms.py", "color profiles: `yolo predict` ignores them too"),
    Rule("PIL/_imagingft.*.so", "TrueType fonts; labels are drawn in the bitmap font inside ImageFont.py"),
    Rule("PIL/_imagingtk.*.so", "Tk windows"),
    Rule("PIL/_tkinter_finder.py", "Tk windows"),
    Rule("PIL/ImageTk.py", "Tk windows"),
    Rule("PIL/ImageQt.py", "Qt windows"),
    Rule("PIL/ImageWin.py", "Windows windows"),
    Rule("PIL/ImageGrab.py", "screenshots"),
    Rule("PIL/ImageShow.py", "opens a picture in the desktop's viewer"),
    Rule("PIL/_imagingmath.*.so", "ImageMath, not used"),
    Rule("PIL/ImageMath.py", "expressions on pictures, not used"),
    Rule("PIL/_imagingmorph.*.so", "ImageMorph, not used"),
    Rule("PIL/ImageMorph.py", "morphology, not used"),
    Rule("PIL/PdfParser.py", "PDF"),
    Rule("PIL/PSDraw.py", "PostScript"),
    Rule("PIL/BdfFontFile.py", "converts bitmap fonts"),
    Rule("PIL/PcfFontFile.py", "converts bitmap fonts"),
    Rule("PIL/FontFile.py", "converts bitmap fonts"),
    Rule("PIL/GdImageFile.py", "a format that the function does not open"),
    Rule("PIL/WalImageFile.py", "a format that the function does not open"),
    Rule("PIL/TarIO.py", "pictures inside a tar file"),
    Rule("PIL/ContainerIO.py", "pictures inside a tar file"),
    Rule("PIL/__main__.py", "command-line report"),
    Rule("PIL/report.py", "command-line report"),
)

ORPHANS = "*.libs/*"  # the last to go: bundled libraries that nothing left is linked to


def trim(tree: Path, rules: tuple[Rule, ...] = RULES) -> dict[str, Trimmed]:
    """Deletes what is not shipped from the installed packages at `tree`.

    Returns:
        What each rule took, by its pattern; what the last step took, under ORPHANS.

    Raises:
        StaleRule: a rule took nothing.
    """
    taken = {}
    for rule in rules:
        doomed = matches(tree, rule)
        if not doomed:
            raise StaleRule(f"trim rule {rule.pattern!r} ({rule.why}) takes no file: remove it, or mend its pattern")
        taken[rule.pattern] = _delete(doomed, rule.why)
    taken[ORPHANS] = _delete(orphans(tree), "libraries that nothing left is linked to")
    for folder in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return taken


def matches(tree: Path, rule: Rule) -> list[Path]:
    """The files below `tree` that the rule would take now, sorted."""
    names = {path.relative_to(tree).as_posix(): path for path in sorted(tree.rglob("*")) if path.is_file()}
    kept = {name for keep in rule.keep for name in fnmatch.filter(names, keep)}
    return [names[name] for name in fnmatch.filter(names, rule.pattern) if name not in kept]


def orphans(tree: Path) -> list[Path]:
    """The bundled libraries (in a folder `*.libs`) that no module outside those needs, directly or through another."""
    objects = amazon_linux.shared_objects(tree)
    libraries = {path.resolve() for path in objects if path.parent.suffix == ".libs"}
    queue = [path for path in objects if path.resolve() not in libraries]
    while queue:
        path = queue.pop()
        asks = elf.read(path)
        needed = {amazon_linux.bundled(path, asks, name) for name in asks.needed} & libraries
        libraries -= needed
        queue.extend(library for library in needed if library)
    return sorted(libraries)


def _delete(doomed: list[Path], why: str) -> Trimmed:
    size = sum(path.stat().st_size for path in doomed)
    for path in doomed:
        path.unlink()
    return Trimmed(why, len(doomed), size)
