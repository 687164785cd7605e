"""The environment variables of the function against docs/configuration.md, both ways."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from function.settings import Settings
from tests.conftest import ROOT
from tests.docs import pages
from tests.support import template_stack

PAGE = pages.DOCS / "configuration.md"
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
OF_LIBRARIES = {  # a variable that a library of the function reads by itself -> the library
    "AWS_ENDPOINT_URL": "boto3",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "boto3",
}
OF_COMMANDS = {  # a variable of the build machine -> the file that reads it
    "YOLO_LAMBDA_HOME": "scripts/home.py",
    "YOLO_LAMBDA_TORCH_INDEX": "scripts/environments.py",
    "YOLO_LAMBDA_KEY": "scripts/client/endpoint.py",
    "UV_PYTHON_INSTALL_DIR": "scripts/pythons.py",
    "PYENV_ROOT": "scripts/pythons.py",
    "AWS_REGION": "scripts/aws/session.py",
    "ULTRALYTICS_SAFE_LOAD": "export/ultralytics_setup.py",
}
OF_PROGRAMS = {  # a variable of the build machine that a program or library reads by itself -> its name
    "AWS_PROFILE": "aws",
    "HTTPS_PROXY": "pip",
    "PIP_INDEX_URL": "pip",
    "NO_COLOR": "rich",
}


class Recorder(Mapping[str, str]):
    """An environment without any variable that notes which ones are read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def of_settings() -> set[str]:
    """Return the variables that `Settings.from_env` reads."""
    recorder = Recorder()
    Settings.from_env(recorder)
    return recorder.names


def of_the_rest() -> set[str]:
    """Return the variables that the modules of function/ read or set by themselves."""
    return {
        str(node.args[0].value)
        for path in (ROOT / "function").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and re.match(r"os\.(environ\.(get|setdefault|pop)|getenv)$", ast.unparse(node.func))
        and isinstance(node.args[0], ast.Constant)
    } | {
        str(node.slice.value)
        for path in (ROOT / "function").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "os.environ"
        and isinstance(node.slice, ast.Constant)
    }


def in_tables() -> dict[str, int]:
    """Return the variables in the first column of the page's tables, each with its line."""
    return {
        name: line
        for line, cell in pages.table_cells(PAGE)
        for code in pages.INLINE_CODE.findall(cell)
        for name in NAME.findall(code[1])
        if name == code[1]
    }


def test_the_variables_that_are_read_are_found() -> None:
    assert {"CONF_THRESHOLD", "CONFIDENCE_THRESHOLD", "WATCHED_PREFIX"} <= of_settings()
    assert "ORT_DISABLE_TELEMETRY" in of_the_rest()


def test_every_variable_that_the_function_reads_is_documented() -> None:
    missing = sorted((of_settings() | of_the_rest()) - set(in_tables()))
    assert not missing, f"no table of docs/configuration.md has {', '.join(missing)}"


def test_every_documented_variable_is_read() -> None:
    known = of_settings() | of_the_rest() | set(OF_LIBRARIES) | set(OF_COMMANDS) | set(OF_PROGRAMS)
    unknown = [f"{pages.name(PAGE)}:{line} {name}" for name, line in in_tables().items() if name not in known]
    assert not unknown, "nothing reads these variables:\n" + "\n".join(unknown)


def test_every_variable_of_the_build_machine_is_documented() -> None:
    assert set(OF_COMMANDS) | set(OF_PROGRAMS) <= set(in_tables())


@pytest.mark.parametrize("name", OF_COMMANDS)
def test_every_variable_of_the_build_machine_is_read(name: str) -> None:
    assert name in (ROOT / OF_COMMANDS[name]).read_text("utf-8")


def test_every_variable_of_the_project_is_of_the_build_machine() -> None:
    folders = ("scripts", "export", "layer", "benchmarks")
    texts = (path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert {name for text in texts for name in re.findall(r'"(YOLO_LAMBDA_\w+)"', text)} <= set(OF_COMMANDS)


def test_every_variable_of_the_template_is_read() -> None:
    resources = template_stack.source()["Resources"].values()
    functions = [resource for resource in resources if resource["Type"] == "AWS::Serverless::Function"]
    names = {name for one in functions for name in one["Properties"]["Environment"]["Variables"]}
    assert "MODEL_PATH" in names
    assert names <= of_settings() | of_the_rest()
