"""scripts/verify.sh: its table and exit codes, and zips that are built again from the pinned wheels."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from layer import zip_writer
from layer.targets import Target
from scripts import environments, pythons
from scripts.bundle import cli as build_cli
from scripts.bundle import model
from scripts.verify import builds, checkout, cli, options, report
from scripts.verify.builds import Build
from scripts.verify.cli import CannotRebuild
from scripts.verify.comparison import Comparison
from scripts.verify.options import Options
from scripts.verify.report import Row
from tests.support import built_zips, color_model, dial_model

SBOM = b'{"bomFormat": "CycloneDX"}'
Change = Callable[[Path], object]


def write_zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_", ".")), content)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder whose zips, model and bill of materials are those of its manifest."""
    folder = tmp_path / "dist"
    folder.mkdir()
    write_zip(folder / "layer.zip", packages=b"p")
    write_zip(folder / "function.zip", code=b"c", model_onnx=b"m")
    (folder / "sbom.cdx.json").write_bytes(SBOM)
    describe(folder)
    return folder


def describe(folder: Path) -> None:
    """Write the manifest of the files of a folder."""
    digests = {name: {"sha256": cli.comparison.file_sha256(folder / name)} for name in ("layer.zip", "function.zip")}
    with zipfile.ZipFile(folder / "function.zip") as archive:
        model_sha256 = cli.comparison.member_sha256(archive, "model.onnx")
    fields = {
        "arch": "arm64",
        "python": "3.13",
        "total_unzipped_bytes": 9,
        "version": environments.project_version(),
        "layer": digests["layer.zip"],
        "function": digests["function.zip"],
        "model": {"sha256": model_sha256},
        "sbom": {"sha256": cli.comparison.file_sha256(folder / "sbom.cdx.json")},
    }
    (folder / "build.json").write_text(json.dumps(fields))


