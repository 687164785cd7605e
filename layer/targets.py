"""The machines that a layer can be built for. Names only: nothing is looked up."""

from typing import NamedTuple

# Lambda's Pythons on Amazon Linux 2023 for which all three packages have wheels. 3.10 and 3.11 run on Amazon Linux 2
# (glibc 2.26), which is too old for them; onnxruntime 1.31.1 has no wheel for 3.15.
PYTHONS = ("3.12", "3.13", "3.14")
DEFAULT_PYTHON = "3.13"

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's name -> the kernel's and the wheels'
DEFAULT_ARCH = "x86_64"

# pip does not widen a --platform to older tags, so each is named. 2_28 alone finds no numpy, 2_27 alone silently an
# older onnxruntime, and manylinux2014 alone, which AWS's documentation says to use, none at all.
MANYLINUX = ("manylinux_2_28", "manylinux_2_27", "manylinux2014")


class Target(NamedTuple):
    """One kind of Lambda machine: `arch` as Lambda writes it (x86_64, arm64), `python` as "3.13"."""

    arch: str
    python: str

    def __str__(self) -> str:
        return f"{self.arch}-python{self.python}"


TARGETS = tuple(Target(arch, python) for arch in MACHINES for python in PYTHONS)


def pip_options(target: Target) -> list[str]:
    """What makes pip choose wheels for `target` on any machine."""
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", target.python]
    for tag in MANYLINUX:
        options += ["--platform", f"{tag}_{MACHINES[target.arch]}"]
    return options
