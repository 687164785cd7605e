"""`python -m layer.pin`: write the hashes into requirements.txt, and the wheel of each target into wheels.json.

To change a version, edit its number there and run this command. It downloads every wheel of every target (about 300 MB)
and computes the hashes itself; it does not use the hashes of the package index.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from layer.targets import TARGETS, Target, pip_options

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
WHEELS = Path(__file__).with_name("wheels.json")  # package -> target -> file and sha256; the bill of materials reads it
HEADER = """\
# What the layer holds, pinned; the hashes are those of the Linux wheels of x86_64 and arm64 for each Python in
# layer/targets.py, and of nothing else. Written by `python -m layer.pin`: edit a version, then run it.
# Their own dependencies (flatbuffers, packaging, protobuf) are not needed to run a model: install with --no-deps.
"""


class Wheel(NamedTuple):
    """A wheel of the package index: its file name and sha256, hexadecimal."""

    file: str
    sha256: str


def versions(text: str) -> dict[str, str]:
    """Return the packages and versions of a requirements file, in its order, such as {"numpy": "2.5.5"}."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", text, re.MULTILINE))


def render(pins: dict[str, str], hashes: dict[str, set[str]]) -> str:
    """Return the text of a requirements file.

    Args:
        pins: package -> version.
        hashes: package -> the sha256 of each wheel, hexadecimal.
    """
    blocks = [
        " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in sorted(hashes[name]))])
        for name, version in pins.items()
    ]
    return HEADER + "\n".join(blocks) + "\n"


def wheels(target: Target, pins: dict[str, str]) -> dict[str, Wheel]:
    """Download the wheels that pip chooses for `target`; return package -> wheel."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        requirements = [f"{name}=={version}" for name, version in pins.items()]
        subprocess.run([*pip, *pip_options(target), "--dest", folder, *requirements], check=True)
        return {
            path.name.split("-")[0].replace("_", "-").lower(): Wheel(
                path.name, hashlib.sha256(path.read_bytes()).hexdigest()
            )
            for path in Path(folder).glob("*.whl")
        }


def pinned_wheels(target: Target) -> dict[str, Wheel]:
    """Return package -> the wheel that the build installs for `target`, from wheels.json."""
    packages = json.loads(WHEELS.read_text(encoding="utf-8"))
    return {name: Wheel(**by_target[str(target)]) for name, by_target in packages.items() if str(target) in by_target}


def main() -> None:
    """Update the hashes of requirements.txt and wheels.json for the versions in requirements.txt."""
    pins = versions(REQUIREMENTS.read_text(encoding="utf-8"))
    chosen: dict[str, dict[str, Wheel]] = {name: {} for name in pins}
    for target in TARGETS:
        sys.stderr.write(f"{target}: downloading {', '.join(pins)}\n")
        for name, wheel in wheels(target, pins).items():
            chosen[name][str(target)] = wheel
    hashes = {name: {wheel.sha256 for wheel in by_target.values()} for name, by_target in chosen.items()}
    REQUIREMENTS.write_text(render(pins, hashes), encoding="utf-8")
    listed = {
        name: {target: wheel._asdict() for target, wheel in by_target.items()} for name, by_target in chosen.items()
    }
    WHEELS.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
