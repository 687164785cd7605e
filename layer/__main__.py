"""`python -m layer --arch ARCH --python VERSION --out FOLDER`: the packages of the layer, without a zip.

This is what runs inside the build image (layer/Dockerfile); scripts/build_zip.sh calls the same code.
"""

import argparse
import sys
from pathlib import Path

from layer import build
from layer.amazon_linux import UnfitLayer
from layer.build import InstallFailed
from layer.bytecode import CompileFailed
from layer.targets import DEFAULT_ARCH, MACHINES, PYTHONS, Target
from layer.trim import StaleRule

FAILURES = (InstallFailed, StaleRule, UnfitLayer, CompileFailed)


def main() -> int:
    """Fills FOLDER for the Python that runs this; 1 if that did not work out."""
    own = ".".join(map(str, sys.version_info[:2]))
    parser = argparse.ArgumentParser(prog="python -m layer", description=__doc__)
    parser.add_argument("--arch", choices=list(MACHINES), default=DEFAULT_ARCH)
    parser.add_argument("--python", choices=PYTHONS, default=own)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="empty, or not there yet")
    given = parser.parse_args()
    if given.python != own:
        parser.error(f"runs on Python {own}, whose bytecode is not that of {given.python}")
    given.out.mkdir(parents=True, exist_ok=True)
    if any(given.out.iterdir()):
        parser.error(f"{given.out} is not empty")
    try:
        build.make(Target(given.arch, given.python), Path(sys.executable), given.out)
    except FAILURES as error:
        sys.stderr.write(f"layer: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
