"""Both commands of README on clean machines: they do what README says, or say in one line what is missing.

The path of every checkout has spaces and letters beyond ASCII. uv does not download: a stand-in has no network, or
links a Python of this machine. `scripts/test.sh --long` runs these tests.
"""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import pythons
from tests.clean.machine import NO_NETWORK, Machine, disk_usage
from tests.conftest import encode, image_with_box
from tests.support import color_model

pytestmark = [pytest.mark.long, pytest.mark.build]
BUILD = "scripts/build_zip.sh"
# Bytes of the whole checkout after the first command, for an .onnx and for a .pt.
MOST_DISK, MOST_DISK_WITH_TORCH = 350e6, 2e9
MOST_SECONDS = 60  # of an .onnx from a fresh clone, on two cores that do nothing else


@pytest.fixture
def make_machine(tmp_path: Path) -> Iterator[Callable[[str | None], Machine]]:
    """Make a machine with a Python, and a model and an image in its home."""

    def make(version: str | None) -> Machine:
        if version and not pythons.find(version):
            pytest.skip(f"Python {version} is not on this machine")
        machine = Machine(tmp_path, version)
        color_model.save(machine.home / "colors.onnx")
        (machine.home / "red.png").write_bytes(encode(image_with_box()))
        return machine

    yield make
    shutil.rmtree(tmp_path, ignore_errors=True)  # an environment is large, and pytest keeps the folders of three runs


def build(machine: Machine, *options: str, **environ: str) -> tuple[int, str, list[str]]:
    """Build the model of the machine; return the exit code, the output and the lines of standard error."""
    done = machine.run(BUILD, str(machine.home / "colors.onnx"), *options, **environ)
    return done.code, done.stdout, done.errors


def bytecode_tags(machine: Machine) -> set[str]:
    """Return the tags of the bytecode in both zips: `cpython-313`."""
    names = []
    for name in ("layer.zip", "function.zip"):
        with zipfile.ZipFile(machine.checkout / "dist" / name) as archive:
            names += archive.namelist()
    return {name.split(".")[-2] for name in names if name.endswith(".pyc")}


def manifest_python(machine: Machine) -> str:
    python: str = json.loads((machine.checkout / "dist" / "build.json").read_text())["python"]
    return python


def test_python_3_9_without_network_says_what_is_missing(make_machine: Callable[..., Machine]) -> None:
    code, stdout, errors = build(make_machine("3.9"), **NO_NETWORK)
    assert (code, stdout) == (2, "")
    assert errors[-1].startswith("environments: the environment build must have one of Python 3.13, 3.12, 3.14, 3.11")
    assert "uv python install 3.13" in errors[-1]
    assert len(errors) <= 3, errors  # the attempt with uv, and its failure


def test_without_python_one_line_says_so(make_machine: Callable[..., Machine]) -> None:
    assert build(make_machine(None)) == (2, "", ["build_zip: python3 must be Python 3.9 or later, got none"])


def test_a_new_environment_without_network_is_one_line(make_machine: Callable[..., Machine]) -> None:
    code, stdout, errors = build(make_machine("3.13"), **NO_NETWORK)
    assert (code, stdout) == (2, "")
    assert errors[-1].startswith("environments: the package index cannot be reached; HTTPS_PROXY sets a proxy")
    assert len(errors) == 2, errors  # "setting up ..." is the other one