@pytest.fixture
def rebuilt(dist: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Replace the build: it gives the files of this folder, which are those of `dist` before a test changes them."""
    folder = shutil.copytree(dist, tmp_path / "rebuilt")

    def rebuild(build: Build, sources: Path, options: Options, scratch: Path, out: Path) -> None:
        out.mkdir()
        for name in ("layer.zip", "function.zip", "sbom.cdx.json"):
            if (folder / name).exists():
                shutil.copy(folder / name, out)

    monkeypatch.setattr(cli, "_rebuild", rebuild)
    return folder


@pytest.mark.usefixtures("rebuilt")
def test_same_zips_exit_with_0(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(dist)]) == 0
    rows = [line.split("  ")[-1] for line in capsys.readouterr().out.splitlines()[-4:]]
    assert rows == ["same", "same", "same", "from the zip, not built again"]


@pytest.mark.usefixtures("rebuilt")
def test_with_a_model_the_model_is_the_same_too(dist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.onnx").write_bytes(b"m")
    assert cli.main([str(dist), "--model", str(tmp_path / "a.onnx")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("  same")


@pytest.mark.usefixtures("rebuilt")
@pytest.mark.parametrize(
    ("content", "code", "result"),
    [(b"r", 0, "from the zip, not built again"), (b"another", 1, "different"), (None, 1, "missing")],
)
def test_second_model_has_a_row_if_the_zips_or_the_manifest_have_one(
    dist: Path, rebuilt: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, code: int, result: str
) -> None:
    members = {"reader_onnx": content} if content else {}
    for folder in (dist, rebuilt):
        write_zip(folder / "function.zip", code=b"c", model_onnx=b"m", **members)
    describe(dist)
    manifest = json.loads((dist / "build.json").read_text())
    digest = hashlib.sha256(b"r").hexdigest()
    (dist / "build.json").write_text(json.dumps({**manifest, "reader": {"sha256": digest}}))
    assert cli.main([str(dist)]) == code
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("reader.onnx")]
    assert line.endswith(f"  {result}")


def add_member(folder: Path) -> None:
    with zipfile.ZipFile(folder / "layer.zip", "a") as archive:
        archive.writestr("evil.py", "pass")
    describe(folder)


def change_model(folder: Path) -> None:
    write_zip(folder / "function.zip", code=b"c", model_onnx=b"another")
    manifest = json.loads((folder / "build.json").read_text())
    manifest["function"]["sha256"] = cli.comparison.file_sha256(folder / "function.zip")
    (folder / "build.json").write_text(json.dumps(manifest))


def change_sbom(folder: Path) -> None:
    (folder / "sbom.cdx.json").write_bytes(SBOM + b"\n")
    describe(folder)


def change_digest(folder: Path) -> None:
    manifest = json.loads((folder / "build.json").read_text())
    manifest["layer"]["sha256"] = "0" * 64
    (folder / "build.json").write_text(json.dumps(manifest))


@pytest.mark.usefixtures("rebuilt")
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (add_member, "only in the given zip: evil.py"),
        (change_model, "the sha256 in build.json is"),
        (change_sbom, "it does not describe these zips"),
        (change_digest, f"the sha256 in build.json is {'0' * 64}"),
        (lambda folder: (folder / "sbom.cdx.json").unlink(), "missing"),
        (lambda folder: (folder / "layer.zip").write_bytes(b"PK"), "layer.zip is not a zip"),
    ],
    ids=["member", "model", "sbom", "digest", "no sbom", "no zip"],
)
def test_other_files_exit_with_1(change: Change, line: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(dist)
    assert cli.main([str(dist)]) == 1
    printed = capsys.readouterr()
    assert line in printed.out + printed.err


@pytest.mark.parametrize("name", ["model.onnx", "reader.onnx"])
def test_model_that_no_build_gives_is_a_difference(name: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usable = color_model.save(dist / "a.onnx").read_bytes()
    members = {"model_onnx": usable, "reader_onnx": usable}
    write_zip(dist / "function.zip", code=b"c", **members)
    describe(dist)
    manifest = json.loads((dist / "build.json").read_text())
    manifest["reader"] = {"sha256": hashlib.sha256(usable).hexdigest()}
    (dist / "build.json").write_text(json.dumps(manifest))
    write_zip(dist / "function.zip", code=b"c", **{**members, name.replace(".", "_"): b"junk"})
    assert cli.main([str(dist), "--json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    results = {row["name"]: (row["result"], row["sha256"]) for row in document["files"]}
    assert results.keys() == {"function.zip", name}
    assert results[name] == ("different", hashlib.sha256(b"junk").hexdigest())
    assert (document["exit_code"], document["holds"]) == (1, False)


def test_build_that_fails_for_files_of_the_manifest_is_an_error(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_zip(dist / "function.zip", code=b"c", model_onnx=b"junk")
    describe(dist)
    assert cli.main([str(dist), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["error"], document["files"]) == ("the zips could not be built again; the reason is above", [])


def test_a_version_without_a_bill_of_materials_has_no_row_for_it(
    dist: Path, rebuilt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dist / "sbom.cdx.json").unlink()
    (rebuilt / "sbom.cdx.json").unlink()
    assert cli.main([str(dist)]) == 0
    assert "sbom" not in capsys.readouterr().out


@pytest.mark.usefixtures("rebuilt")
def test_zips_of_another_version_are_pointed_out(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((dist / "build.json").read_text())
    (dist / "build.json").write_text(json.dumps({**manifest, "version": "99.0"}))
    cli.main([str(dist)])
    assert "The zips are of version 99.0" in capsys.readouterr().out


@pytest.mark.usefixtures("rebuilt")
def test_the_sources_of_a_version_are_used(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(checkout, "extract", lambda revision, folder: used.append((revision, folder.is_dir())) or "abc")
    assert cli.main(["v1.0.0", "--dist", str(dist)]) == 0
    assert used == [("v1.0.0", True)]


@pytest.mark.parametrize("name", ["layer.zip", "function.zip", "build.json"])
def test_a_missing_file_exits_with_2_and_one_line(name: str, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dist / name).unlink()
    assert cli.main([str(dist)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line


def test_missing_python_of_the_target_exits_with_2(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_zip(dist / "function.zip", code_pyc=b"c", model_onnx=b"m")
    monkeypatch.setattr(pythons, "find", lambda version: None)
    assert cli.main([str(dist)]) == 2
    assert "uv python install 3.13" in capsys.readouterr().err


def test_interruption_exits_with_130(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_rebuild", interrupt)
    assert cli.main([str(dist)]) == 130


def test_unexpected_error_is_one_line(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builds, "read", None)
    assert cli.main([str(dist)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("verify: unexpected TypeError")


def test_ten_differences_are_listed_and_the_others_counted() -> None:
    rows = [Row("layer.zip", Comparison("0", "different", tuple(f"member {n}" for n in range(12))))]
    assert report.table(rows)[2:] == [*(f"  member {n}" for n in range(10)), "  and 2 more"]
    assert report.table(rows, is_verbose=True)[2:] == [f"  member {n}" for n in range(12)]


@pytest.mark.usefixtures("rebuilt")
def test_document_of_same_zips(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(dist), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    files = document.pop("files")
    assert document == {"exit_code": 0, "error": None, "folder": str(dist), "revision": None, "holds": True}
    assert [(row["name"], row["result"], row["differences"]) for row in files] == [
        ("layer.zip", "same", []),
        ("function.zip", "same", []),
        ("sbom.cdx.json", "same", []),
        ("model.onnx", "from the zip, not built again", []),
    ]
    assert files[0]["sha256"] == cli.comparison.file_sha256(dist / "layer.zip")


@pytest.mark.usefixtures("rebuilt")
def test_document_of_other_zips_names_the_members(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_member(dist)
    assert cli.main([str(dist), "--json", "--quiet"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["exit_code"], document["holds"]) == (1, False)
    assert document["files"][0]["differences"] == ["only in the given zip: evil.py"]
    assert (document["files"][0]["is_equal"], document["files"][1]["is_equal"]) == (False, True)


def test_document_of_a_folder_without_a_build_has_the_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(tmp_path), "--json"]) == 2
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["exit_code"], document["holds"], document["files"]) == (2, False, [])
    assert printed.err == f"verify: {document['error']}\n"


@pytest.mark.usefixtures("rebuilt")
def test_quiet_prints_only_the_table(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(dist), "--quiet"]) == 0
    printed = capsys.readouterr()
    assert (printed.out.split()[0], len(printed.out.split("\n\n")), printed.err) == ("file", 1, "")


def test_zips_without_a_model_exit_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = built_zips.write(tmp_path / "dist")
    assert cli.main([str(folder)]) == 1
    assert "neither layer.zip nor function.zip has model.onnx" in capfd.readouterr().err


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build of a small model with the model in layer.zip, for the Python that runs the tests if possible."""
    folder = tmp_path_factory.mktemp("built")
    onnx_file = color_model.save(folder / "a model.onnx", (32, 64), imgsz="[32, 64]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load", lambda weights, *_: model.read(weights))
        assert build_cli.main([str(onnx_file), "--model-in-layer", "--out", str(folder / "dist")]) == 0
    return folder / "dist"


def copy_of_sources(folder: Path) -> Path:
    """Copy what a build needs: other work on the checkout then does not change the sources during a test."""
    for part in ("layer", "scripts", "function", "export"):
        shutil.copytree(cli.ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("LICENSE", "pyproject.toml"):
        shutil.copy(cli.ROOT / file, folder)
    return folder


def verify(sources: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "scripts.verify.cli", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(sources)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.build
def test_the_zips_of_a_build_are_built_again_with_the_same_bytes(tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path / "sources")
    onnx_file = color_model.save(tmp_path / "a model.onnx", (32, 64), imgsz="[32, 64]")
    models = [str(onnx_file), "--read-model", str(dial_model.save(tmp_path / "dial.onnx"))]
    program = (
        "import sys; from scripts.bundle import cli, model\n"
        "model.load = lambda weights, *_: model.read(weights)\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    subprocess.run(
        [sys.executable, "-P", "-c", program, *models, "--model-in-layer", "--out", str(tmp_path / "dist")],
        env={**os.environ, "PYTHONPATH": str(sources)}, capture_output=True, check=True,
    )  # fmt: skip
    shutil.rmtree(sources / "build")
    done = verify(sources, str(tmp_path / "dist"))
    assert done.returncode == 0, done.stdout + done.stderr
    results = [line.split("  ")[-1] for line in done.stdout.splitlines()[-5:]]
    assert results == ["same", "same", "same", "from the zip, not built again", "from the zip, not built again"]
    assert not list((sources / "build").iterdir())


@pytest.mark.build
def test_a_changed_source_and_a_changed_package_are_found(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "dist")
    with zipfile.ZipFile(built / "layer.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "unpacked" / "python" / "numpy" / "version.py").write_text("import os\n")
    zip_writer.write(folder / "layer.zip", zip_writer.files_below(tmp_path / "unpacked", ""))
    sources = copy_of_sources(tmp_path / "sources")
    (sources / "function" / "handler.py").write_text("import socket\n")
    (build,) = builds.read(folder)
    rows = cli.verify_build(build, sources, options.parse([str(folder)]), tmp_path)
    results = {row.name: row.compared for row in rows}
    assert "different: python/numpy/version.py" in str(results["layer.zip"].differences)
    assert "different: function/handler.py" in str(results["function.zip"].differences)
    assert build.target == Target("x86_64", "3.13")


@pytest.mark.build
def test_a_failed_build_is_an_error(built: Path, tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path / "sources")
    (sources / "function" / "handler.py").write_text("def :\n")
    (build,) = builds.read(built)
    with pytest.raises(CannotRebuild) as error:
        cli.verify_build(build, sources, options.parse([str(built)]), tmp_path)
    assert error.value.code == 1
