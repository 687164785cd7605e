"""Build in the image of Amazon Linux 2023, with docker (layer/Dockerfile)."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from layer.targets import Target

ROOT = Path(__file__).resolve().parent.parent.parent
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
WITHOUT = "Leave out --container: the same code builds the same packages without docker"


class ContainerFailed(Exception):
    """docker is not installed, does not run, or its build failed."""


class ContainerBuild(NamedTuple):
    """Folders with bytecode: the layer's packages, and one with `function/` in it."""

    packages: Path
    function: Path


def build(target: Target, staged: Path, folder: Path) -> ContainerBuild:
    """Build for `target` and write the result to the empty `folder`.

    Args:
        target: architecture and Python of the function.
        staged: folder with the sources of `function/` in it.
        folder: gets the packages and the compiled function.

    Raises:
        ContainerFailed: docker's build failed and has printed the reason.
    """
    done = subprocess.run(command(target, staged, folder), cwd=ROOT, check=False)
    if done.returncode:
        raise ContainerFailed(f"`docker buildx build` failed with exit code {done.returncode}; its output is above")
    return ContainerBuild(folder / "python", folder / "task")


def command(target: Target, staged: Path, folder: Path) -> list[str]:
    """Return the docker command, which must run in the root of the project."""
    arguments = ["--build-arg", f"PYTHON={target.python}", "--build-arg", f"ARCH={target.arch}"]
    return [
        *("docker", "buildx", "build", "--platform", PLATFORMS[target.arch], "--file", "layer/Dockerfile"),
        *(*arguments, "--build-context", f"staged={staged}", "--output", f"type=local,dest={folder}", "."),
    ]


def require() -> None:
    """Raise ContainerFailed if docker is not installed or cannot build."""
    if not shutil.which("docker"):
        raise ContainerFailed(f"--container needs docker, which is not on this machine. {WITHOUT}.")
    for arguments, missing in (
        (("version", "--format", "{{.Server.Version}}"), "a running docker engine"),
        (("buildx", "version"), "docker buildx"),
    ):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            reported = lines[-1] if lines else "no message"
            raise ContainerFailed(f"--container needs {missing}, got: {reported}. {WITHOUT}.")
