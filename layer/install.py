"""requirements.txt -> a folder of packages for any target, by the pip of whatever Python runs this."""

import subprocess
import sys
from pathlib import Path

from layer.pin import REQUIREMENTS
from layer.targets import Target, pip_options


class InstallFailed(Exception):
    """pip found no such wheel, or one whose hash is another; what it said is in the message."""


def install(target: Target, folder: Path) -> None:
    """Puts the pinned packages for `target` into `folder`, without their dependencies and without bytecode.

    Raises:
        InstallFailed: pip could not do it.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command = [*pip, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS), "--target", str(folder)]
    done = subprocess.run([*command, *pip_options(target)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise InstallFailed(f"pip could not install layer/requirements.txt for {target}:\n{done.stderr.strip()}")
