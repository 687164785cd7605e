"""Licenses of the layer's packages, and the libraries that their wheels bundle, for the bill of materials.

Wheels state only a part of this: pillow lists its libraries in a bill of materials of its own, numpy in a text, and
onnxruntime only names them. Tests compare this table with what the wheels state: check it when a version changes.
"""

from typing import NamedTuple

LICENSES = {  # package -> SPDX license expression, as its METADATA states it
    "onnxruntime": "MIT",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "pillow": "MIT-CMU",
    "python-multipart": "Apache-2.0",
}
INCOMPLETE = ("onnxruntime", "numpy", "pillow")  # they bundle more code than LIBRARIES has


class Library(NamedTuple):
    """A library inside a wheel.

    Attributes:
        package: the package of the wheel.
        name: the name of the library.
        version: None: the wheel does not state it.
        license: SPDX license expression.
        pattern: the file that is the library or contains it; `*` matches any text.
        is_static: the file contains the library beside other code, so the hash of the file is not that of the library.
    """

    package: str
    name: str
    version: str | None
    license: str
    pattern: str
    is_static: bool = False


ENGINE = "python/onnxruntime/capi/onnxruntime_pybind11_state.*.so"
ENGINE_ARM64 = "python/onnxruntime/capi/onnxruntime_pybind11_state.*aarch64*.so"
OPENBLAS = "python/numpy.libs/libscipy_openblas64_-*.so"
LIBS = "python/pillow.libs/"
LIBRARIES = (
    Library("onnxruntime", "Abseil", "20250814", "Apache-2.0", ENGINE, is_static=True),
    Library("onnxruntime", "cpp_client_telemetry", None, "Apache-2.0", ENGINE, is_static=True),
    Library("onnxruntime", "cpuinfo", None, "BSD-2-Clause", ENGINE, is_static=True),
    Library("onnxruntime", "curl", None, "curl", ENGINE, is_static=True),
    Library("onnxruntime", "Eigen", None, "MPL-2.0", ENGINE, is_static=True),
    Library("onnxruntime", "FlatBuffers", None, "Apache-2.0", ENGINE, is_static=True),
    Library("onnxruntime", "GSL", None, "MIT", ENGINE, is_static=True),
    Library("onnxruntime", "JSON for Modern C++", None, "MIT", ENGINE, is_static=True),
    Library("onnxruntime", "KleidiAI", None, "Apache-2.0", ENGINE_ARM64, is_static=True),
    Library("onnxruntime", "Mbed TLS", "3.6.5", "Apache-2.0 OR GPL-2.0-or-later", ENGINE, is_static=True),
    Library("onnxruntime", "ONNX", None, "Apache-2.0", ENGINE, is_static=True),
    Library("onnxruntime", "Protocol Buffers", None, "BSD-3-Clause", ENGINE, is_static=True),
    Library("onnxruntime", "pybind11", None, "BSD-3-Clause", ENGINE, is_static=True),
    Library("onnxruntime", "RE2", None, "BSD-3-Clause", ENGINE, is_static=True),
    Library("onnxruntime", "SafeInt", None, "MIT", ENGINE, is_static=True),
    Library("onnxruntime", "SQLite", "3.53.1", "blessing", ENGINE, is_static=True),
    Library("numpy", "OpenBLAS", "0.3.34.237.2", "BSD-3-Clause", OPENBLAS),
    Library("numpy", "LAPACK", None, "BSD-3-Clause-Open-MPI", OPENBLAS, is_static=True),
    Library("numpy", "libgfortran", None, "GPL-3.0-or-later WITH GCC-exception-3.1", OPENBLAS, is_static=True),
    Library("pillow", "libavif", "1.4.2", "BSD-2-Clause", LIBS + "libavif-*"),
    Library("pillow", "AOM", None, "BSD-2-Clause", LIBS + "libavif-*", is_static=True),
    Library("pillow", "dav1d", "1.5.3", "BSD-2-Clause", LIBS + "libavif-*", is_static=True),
    Library("pillow", "libyuv", None, "BSD-3-Clause", LIBS + "libavif-*", is_static=True),
    Library("pillow", "libjpeg-turbo", "3.2.0", "IJG AND BSD-3-Clause", LIBS + "libjpeg-*"),
    Library("pillow", "liblzma", "5.8.4", "0BSD", LIBS + "liblzma-*"),
    Library("pillow", "OpenJPEG", "2.5.4", "BSD-2-Clause", LIBS + "libopenjp2-*"),
    Library("pillow", "libtiff", "4.7.2", "libtiff", LIBS + "libtiff-*"),
    Library("pillow", "libwebp", "1.6.0", "BSD-3-Clause", LIBS + "libwebp-*"),
    Library("pillow", "libsharpyuv", "1.6.0", "BSD-3-Clause", LIBS + "libsharpyuv-*"),
    Library("pillow", "libwebpdemux", "1.6.0", "BSD-3-Clause", LIBS + "libwebpdemux-*"),
    Library("pillow", "libwebpmux", "1.6.0", "BSD-3-Clause", LIBS + "libwebpmux-*"),
    Library("pillow", "libXau", "1.0.9", "MIT-open-group", LIBS + "libXau-*"),
    Library("pillow", "libxcb", "1.17.0", "X11", LIBS + "libxcb-*"),
    Library("pillow", "Zstandard", "1.5.7", "BSD-3-Clause", LIBS + "libzstd-*"),
    Library("pillow", "pythoncapi-compat", None, "0BSD", "python/PIL/_imaging.*.so", is_static=True),
)
# In function.zip: outlines of the font, of which scripts/glyphs makes the file.
FONT = Library("function", "DejaVu Sans Condensed Bold", "2.37", "Bitstream-Vera", "function/draw/glyphs.json")
