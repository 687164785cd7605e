"""The layers as they are built from the pinned wheels, for every target; run where this machine has the Python."""

import ast
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from layer import amazon_linux, build, elf, smoke, trim, zip_writer
from layer.targets import DEFAULT_PYTHON, MACHINES, PYTHONS, TARGETS, Target
from scripts import environments

pytestmark = pytest.mark.build
ROOT = Path(__file__).resolve().parent.parent.parent
STORE = ROOT / "build" / "layer"  # the build's own: what is there and not stale is not made again
MB = 1_000_000  # bytes
NUMPY_NAMES = {"np", "numpy", "nx", "_nx"}  # as it is imported in the three packages and in the function
# What of the trimmed modules is still named by a kept one. All of it is inside functions that inference does not call,
# or handled where it is missing.
NAMED_BUT_GONE = {
    ("PIL/Image.py", "PIL.ImageCms"),  # conversion from and to LAB
    ("PIL/Image.py", "PIL.ImageQt"),
    ("PIL/Image.py", "PIL.ImageShow"),
    ("PIL/ImageFont.py", "PIL._imagingft"),  # missing: the bitmap font is used
    ("numpy/__init__.py", "numpy.core"),
    ("numpy/__init__.py", "numpy.ctypeslib"),
    ("numpy/__init__.py", "numpy.f2py"),
    ("numpy/__init__.py", "numpy.fft"),
    ("numpy/__init__.py", "numpy.matlib"),
    ("numpy/__init__.py", "numpy.polynomial"),
    ("numpy/__init__.py", "numpy.random"),
    ("numpy/__init__.py", "numpy.testing"),
    ("onnxruntime/__init__.py", "onnxruntime.transformers.machine_info"),
    ("onnxruntime/capi/onnxruntime_validation.py", "onnxruntime.capi.onnxruntime_collect_build_info"),
}

DEFERRED = (
    f"sys.path.append({str(ROOT)!r}); from function import lazy_imports; lazy_imports.install()"  # as the handler does
)
UNIMPORTABLE = ("PIL._typing", "onnxruntime.capi.libonnx", "numpy.libs", "pillow.libs")  # for type checkers; no modules


class Layer(NamedTuple):
    """A finished layer, the untrimmed installation beside it, and the Python that compiled it, if there is one."""

    target: Target
    packages: Path
    installed: Path
    python: Path | None


@pytest.fixture(scope="session", params=TARGETS, ids=str)
def layer(request: pytest.FixtureRequest) -> Layer:
    target: Target = request.param
    python = environments.find(target.python)
    return Layer(target, build.kept(target, python, STORE), STORE / f"{target}-wheels", python)


@pytest.fixture(scope="session", params=PYTHONS)
def native(request: pytest.FixtureRequest) -> Layer:
    """A layer that can run here."""
    arch = next(arch for arch, machine in MACHINES.items() if machine == platform.machine())
    target = Target(arch, request.param)
    python = environments.find(target.python)
    if not python:
        pytest.skip(f"Python {target.python} is not on this machine")
    return Layer(target, build.kept(target, python, STORE), STORE / f"{target}-wheels", python)


