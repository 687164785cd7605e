"""The architectures and Python versions that a layer can be built for."""

from typing import NamedTuple

# The Python runtimes of Lambda on Amazon Linux 2023 for which all packages have wheels. The runtimes 3.10 and
# 3.11 are on Amazon Linux 2, whose glibc 2.26 is too old for the packages; onnxruntime 1.31.1 has no wheel for 3.15.
PYTHONS = ("3.12", "3.13", "3.14")
DEFAULT_PYTHON = "3.13"

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's name -> the name in the kernel and in wheel tags
DEFAULT_ARCH = "x86_64"

# pip does not extend a --platform to older tags, so each tag is listed. 2_28 alone finds no numpy; 2_27 alone installs
# an older onnxruntime without a message; manylinux2014 alone, recommended by the AWS documentation, finds none of them.
MANYLINUX = ("manylinux_2_28", "manylinux_2_27", "manylinux2014")

OTHER_NAMES = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}  # of the architectures


def arch_name(text: str) -> str:
    """Return Lambda's name of an architecture; another text as it is."""
    name = text.strip().lower()
    return OTHER_NAMES.get(name, name)


def python_version(text: str) -> str:
    """Return the version in `3.13` or `python3.13`."""
    return text.strip().lower().removeprefix("python")


class Target(NamedTuple):
    """Architecture and Python version of a Lambda function.

    Attributes:
        arch: Lambda's name: "x86_64" or "arm64".
        python: version without the patch number, such as "3.13".
    """

    arch: str
    python: str

    def __str__(self) -> str:
        return f"{self.arch}-python{self.python}"


TARGETS = tuple(Target(arch, python) for arch in MACHINES for python in PYTHONS)


def pip_options(target: Target) -> list[str]:
    """Return the options that make pip choose the wheels of `target` on any machine."""
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", target.python]
    for tag in MANYLINUX:
        options += ["--platform", f"{tag}_{MACHINES[target.arch]}"]
    return options
