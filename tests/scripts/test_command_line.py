"""Options that all commands share, and the command lines of the commands: no abbreviations, suggestions, aliases."""

import argparse
import importlib

import pytest

from benchmarks import compare as bench_compare
from export import options as export_options
from export.errors import UsageError
from scripts import command_line, environments
from scripts.aws import options as deploy
from scripts.bundle import options as build_options

COMMANDS = (  # modules with a `parser()`
    *("benchmarks.compare", "benchmarks.engines", "benchmarks.fast_decode", "benchmarks.options", "export.options"),
    "scripts.aws.options",
    *("scripts.aws.undeploy", "scripts.bundle.options", "scripts.call", "scripts.compare", "scripts.invoke_local"),
    *("scripts.predict", "scripts.soak_s3", "scripts.verify.options"),
)
DIST, REGION, ENV = ("--dist", "DIR", "dist"), ("--region", "REGION", "None"), ("--env", "NAME=VALUE", "[]")
OUTPUT = tuple((name, None, "False") for name in ("--json", "--quiet", "--verbose"))
REQUEST = (
    *(("--conf", "X", "None"), ("--iou", "X", "None"), ("--max-det", "N", "None")),
    *(("--classes", "CLASS[,CLASS...]", "None"), ("--option", "NAME=VALUE", "[]")),
)
BUILD = (("--arch", None, "x86_64"), ("--python", None, "None"), ("--out", "DIR", "dist"), *OUTPUT)
FUNCTION = ("--function", "NAME[:ALIAS]", "yolo")
SHARED = {  # the options of a command that others have too: name, values, default as text
    "scripts.aws.options": {("--arch", None, "None"), DIST, ENV, REGION, FUNCTION, *OUTPUT},
    "scripts.aws.undeploy": {REGION, ("--function", "NAME", "yolo"), *OUTPUT},
    "scripts.bundle.options": set(BUILD),
    "scripts.call": {REGION, FUNCTION, *REQUEST, *OUTPUT},
    "scripts.compare": {DIST, ENV, ("--conf", "X", "0.25"), ("--iou", "X", "0.7"), ("--max-det", "N", "300"), *OUTPUT},
    "scripts.invoke_local": {DIST, ENV, *REQUEST, *OUTPUT},
    "scripts.predict": {DIST, ENV, *REQUEST, *OUTPUT},
    "scripts.soak.cli": {DIST, OUTPUT[2]},
    "scripts.soak_s3": {DIST, OUTPUT[2]},
    "scripts.verify.options": {("--dist", "DIR", "None"), *OUTPUT},
}
POSITIONAL = {"scripts.call": 1, "scripts.compare": 2, "scripts.invoke_local": 1, "scripts.predict": 1}
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:yolo"