def test_python_3_9_with_uv_builds_for_3_13(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine("3.9")
    machine.with_uv("3.13")
    code, stdout, errors = build(machine)
    assert code == 0, stdout + "\n".join(errors)
    assert (manifest_python(machine), bytecode_tags(machine)) == ("3.13", {"cpython-313"})


def test_python_3_11_alone_builds_zips_without_bytecode_and_says_so(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine("3.11")
    code, stdout, errors = build(machine)
    assert code == 0, stdout + "\n".join(errors)
    assert "Python 3.13 is not on this machine, so the zips have no bytecode" in stdout
    assert (manifest_python(machine), bytecode_tags(machine)) == ("3.13", set())


def test_python_3_12_alone_builds_for_3_12_and_says_so(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine("3.12")
    code, stdout, errors = build(machine, "--try", str(machine.home / "red.png"))
    assert code == 0, stdout + "\n".join(errors)
    assert "the zips are for the runtime python3.12, and do not run on python3.13" in stdout
    assert (manifest_python(machine), bytecode_tags(machine)) == ("3.12", {"cpython-312"})


def test_python_3_13_alone_does_what_readme_says_also_without_network_later(
    make_machine: Callable[..., Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    machine = make_machine("3.13")
    model, image = str(machine.home / "colors.onnx"), str(machine.home / "red.png")
    first = machine.run(BUILD, model)
    assert first.code == 0, first
    used = disk_usage(machine.checkout)
    with capsys.disabled():
        print(f"\nan .onnx from a fresh clone: {first.seconds:.0f} s, {used / 1e6:.0f} MB")  # noqa: T201
    assert used <= MOST_DISK
    if os.getloadavg()[0] < 1:
        assert first.seconds < MOST_SECONDS
    assert bytecode_tags(machine) == {"cpython-313"}
    tried = machine.run(BUILD, model, "--try", image)
    assert tried.code == 0, tried
    assert (machine.checkout / "dist" / "try" / "red.jpg").is_file()
    offline = machine.run(BUILD, model, "--try", image, **NO_NETWORK)
    assert offline.code == 0, offline
    deployed = machine.run("scripts/deploy.sh", "--create-role", **NO_NETWORK)
    assert deployed.code == 2, deployed
    assert len(deployed.errors) == 1
    assert "aws" in deployed.errors[0]


def read_only(checkout: Path) -> list[str]:
    """Return a command prefix that makes a checkout read-only for the command, or skip."""
    if os.geteuid():
        subprocess.run(["chmod", "-R", "a-w", str(checkout)], check=True)
        return []
    prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"']
    prefix = [str(shutil.which(prefix[0])), *prefix[1:], str(checkout)]
    done = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"root can write to any folder, and a read-only mount is not possible: {done.stderr.strip()}")
    return prefix


def test_a_read_only_checkout_names_the_variable_that_helps(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine("3.13")
    (machine.programs / "mount").symlink_to(str(shutil.which("mount")))
    prefix = read_only(machine.checkout)
    command = (f"{machine.checkout}/{BUILD}", str(machine.home / "colors.onnx"), "--out", str(machine.home / "dist"))
    refused = machine.run(*command, prefix=prefix)
    assert (refused.code, refused.stdout, len(refused.errors)) == (2, "", 1)
    assert "set YOLO_LAMBDA_HOME to a folder that you can write to" in refused.errors[0]
    tries = ("--try", str(machine.home / "red.png"))
    built = machine.run(*command, *tries, prefix=prefix, YOLO_LAMBDA_HOME=str(machine.home / "elsewhere"))
    assert built.code == 0, built
    assert (machine.home / "dist" / "try" / "red.jpg").is_file()
    subprocess.run(["chmod", "-R", "u+w", str(machine.checkout)], check=True)


@pytest.mark.torch
def test_the_first_command_of_readme_builds_and_tries_the_example(
    make_machine: Callable[..., Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    machine = make_machine("3.13")
    older = pythons.find("3.11")  # the first choice for the export: more package indexes have torch for CPUs for it
    if older:
        machine.add("python3.11", f'exec {older} "$@"')
    done = machine.run(BUILD)
    assert done.code == 0, done
    used = disk_usage(machine.checkout)
    with capsys.disabled():
        print(f"\nthe example from a fresh clone: {done.seconds:.0f} s, {used / 1e6:.0f} MB")  # noqa: T201
    assert list((machine.checkout / "dist" / "try").glob("*.jpg"))
    if not list((machine.checkout / ".envs" / "export").rglob("libtorch_cuda*")):  # torch for CPUs was available
        assert used <= MOST_DISK_WITH_TORCH
