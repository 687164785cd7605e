"""Layers built from the pinned wheels for every target; those for a Python of this machine are also run."""

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
from scripts import pythons

pytestmark = pytest.mark.build
ROOT = Path(__file__).resolve().parent.parent.parent
STORE = ROOT / "build" / "layer"  # the folder that scripts/build_zip.sh uses, so that an up-to-date layer is used again
MB = 1_000_000  # bytes
NUMPY_NAMES = {"np", "numpy", "nx", "_nx"}  # the names of numpy in the packages and in the function
# The removed modules that a kept module still refers to: in functions that inference does not call, or with a fallback
# for the missing module.
REFERENCES_TO_REMOVED = {
    ("PIL/Image.py", "PIL.ImageCms"),  # conversion from and to LAB
    ("PIL/Image.py", "PIL.ImageQt"),
    ("PIL/Image.py", "PIL.ImageShow"),
    ("PIL/ImageFont.py", "PIL._imagingft"),  # without it Pillow uses the bitmap font
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

LAZY_IMPORTS = (
    f"sys.path.append({str(ROOT)!r}); from function import lazy_imports; lazy_imports.install()"  # as the handler does
)
UNIMPORTABLE = (
    "PIL._typing",
    "onnxruntime.capi.libonnx",
    "numpy.libs",
    "pillow.libs",
)  # files for type checkers, and folders of libraries


class Layer(NamedTuple):
    """A finished layer, its untrimmed installation, and the Python that compiled it (None: no bytecode)."""

    target: Target
    packages: Path
    installed: Path
    python: Path | None


@pytest.fixture(scope="session", params=TARGETS, ids=str)
def layer(request: pytest.FixtureRequest) -> Layer:
    target: Target = request.param
    python = pythons.find(target.python)
    return Layer(target, build.cached_packages(target, python, STORE), build.untrimmed_packages(target, STORE), python)


@pytest.fixture(scope="session", params=PYTHONS)
def native(request: pytest.FixtureRequest) -> Layer:
    """Return a layer that this machine can run."""
    arch = next(arch for arch, machine in MACHINES.items() if machine == platform.machine())
    target = Target(arch, request.param)
    python = pythons.find(target.python)
    if not python:
        pytest.skip(f"Python {target.python} is not on this machine")
    return Layer(target, build.cached_packages(target, python, STORE), build.untrimmed_packages(target, STORE), python)


def run(layer: Layer, program: str, packages: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in the layer's Python with only the packages of the layer; warnings are errors."""
    start = f"import sys; sys.path.insert(0, {str(packages or layer.packages)!r})\n"
    command = [str(layer.python), "-I", "-S", "-B", "-W", "error", "-c", start + program]
    variables = {"ORT_DISABLE_TELEMETRY": "1"}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def modules(folder: Path) -> set[str]:
    """Return the dotted names of the modules in a folder of packages."""
    paths = {Path(name).with_suffix("") for name in names(folder) if name.endswith(".py")}
    paths |= {Path(name).parent / Path(name).name.split(".")[0] for name in names(folder) if name.endswith(".so")}
    return {".".join(path.parts).removesuffix(".__init__") for path in paths}


def references(path: Path, package: list[str]) -> Iterator[str]:
    """Yield the modules that a source refers to in an import or as an attribute of numpy."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NUMPY_NAMES:
            yield f"numpy.{node.attr}"


def test_top_level_names_are_those_of_four_packages(layer: Layer) -> None:
    assert {path.name for path in layer.packages.iterdir()} == {
        "PIL",
        "numpy",
        "numpy-2.5.5.dist-info",
        "numpy.libs",
        "onnxruntime",
        "pillow-13.0.0.dist-info",
        "pillow.libs",
        "python_multipart",
        "python_multipart-0.0.34.dist-info",
    }


def test_the_layer_is_at_most_90_mb_unzipped(layer: Layer) -> None:
    assert build.total_size(layer.packages) <= 90 * MB


@pytest.mark.parametrize("arch", MACHINES)
def test_the_layer_is_at_most_30_mb_zipped(arch: str, tmp_path: Path) -> None:
    packages = build.cached_packages(Target(arch, DEFAULT_PYTHON), pythons.find(DEFAULT_PYTHON), STORE)
    zip_writer.write(tmp_path / "layer.zip", zip_writer.files_below(packages, "python/"))
    assert (tmp_path / "layer.zip").stat().st_size <= 30 * MB


def test_every_shared_object_loads_on_amazon_linux(layer: Layer) -> None:
    assert amazon_linux.check(layer.packages, layer.target.arch) == 20


def test_the_bundled_libraries_are_exactly_the_needed_ones(layer: Layer) -> None:
    objects = amazon_linux.shared_objects(layer.packages)
    needed = {name for path in objects for name in elf.read(path).needed} - amazon_linux.LIBRARIES
    bundled = {path.name for path in objects if path.parent.suffix == ".libs"}
    assert needed == bundled


def test_licenses_of_the_packages_are_kept(layer: Layer) -> None:
    licenses = {name for name in names(layer.installed) if ".dist-info/licenses/" in name}
    required = {"onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt", "pillow-13.0.0.dist-info/licenses/LICENSE"}
    assert licenses | required <= names(layer.packages)
    assert "numpy-2.5.5.dist-info/licenses/LICENSE.txt" in licenses
    assert "python_multipart-0.0.34.dist-info/licenses/LICENSE.txt" in licenses


def test_kept_modules_refer_to_no_other_removed_module(layer: Layer) -> None:
    removed = modules(layer.installed) - modules(layer.packages)
    references_to_removed = {
        (path.relative_to(layer.packages).as_posix(), name)
        for path in layer.packages.rglob("*.py")
        for name in references(path, list(path.relative_to(layer.packages).parent.parts))
        if name in removed
    }
    assert references_to_removed == REFERENCES_TO_REMOVED


def test_function_uses_no_removed_module(layer: Layer) -> None:
    removed = modules(layer.installed) - modules(layer.packages)
    sources = (ROOT / "function").rglob("*.py")
    assert {name for path in sources for name in references(path, ["function"])} & removed == set()


def test_every_module_has_bytecode_of_the_target(layer: Layer) -> None:
    compiled = set(layer.packages.rglob("*.pyc"))
    if not layer.python:
        assert compiled == set()
        return
    tag = f"cpython-{layer.target.python.replace('.', '')}"
    sources = {path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc" for path in layer.packages.rglob("*.py")}
    assert compiled == sources
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}  # unchecked hash, PEP 552


def test_up_to_date_layer_is_not_made_again(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "install", None)
    monkeypatch.setattr(trim, "trim", None)
    assert build.cached_packages(layer.target, layer.python, STORE) == layer.packages


@pytest.mark.parametrize("setup", ["", LAZY_IMPORTS], ids=["all imports", "lazy imports"])
def test_smoke_test_passes(native: Layer, setup: str) -> None:
    done = run(native, f"{setup}\nimport runpy; runpy.run_path({smoke.__file__!r}, run_name='__main__')")
    assert done.stderr == ""
    assert done.stdout == "numpy 2.5.5, onnxruntime 1.31.1, pillow 13.0.0\n"


def test_packages_import_no_modules_that_only_tools_need(native: Layer) -> None:
    program = f"""
{LAZY_IMPORTS}
import linecache
import numpy, onnxruntime
print([name for name in ("ast", "inspect") if name in sys.modules], "/etc/os-release" in linecache.cache)
"""
    done = run(native, program)
    assert (done.stdout, done.stderr) == ("[] False\n", "")


def test_numpy_still_makes_a_matrix_of_a_text(native: Layer) -> None:
    done = run(native, "from numpy.matrixlib import defmatrix; print(defmatrix._convert_from_string('1 2; 3 4'))")
    assert done.stdout == "[[1, 2], [3, 4]]\n"


def test_sources_are_not_compiled_again(native: Layer, tmp_path: Path) -> None:
    for name in names(native.packages):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".py"):
            (tmp_path / name).write_text("this is not Python")
        else:
            shutil.copyfile(native.packages / name, tmp_path / name)
    done = run(native, "import numpy, onnxruntime, PIL.JpegImagePlugin", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_wheel_with_another_hash_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = tmp_path / "requirements.txt"
    pinned.write_text(f"pillow==13.0.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(build, "REQUIREMENTS", pinned)
    with pytest.raises(build.InstallFailed, match="HASH"):
        build.install(TARGETS[0], tmp_path / "out")


@pytest.mark.parametrize("setup", ["", LAZY_IMPORTS], ids=["all imports", "lazy imports"])
def test_every_module_of_the_layer_can_be_imported(native: Layer, setup: str) -> None:
    importable = sorted(name for name in modules(native.packages) if not name.startswith(UNIMPORTABLE))
    program = f"""{setup}
import importlib
for name in {importable}:
    vars(importlib.import_module(name))
"""
    done = run(native, program)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["3.11", "3.12"])
def test_a_layer_for_a_newer_python_is_installed_by_the_pip_of_an_older_one(version: str, tmp_path: Path) -> None:
    # pip 23.0, which Python 3.11 of Debian 12 has, compares Requires-Python with the Python that runs it.
    candidates = [Path("/usr/bin") / f"python{version}", pythons.find(version)]
    found = [path for path in candidates if path and path.is_file()]
    if not found:
        pytest.skip(f"Python {version} is not on this machine")
    program = "import sys, pathlib; from layer import build, targets; "
    program += "build.install(targets.Target('arm64', '3.13'), pathlib.Path(sys.argv[1]))"
    command = [str(found[0]), "-B", "-c", program, str(tmp_path / "packages")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    if "No module named pip" in done.stderr:
        pytest.skip(f"{found[0]} has no pip")
    assert done.returncode == 0, done.stderr
    installed = build.untrimmed_packages(Target("arm64", "3.13"), STORE)
    assert names(tmp_path / "packages") == names(installed)
