"""`python -m layer.pin`: write the hashes into requirements.txt.

To change a version, edit its number there and run this command. It downloads every wheel of every target (about 300 MB)
and computes the hashes itself; it does not use the hashes of the package index.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from layer.targets import TARGETS, Target, pip_options

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
HEADER = """\
# What the layer holds, pinned; the hashes are those of the Linux wheels of x86_64 and arm64 for each Python in
# layer/targets.py, and of nothing else. Written by `python -m layer.pin`: edit a version, then run it.
# Their own dependencies (flatbuffers, packaging, protobuf) are not needed to run a model: install with --no-deps.
"""


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


def wheel_hashes(target: Target, pins: dict[str, str]) -> dict[str, str]:
    """Download the wheels that pip chooses for `target`; return package -> sha256."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        requirements = [f"{name}=={version}" for name, version in pins.items()]
        subprocess.run([*pip, *pip_options(target), "--dest", folder, *requirements], check=True)
        return {
            wheel.name.split("-")[0].replace("_", "-").lower(): hashlib.sha256(wheel.read_bytes()).hexdigest()
            for wheel in Path(folder).glob("*.whl")
        }


def main() -> None:
    """Update the hashes of requirements.txt for the versions in it."""
    pins = versions(REQUIREMENTS.read_text(encoding="utf-8"))
    hashes: dict[str, set[str]] = {name: set() for name in pins}
    for target in TARGETS:
        sys.stderr.write(f"{target}: downloading {', '.join(pins)}\n")
        for name, digest in wheel_hashes(target, pins).items():
            hashes[name].add(digest)
    REQUIREMENTS.write_text(render(pins, hashes), encoding="utf-8")


if __name__ == "__main__":
    main()