def run(layer: Layer, program: str, packages: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program in the layer's Python with nothing but the layer's packages to import; warnings are errors."""
    start = f"import sys; sys.path.insert(0, {str(packages or layer.packages)!r})\n"
    command = [str(layer.python), "-I", "-S", "-B", "-W", "error", "-c", start + program]
    variables = {"ORT_DISABLE_TELEMETRY": "1"}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def modules(folder: Path) -> set[str]:
    """The dotted names of what can be imported from a folder of packages."""
    found = {Path(name).with_suffix("") for name in names(folder) if name.endswith(".py")}
    found |= {Path(name).parent / Path(name).name.split(".")[0] for name in names(folder) if name.endswith(".so")}
    return {".".join(path.parts).removesuffix(".__init__") for path in found}


def mentions(path: Path, package: list[str]) -> Iterator[str]:
    """The modules that a source names in an import, or as an attribute of numpy."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NUMPY_NAMES:
            yield f"numpy.{node.attr}"


def test_top_level_names_are_those_of_three_packages(layer: Layer) -> None:
    assert {path.name for path in layer.packages.iterdir()} == {
        "PIL",
        "numpy",
        "numpy-2.5.5.dist-info",
        "numpy.libs",
        "onnxruntime",
        "pillow-13.0.0.dist-info",
        "pillow.libs",
    }


def test_the_layer_is_at_most_85_mb_unzipped(layer: Layer) -> None:
    assert build.size(layer.packages) <= 85 * MB


@pytest.mark.parametrize("arch", MACHINES)
def test_the_layer_is_at_most_30_mb_zipped(arch: str, tmp_path: Path) -> None:
    packages = build.kept(Target(arch, DEFAULT_PYTHON), environments.find(DEFAULT_PYTHON), STORE)
    zip_writer.write(tmp_path / "layer.zip", zip_writer.files_below(packages, "python/"))
    assert (tmp_path / "layer.zip").stat().st_size <= 30 * MB


def test_every_shared_object_loads_on_amazon_linux(layer: Layer) -> None:
    assert amazon_linux.check(layer.packages, layer.target.arch) == 18


def test_every_bundled_library_that_is_left_is_needed_and_none_is_missing(layer: Layer) -> None:
    objects = amazon_linux.shared_objects(layer.packages)
    needed = {name for path in objects for name in elf.read(path).needed} - amazon_linux.LIBRARIES
    bundled = {path.name for path in objects if path.parent.suffix == ".libs"}
    assert needed == bundled


def test_the_licences_of_what_is_shipped_stay(layer: Layer) -> None:
    licences = {name for name in names(layer.installed) if ".dist-info/licenses/" in name}
    wanted = {"onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt", "pillow-13.0.0.dist-info/licenses/LICENSE"}
    assert licences | wanted <= names(layer.packages)
    assert "numpy-2.5.5.dist-info/licenses/LICENSE.txt" in licences


def test_no_kept_module_uses_a_trimmed_one(layer: Layer) -> None:
    gone = modules(layer.installed) - modules(layer.packages)
    found = {
        (path.relative_to(layer.packages).as_posix(), name)
        for path in layer.packages.rglob("*.py")
        for name in mentions(path, list(path.relative_to(layer.packages).parent.parts))
        if name in gone
    }
    assert found == NAMED_BUT_GONE


def test_the_function_uses_no_trimmed_module(layer: Layer) -> None:
    gone = modules(layer.installed) - modules(layer.packages)
    sources = (ROOT / "function").rglob("*.py")
    assert {name for path in sources for name in mentions(path, ["function"])} & gone == set()


def test_every_module_has_bytecode_of_the_target(layer: Layer) -> None:
    compiled = set(layer.packages.rglob("*.pyc"))
    if not layer.python:
        assert compiled == set()
        return
    tag = f"cpython-{layer.target.python.replace('.', '')}"
    sources = {path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc" for path in layer.packages.rglob("*.py")}
    assert compiled == sources
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}  # unchecked hash, PEP 552


def test_a_layer_that_is_there_is_not_made_again(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "install", None)
    monkeypatch.setattr(trim, "trim", None)
    assert build.kept(layer.target, layer.python, STORE) == layer.packages


@pytest.mark.parametrize("before", ["", DEFERRED], ids=["at once", "unused modules later"])
def test_everything_that_the_function_uses_runs(native: Layer, before: str) -> None:
    done = run(native, f"{before}\nimport runpy; runpy.run_path({smoke.__file__!r}, run_name='__main__')")
    assert done.stderr == ""
    assert done.stdout == "numpy 2.5.5, onnxruntime 1.31.1, pillow 13.0.0\n"


def test_sources_are_not_compiled_again(native: Layer, tmp_path: Path) -> None:
    for name in names(native.packages):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".py"):
            (tmp_path / name).write_text("this is not Python")
        else:
            shutil.copyfile(native.packages / name, tmp_path / name)
    done = run(native, "import numpy, onnxruntime, PIL.JpegImagePlugin", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text(f"pillow==13.0.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(build, "REQUIREMENTS", pinned)
    with pytest.raises(build.InstallFailed, match="HASH"):
        build.install(TARGETS[0], tmp_path / "out")


@pytest.mark.parametrize("before", ["", DEFERRED], ids=["at once", "unused modules later"])
def test_every_module_of_the_layer_can_be_imported(native: Layer, before: str) -> None:
    found = sorted(name for name in modules(native.packages) if not name.startswith(UNIMPORTABLE))
    program = f"""{before}
import importlib
for name in {found}:
    vars(importlib.import_module(name))
"""
    done = run(native, program)
    assert (done.returncode, done.stderr) == (0, "")
