import itertools
import re

import pytest

from layer import pin
from layer.targets import MACHINES, PYTHONS, TARGETS, Target, pip_options

TEXT = pin.REQUIREMENTS.read_text(encoding="utf-8")


def test_four_packages_are_pinned() -> None:
    assert list(pin.versions(TEXT)) == ["onnxruntime", "numpy", "pillow", "python-multipart"]


def test_each_package_has_one_wheel_per_target_or_one_for_all() -> None:
    for block in re.split(r"\n(?=[a-z-]+==)", TEXT)[1:]:
        wheels = 1 if block.startswith("python-multipart") else len(TARGETS)
        assert len(set(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))) == wheels


def test_file_equals_the_output_of_pin() -> None:
    blocks = {block.split("==")[0]: block for block in re.split(r"\n(?=[a-z-]+==)", TEXT)[1:]}
    hashes = {name: set(re.findall(r"sha256:([0-9a-f]{64})", block)) for name, block in blocks.items()}
    assert pin.render(pin.versions(TEXT), hashes) == TEXT


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_wheel_of_each_package_and_target_is_one_of_the_pinned_hashes(target: Target) -> None:
    wheels = pin.pinned_wheels(target)
    pins = pin.versions(TEXT)
    assert wheels.keys() == pins.keys()
    for name, wheel in wheels.items():
        block = next(block for block in re.split(r"\n(?=[a-z-]+==)", TEXT) if block.startswith(f"{name}=="))
        assert wheel.sha256 in block
        assert wheel.file.startswith(f"{name.replace('-', '_')}-{pins[name]}-")
        assert wheel.file.endswith((f"{MACHINES[target.arch]}.whl", "-none-any.whl"))


def test_targets_are_all_architectures_with_all_python_versions() -> None:
    assert set(TARGETS) == {Target(arch, python) for arch in MACHINES for python in PYTHONS}


def test_pip_options_list_every_platform_tag() -> None:
    options = pip_options(Target("arm64", "3.12"))
    platforms = [value for option, value in itertools.pairwise(options) if option == "--platform"]
    assert platforms == ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"]
