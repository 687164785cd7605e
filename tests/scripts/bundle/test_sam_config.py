"""samconfig.toml, which build_zip.sh writes for `sam deploy`."""

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from layer import build
from layer.targets import TARGETS, Target
from scripts import manifest
from scripts.bundle import cli, model, sam_config
from tests.conftest import ROOT
from tests.support import color_model
from tests.support.template_stack import source

ARM = Target("arm64", "3.14")
NEW = "Architecture=arm64 PythonRuntime=python3.14"


def deploy_settings(folder: Path) -> dict[str, Any]:
    document = tomllib.loads((folder / "samconfig.toml").read_text())
    assert document["version"] == 0.1
    settings: dict[str, Any] = document["default"]["deploy"]["parameters"]
    return settings


def existing(folder: Path, overrides: str, rest: str = "") -> str:
    """Write a file of a user and return what it holds beside the parameters of the template."""
    text = f'# mine\nversion = 0.1\n\n[default.deploy.parameters]\nstack_name = "gauges" # ours\n{overrides}\n{rest}'
    (folder / "samconfig.toml").write_text(text)
    return text


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_new_file_has_all_that_sam_deploy_needs(target: Target, tmp_path: Path) -> None:
    assert sam_config.write(tmp_path, target) == ""
    assert deploy_settings(tmp_path) == {
        "stack_name": "yolo",
        "resolve_s3": True,
        "capabilities": "CAPABILITY_IAM",
        "confirm_changeset": False,
        "fail_on_empty_changeset": False,
        "parameter_overrides": f"Architecture={target.arch} PythonRuntime=python{target.python}",
    }
    declared = source()["Parameters"]
    assert target.arch in declared["Architecture"]["AllowedValues"]
    assert f"python{target.python}" in declared["PythonRuntime"]["AllowedValues"]


def test_same_zips_again_do_not_touch_the_file(tmp_path: Path) -> None:
    sam_config.write(tmp_path, ARM)
    os.utime(tmp_path / "samconfig.toml", (1, 1))
    assert sam_config.write(tmp_path, ARM) == ""
    assert (tmp_path / "samconfig.toml").stat().st_mtime == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Memory=3008 Architecture=x86_64"', '"PythonRuntime=python3.14 Memory=3008 Architecture=arm64"'),
        (
            r'"Architecture=\"x86_64\" PythonRuntime=\"python3.13\" ReadScale=\"0:10 bar\""',
            r'"Architecture=\"arm64\" PythonRuntime=\"python3.14\" ReadScale=\"0:10 bar\""',
        ),
        ("'Architecture=x86_64 ReadScale=\"0:10 bar\"'", "'PythonRuntime=python3.14 Architecture=arm64 "),
        (
            '[\n  "Architecture=x86_64",\n  "Memory=3008", # fast\n]',
            '["PythonRuntime=python3.14", \n  "Architecture=arm64",\n  "Memory=3008", # fast\n]',
        ),
        ('""', '"PythonRuntime=python3.14 Architecture=arm64 "'),
        ("[]", '["PythonRuntime=python3.14", "Architecture=arm64", ]'),
        (
            '{Architecture = "x86_64", PythonRuntime = "python3.13", Memory = 3008}',
            '{Architecture = "arm64", PythonRuntime = "python3.14", Memory = 3008}',
        ),
        (
            '"ParameterKey=Architecture,ParameterValue=x86_64 ParameterKey=PythonRuntime,ParameterValue=python3.12"',
            '"ParameterKey=Architecture,ParameterValue=arm64 ParameterKey=PythonRuntime,ParameterValue=python3.14"',
        ),
    ],
)
def test_only_the_two_parameters_of_an_existing_file_change(before: str, after: str, tmp_path: Path) -> None:
    other = '[prod.deploy.parameters]\nparameter_overrides = "Architecture=x86_64"\n'
    text = existing(tmp_path, f"parameter_overrides = {before}", other)
    assert sam_config.write(tmp_path, ARM) == ""
    changed = (tmp_path / "samconfig.toml").read_text()
    assert after in changed
    settings = deploy_settings(tmp_path)
    assert settings["stack_name"] == "gauges"
    head, _, _ = text.partition("parameter_overrides")
    assert changed.startswith(head)
    assert changed.endswith(other)


def test_parameters_are_added_to_a_file_without_them(tmp_path: Path) -> None:
    existing(tmp_path, 'region = "eu-central-1"', "[default.sync.parameters]\nwatch = true\n")
    assert sam_config.write(tmp_path, ARM) == ""
    assert deploy_settings(tmp_path) == {
        "stack_name": "gauges", "region": "eu-central-1", "parameter_overrides": NEW,
    }  # fmt: skip


def test_settings_are_added_to_a_file_of_other_commands(tmp_path: Path) -> None:
    before = 'version = 0.1\n[default.global.parameters]\nregion = "eu-central-1"\n'
    (tmp_path / "samconfig.toml").write_text(before)
    assert sam_config.write(tmp_path, ARM) == ""
    assert (tmp_path / "samconfig.toml").read_text().startswith(before)
    assert deploy_settings(tmp_path)["parameter_overrides"] == NEW


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version = \n", "it cannot be read as TOML"),
        ('[default.deploy]\nparameters.parameter_overrides = "Architecture=x86_64"\n', "the form of"),
        ('[default.deploy.parameters]\nparameter_overrides = """\nMemory=1\n"""\n', "the form of"),
        ('[default.deploy.parameters]\nparameter_overrides = "ReadScale=\'0:1"\n', "No closing quotation"),
        (
            '[default.global.parameters]\nparameter_overrides = "Memory=1"\n[default.deploy.parameters]\na = 1\n',
            "[default.global.parameters] has",
        ),
    ],
)
def test_unknown_form_is_left_and_named(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(text)
    note = sam_config.write(tmp_path, ARM)
    assert reason in note
    assert f"`sam deploy` needs {NEW} in parameter_overrides" in note
    assert (tmp_path / "samconfig.toml").read_text() == text


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_build_into_dist_writes_the_values_of_the_manifest(
    arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    (packages / "numpy").mkdir(parents=True)
    (packages / "numpy" / "__init__.py").write_text("")
    monkeypatch.setattr(model, "load", lambda weights, *_: model.read(weights))
    monkeypatch.setattr(build, "cached_packages", lambda target, python, store: packages)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    onnx = str(color_model.save(tmp_path / "colors.onnx"))
    assert cli.main([onnx, "--arch", arch, "--python", "3.12", "--quiet", "--out", str(tmp_path / "other")]) == 0
    assert not (tmp_path / "samconfig.toml").exists()
    assert cli.main([onnx, "--arch", arch, "--python", "3.12", "--quiet", "--out", str(tmp_path / "dist")]) == 0
    built = manifest.read(tmp_path / "dist")
    overrides = deploy_settings(tmp_path)["parameter_overrides"]
    assert overrides == f"Architecture={built.arch} PythonRuntime=python{built.python}"
    assert built.arch == arch


def test_git_ignores_the_file() -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", "samconfig.toml"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
