"""The same build inside Amazon Linux's own image, by docker (layer/Dockerfile)."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from layer.targets import Target

ROOT = Path(__file__).resolve().parent.parent.parent
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
WITHOUT = "Leave out --container: the same code makes the same packages without it"


class ContainerFailed(Exception):
    """docker is not there, does not run, or its build failed."""


class ContainerBuild(NamedTuple):
    """Folders: the layer's packages, and one with `function/` in it; both compiled."""

    packages: Path
    function: Path


def build(target: Target, folder: Path) -> ContainerBuild:
    """Builds for `target` and puts the result into the empty `folder`.

    Raises:
        ContainerFailed: docker's build failed, and has said why.
    """
    done = subprocess.run(command(target, folder), cwd=ROOT, check=False)
    if done.returncode:
        raise ContainerFailed(f"`docker buildx build` ended with exit code {done.returncode}; its output is above")
    return ContainerBuild(folder / "python", folder / "task")


def command(target: Target, folder: Path) -> list[str]:
    """The call of docker, to be made in the project's root."""
    arguments = ["--build-arg", f"PYTHON={target.python}", "--build-arg", f"ARCH={target.arch}"]
    return [
        *("docker", "buildx", "build", "--platform", PLATFORMS[target.arch], "--file", "layer/Dockerfile"),
        *(*arguments, "--output", f"type=local,dest={folder}", "."),
    ]


def require() -> None:
    """Makes sure that docker can build.

    Raises:
        ContainerFailed: it is not there, or does not run.
    """
    if not shutil.which("docker"):
        raise ContainerFailed(f"--container needs docker, which is not on this machine. {WITHOUT}.")
    for arguments, missing in (
        (("version", "--format", "{{.Server.Version}}"), "docker's engine, which does not answer"),
        (("buildx", "version"), "docker's buildx, which is not installed"),
    ):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ContainerFailed(f"--container needs {missing} ({said[-1] if said else 'no message'}). {WITHOUT}.")