def parser_of(module: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = importlib.import_module(module).parser()
    return parser


def error_of(capsys: pytest.CaptureFixture[str], module: str, *arguments: str) -> str:
    """Return the message of a command line that must be refused."""
    try:
        parser_of(module).parse_args(list(arguments))
    except SystemExit as stop:
        assert stop.code == 2
        return capsys.readouterr().err.splitlines()[-1]
    except UsageError as error:
        return str(error)
    raise AssertionError("the command line was accepted")


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_prints_its_version(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parser_of(module).parse_args(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.split()[-1] == environments.project_version()


@pytest.mark.parametrize("module", SHARED)
def test_options_of_several_commands_have_the_same_names_values_and_defaults(module: str) -> None:
    names = {name for options in SHARED.values() for name, _, _ in options}
    actual = [
        (name, action.metavar, str(action.default))
        for action in parser_of(module)._actions
        for name in action.option_strings
        if name in names
    ]
    assert set(actual) == SHARED[module]


@pytest.mark.parametrize("module", [module for module, options in SHARED.items() if OUTPUT[1] in options])
def test_no_command_is_quiet_and_verbose(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    positional = ["a.jpg"] * POSITIONAL.get(module, 0)
    assert error_of(capsys, module, *positional, "--quiet", "--verbose").endswith(
        "--quiet and --verbose cannot be combined"
    )


@pytest.mark.parametrize("module", COMMANDS)
def test_no_option_can_be_abbreviated(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    positional = ["start"] if module == "benchmarks.options" else ["a.pt", "b.jpg"]
    if module in ("scripts.aws.options", "scripts.aws.undeploy", "scripts.soak_s3"):
        positional = []
    message = error_of(capsys, module, *positional, "--versio")
    assert "unrecognized arguments: " in message and "--versio; did you mean --version?" in message


@pytest.mark.parametrize("module", COMMANDS)
def test_every_option_has_a_help_text_or_is_hidden(module: str) -> None:
    assert [action.option_strings for action in parser_of(module)._actions if not action.help] == []


@pytest.mark.parametrize(
    ("module", "wrong", "suggested"),
    [
        ("scripts.call", "--confidence", "--conf"),
        ("scripts.call", "--max_det", "--max-det"),
        ("scripts.call", "--functoin", "--function"),
        ("scripts.aws.options", "--regoin", "--region"),
        ("scripts.aws.options", "--mem=512", "--memory"),
        ("scripts.bundle.options", "--half_weights", "--half-weights"),
        ("scripts.bundle.options", "--IMGSZ", "--imgsz"),
        ("export.options", "--end-2-end", "--end2end"),
        ("benchmarks.options", "--run", "--runs"),
        ("scripts.call", "--zzzz", ""),
    ],
)
def test_the_error_of_a_wrong_option_names_the_nearest_one(
    module: str, wrong: str, suggested: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, module, *([] if module == "scripts.aws.options" else ["start"]), wrong)
    assert f"unrecognized arguments: {wrong}" in message
    if suggested:
        assert f"; did you mean {suggested}?" in message
    else:
        assert "did you mean" not in message


def test_a_hidden_alias_is_not_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--architecture" not in error_of(capsys, "scripts.aws.options", "--architectur")


def test_the_message_of_superfluous_words_has_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, "scripts.aws.options", "region").endswith("unrecognized arguments: region")


def test_old_names_keep_working_and_are_not_in_the_help() -> None:
    old = export_options.parser().parse_args(["best.pt", "--output", "a.onnx"])
    new = export_options.parser().parse_args(["best.pt", "-o", "a.onnx"])
    assert old == new == export_options.parser().parse_args(["best.pt", "--out", "a.onnx"])
    assert "--output" not in export_options.parser().format_help()
    assert deploy.parse(["--architecture", "arm64"]).arch == deploy.parse(["--arch", "arm64"]).arch == "arm64"
    assert deploy.parse([]).arch is None
    assert "--architecture" not in deploy.parser().format_help()
    assert parser_of("scripts.soak_s3").parse_args(["--log"]) == parser_of("scripts.soak_s3").parse_args(["--verbose"])
    assert parser_of("benchmarks.options").parse_args(["--picture", "a.png"]).chart.name == "a.png"
    assert "--picture" not in parser_of("benchmarks.options").format_help()


def test_the_output_of_a_build_has_a_short_option() -> None:
    assert build_options.parse(["-o", "zips"]).out == build_options.parse(["--out", "zips"]).out


def test_no_export_is_quiet_and_verbose() -> None:
    with pytest.raises(UsageError, match="--quiet and --verbose cannot be combined"):
        export_options.parse([f"{environments.ROOT}/example/best.pt", "--quiet", "--verbose"])


@pytest.mark.parametrize("name", ["amd64", "x86_64", "X64"])
def test_names_of_the_architecture_x86_64(name: str) -> None:
    assert build_options.parse(["--arch", name]).arch == deploy.parse(["--arch", name]).arch == "x86_64"


@pytest.mark.parametrize("name", ["arm64", "aarch64", "AArch64"])
def test_names_of_the_architecture_arm64(name: str) -> None:
    assert build_options.parse(["--arch", name]).arch == deploy.parse(["--arch", name]).arch == "arm64"


@pytest.mark.parametrize("version", ["3.12", "python3.12", "Python3.12"])
def test_the_python_of_a_build_may_have_the_name_of_the_runtime(version: str) -> None:
    assert build_options.parse(["--python", version]).python == "3.12"


def test_the_wrong_value_is_shown_with_the_possible_ones(capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(capsys, "scripts.bundle.options", "--python", "python3.11")
    assert "'3.11'" in message and "3.12" in message and "3.14" in message


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("yolo", "yolo:live"),
        ("yolo:prod", "yolo:prod"),
        ("yolo:7", "yolo:7"),
        ("yolo:$LATEST", "yolo:$LATEST"),
        (ARN, f"{ARN}:live"),
        (f"{ARN}:7", f"{ARN}:7"),
    ],
)  # fmt: skip
def test_a_function_without_an_alias_has_the_alias_live(function: str, expected: str) -> None:
    assert command_line.qualified(function) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ("yolo", "live")),
        (["--function", "gauges"], ("gauges", "live")),
        (["--function", "gauges:prod"], ("gauges", "prod")),
        (["--function", "gauges", "--alias", "prod"], ("gauges", "prod")),
        (["--function", "gauges:prod", "--alias", "prod"], ("gauges", "prod")),
    ],
)
def test_deploy_takes_the_alias_with_the_function(arguments: list[str], expected: tuple[str, str]) -> None:
    options = deploy.parse(arguments)
    assert (options.function, options.alias) == expected


