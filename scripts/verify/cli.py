"""Command of scripts/verify.sh: build the zips of a folder again, and compare.

scripts/verify.sh starts it in the environment `build`.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from export import crash_log
from scripts import environments, home, manifest, pythons
from scripts.verify import builds, checkout, comparison
from scripts.verify.builds import Build, NoBuild
from scripts.verify.checkout import NoVersion
from scripts.verify.comparison import Comparison
from scripts.verify.options import Options, parse
from scripts.verify.report import Row, document, table

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).with_name("rebuild.py")
FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
MODEL, READER = "model.onnx", "reader.onnx"
STDERR = 2  # file descriptor


class CannotRebuild(Exception):
    """A program of the build is missing, or the build failed; `code` is the exit code of the command."""

    def __init__(self, message: str, code: int) -> None:
        """Keep the message for the user and the exit code."""
        super().__init__(message)
        self.code = code


def main(arguments: list[str]) -> int:
    """Compare each build of the folder with what the sources give, and print a table.

    Returns:
        The exit code: 0 same, 1 different, 2 usage or environment error, 130 interrupted.
    """
    options = parse(arguments)
    rows: list[Row] = []
    code, reason = _run(options, rows)
    if reason:
        sys.stderr.write(f"verify: {reason}\n")
    if options.is_json:
        _print(json.dumps(document(options, rows, code, reason)))
    return code


def _run(options: Options, rows: list[Row]) -> tuple[int, str]:
    """Compare and print the table; `rows` gets the results. Return the exit code and the reason of a failure, or ""."""
    try:
        with (
            tempfile.TemporaryDirectory(dir=home.make(home.build()), prefix="verify-") as scratch,
            contextlib.redirect_stdout(sys.stderr) if options.is_json else contextlib.nullcontext(),
        ):
            rows += _verify(options, Path(scratch))
            _print("\n" + "\n".join(table(rows, options.is_verbose)))
    except (NoBuild, NoVersion, home.NotWritable) as error:
        return USAGE, str(error)
    except CannotRebuild as error:
        return error.code, str(error)
    except KeyboardInterrupt:
        return INTERRUPTED, "interrupted"
    except Exception as error:  # noqa: BLE001  (any other is an error of this program or of a library)
        return FAILED, crash_log.write(error, "verify")
    return (0 if all(row.compared.is_equal for row in rows) else FAILED), ""


def _verify(options: Options, scratch: Path) -> list[Row]:
    found = builds.read(options.folder)
    sources = ROOT
    if options.revision:
        sources = scratch / "sources"
        sources.mkdir()
        commit = checkout.extract(options.revision, sources)
        _note(options, f"Sources: {options.revision}, commit {commit}")
    else:
        _note(options, f"Sources: {ROOT}")
    rows = []
    for number, build in enumerate(found):
        if not options.revision and build.version not in (None, environments.project_version()):
            _note(
                options,
                f"The zips are of version {build.version}, these sources are of version "
                f"{environments.project_version()}; name the tag to compare with its sources.",
            )
        folder = scratch / str(number)
        folder.mkdir()
        rows += verify_build(build, sources, options, folder)
    return rows


def verify_build(build: Build, sources: Path, options: Options, scratch: Path) -> list[Row]:
    """Build one build again and return the result for each of its files.

    Args:
        build: the given files.
        sources: the root of a checkout of the project.
        options: the command line.
        scratch: an empty folder.

    Raises:
        CannotRebuild: a given zip cannot be read, a program of the build is missing, or the build failed although every
            digest is the one of build.json.
    """
    for path in (build.layer, build.function):
        if not path.is_file():
            raise CannotRebuild(f"{path} is missing", USAGE)
        if not zipfile.is_zipfile(path):
            raise CannotRebuild(f"{path} is not a zip", FAILED)
    _note(options, f"Building the zips for {build.target} again ...")
    out = scratch / "out"
    try:
        _rebuild(build, sources, options, scratch, out)
    except CannotRebuild as error:
        rows = _other_digests(build) if error.code == FAILED else []
        if not rows:
            raise
        return rows
    pairs = [(build.layer, out / manifest.LAYER_ZIP), (build.function, out / manifest.FUNCTION_ZIP)]
    rows = [Row(path.name, _stated(comparison.compare(path, rebuilt), build.sha256[path])) for path, rebuilt in pairs]
    if (out / manifest.SBOM).is_file() or build.sbom.is_file():
        rows.append(Row(build.sbom.name, _materials(build, out / manifest.SBOM)))
    rows.append(Row(MODEL, _model(build, MODEL, is_built=options.model is not None)))
    reader = _model(build, READER, is_built=False)
    return [*rows, Row(READER, reader)] if reader.sha256 or build.model_sha256[READER] else rows


def _other_digests(build: Build) -> list[Row]:
    """Return the result for each file whose digest is not the one of build.json, which needs no build."""
    paths = (build.layer, build.function)
    known = [
        (path.name, Comparison(comparison.file_sha256(path), comparison.SAME), build.sha256[path]) for path in paths
    ]
    rows = [Row(name, _stated(compared, sha256)) for name, compared, sha256 in known]
    models = [name for name, sha256 in build.model_sha256.items() if sha256]
    rows += [Row(name, _model(build, name, is_built=False)) for name in models]
    return [row for row in rows if not row.compared.is_equal]


def _rebuild(build: Build, sources: Path, options: Options, scratch: Path, out: Path) -> None:
    out.mkdir()
    for name in ("work", "work/packages", "work/staged"):
        (scratch / name).mkdir()
    with zipfile.ZipFile(build.function) as archive:
        with_bytecode = any(name.endswith(".pyc") for name in archive.namelist())
    if with_bytecode and not pythons.find(build.target.python):
        raise CannotRebuild(
            f"the zips have bytecode of Python {build.target.python}, which is not on this machine; "
            f"`uv python install {build.target.python}` or `pyenv install {build.target.python}` installs it",
            USAGE,
        )
    order = {
        "out": str(out),
        "scratch": str(scratch / "work"),
        "arch": build.target.arch,
        "python": build.target.python,
        "layer": str(build.layer),
        "function": str(build.function),
        "model": str(options.model) if options.model else None,
        "with_bytecode": with_bytecode,
    }
    variables = {**os.environ, "PYTHONPATH": str(sources)}
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), json.dumps(order)], env=variables, check=False,
        stdout=STDERR if options.is_json else None, stderr=subprocess.PIPE if options.is_quiet else None,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write((done.stderr or b"").decode(errors="replace"))
        code = USAGE if done.returncode == USAGE else FAILED
        raise CannotRebuild("the zips could not be built again; the reason is above", code)


def _stated(compared: Comparison, sha256: str | None) -> Comparison:
    """Return the result for a file, DIFFERENT if build.json states another digest."""
    if sha256 in (None, compared.sha256):
        return compared
    line = f"the sha256 in build.json is {comparison.printable(str(sha256))[:64]}"
    return Comparison(compared.sha256, comparison.DIFFERENT, (line, *compared.differences))


def _materials(build: Build, rebuilt: Path) -> Comparison:
    """Return the result for the bill of materials, which has to describe the given zips."""
    if not build.sbom.is_file():
        return Comparison("", comparison.MISSING)
    digest = comparison.file_sha256(build.sbom)
    if not rebuilt.is_file():
        line = "this version of the project writes no bill of materials"
        return Comparison(digest, comparison.DIFFERENT, (line,))
    if digest != comparison.file_sha256(rebuilt):
        return Comparison(digest, comparison.DIFFERENT, ("it does not describe these zips",))
    return _stated(Comparison(digest, comparison.SAME), build.sha256[build.sbom])


def _model(build: Build, name: str, is_built: bool) -> Comparison:
    """Return the digest of a model in the given zips, compared with build.json.

    Args:
        build: the given files.
        name: of the model in the zip.
        is_built: the model was built from its source, so that the comparison of the zips includes it.
    """
    for path in (build.layer, build.function):
        with zipfile.ZipFile(path) as archive:
            if name in archive.namelist():
                digest = comparison.member_sha256(archive, name)
                result = comparison.SAME if is_built else comparison.NOT_BUILT
                return _stated(Comparison(digest, result), build.model_sha256[name])
    return Comparison("", comparison.MISSING)


def _note(options: Options, text: str) -> None:
    if not options.is_quiet:
        _print(text)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