@pytest.mark.parametrize(("text", "expected"), [("a=b", ("a", "b")), ("a=", ("a", "")), ("a=b=c", ("a", "b=c"))])
def test_assignment(text: str, expected: tuple[str, str]) -> None:
    assert command_line.assignment(text) == expected


@pytest.mark.parametrize("text", ["", "a", "=b"])
def test_an_incomplete_assignment_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be NAME=VALUE, got "):
        command_line.assignment(text)


@pytest.mark.parametrize("module", ["scripts.call", "scripts.invoke_local", "scripts.predict"])
def test_the_options_of_a_request_are_the_same_for_all_commands(module: str) -> None:
    options = parser_of(module).parse_args(
        ["a.jpg", "--conf", "0.1", "--max-det", "9", "--classes", "0,red", "--option", "masks=rle", "--option", "a=1"]
    )
    assert command_line.request_options(options) == {
        "conf": "0.1", "max_det": "9", "classes": "0,red", "masks": "rle", "a": "1",
    }  # fmt: skip


def test_without_options_a_request_has_none() -> None:
    assert command_line.request_options(parser_of("scripts.call").parse_args(["a.jpg"])) == {}


@pytest.mark.parametrize(
    "module", ["scripts.aws.options", "scripts.compare", "scripts.invoke_local", "scripts.predict", "scripts.soak_s3"]
)
def test_the_default_folder_is_dist_of_the_current_folder(module: str) -> None:
    positional = [] if module in ("scripts.aws.options", "scripts.soak_s3") else ["a.jpg", "b.jpg"]
    assert str(parser_of(module).parse_args(positional).dist) == "dist"


def test_sides_in_front_of_the_model_are_not_taken_for_the_model() -> None:
    parsed = build_options.parse(["--imgsz", "320", "640", "best.pt"])
    assert (parsed.model.name, parsed.export) == ("best.pt", ("--imgsz", "320", "640"))


def test_size_of_an_onnx_file_is_that_of_its_smoke_run() -> None:
    tried = build_options.parse(["best.onnx", "--imgsz", "320", "640", "--try"])
    assert (tried.export, tried.try_imgsz) == ((), "320,640")
    exported = build_options.parse(["best.pt", "--imgsz", "320", "--try"])
    assert (exported.export, exported.try_imgsz) == (("--imgsz", "320"), None)


def test_options_of_the_export_are_passed_on_by_the_build() -> None:
    parsed = build_options.parse(
        ["best.pt", "--imgsz", "640", "--int8", "--data", "photos", "--end2end", "--static", "--opset", "17"]
    )
    accepted = export_options.parser().parse_args(["best.pt", *parsed.export])
    assert (accepted.imgsz, accepted.int8, str(accepted.data)) == (["640"], True, "photos")
    assert (accepted.end2end, accepted.static, accepted.opset) == (True, True, 17)


def test_benchmark_commands_share_the_parser() -> None:
    assert isinstance(bench_compare.parser(), command_line.Parser)


def test_tiles_are_options_of_a_request() -> None:
    arguments = ["a.jpg", "--tile", '{"size": 320, "full": false}', "--merge", "nms"]
    parsed = parser_of("scripts.call").parse_args(arguments)
    assert command_line.request_options(parsed) == {"tile": '{"size": 320, "full": false}', "merge": "nms"}
