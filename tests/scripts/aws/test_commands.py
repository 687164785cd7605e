import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from layer.targets import Target
from scripts.aws import commands, deploy
from scripts.aws.commands import Upload

TARGET = Target("arm64", "3.12")
SMALL = Upload(Path("/a b/layer.zip"), 52_428_800, "ab" * 32), Upload(Path("/a b/function.zip"), 1, "cd" * 32)
LARGE = Upload(Path("/a b/layer.zip"), 52_428_801, "ab" * 32), Upload(Path("/a b/function.zip"), 10**8, "cd" * 32)


def printed(uploads: tuple[Upload, Upload]) -> str:
    """Return the lines to copy: the contents of the code blocks."""
    page = commands.page(*uploads, TARGET, model_in_layer=False)
    return "\n".join(re.findall(r"^```bash\n(.*?)\n```$", page, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("uploads", [SMALL, LARGE])
def test_bash_parses_the_commands(uploads: tuple[Upload, Upload]) -> None:
    done = subprocess.run(["bash", "-n"], input=printed(uploads), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("uploads", [SMALL, LARGE])
def test_create_and_update_name_every_setting(uploads: tuple[Upload, Upload]) -> None:
    words = shlex.split(printed(uploads).replace("\\\n", " "))
    for call in ("publish-layer-version", "create-function", "update-function-code", "update-function-configuration"):
        assert call in words
    created = words[words.index("create-function") :]
    for option, value in (
        ("--runtime", "python3.12"),
        ("--architectures", "arm64"),
        ("--handler", "function.handler.lambda_handler"),
        ("--memory-size", "1769"),
        ("--timeout", "30"),
        ("--layers", "$LAYER_ARN"),
        ("--environment", "Variables={ORT_DISABLE_TELEMETRY=1}"),
    ):
        assert created[created.index(option) + 1] == value


def test_after_each_change_of_the_function_the_commands_wait_for_it() -> None:
    lines = printed(SMALL).replace("\\\n", " ").splitlines()
    for change, waiter in (
        ("create-function", "wait function-active-v2"),
        ("update-function-code", "wait function-updated-v2"),
        ("update-function-configuration", "wait function-updated-v2"),
    ):
        (number,) = (i for i, line in enumerate(lines) if f"lambda {change} " in line)
        assert waiter in lines[number + 1]


def test_a_zip_within_the_limit_is_sent_with_the_request() -> None:
    text = printed(SMALL)
    assert "'fileb:///a b/layer.zip'" in text
    assert "'fileb:///a b/function.zip'" in text
    assert "s3" not in text.lower()


def test_a_larger_zip_goes_through_s3() -> None:
    text = printed(LARGE)
    assert "fileb:///" not in text
    for name, digest in (("layer", "ab" * 8), ("function", "cd" * 8)):
        assert f"""aws s3 cp '/a b/{name}.zip' "s3://$BUCKET/yolo-lambda/{digest}/{name}.zip\"""" in text
    assert text.count("BUCKET=") == 1


def test_the_headings_name_the_zip_with_the_model() -> None:
    apart, together = (commands.page(*SMALL, TARGET, model_in_layer=in_layer) for in_layer in (False, True))
    assert "update the code and model (function.zip)" in apart
    assert "update the packages and the model (layer.zip)" in together


@pytest.mark.parametrize(
    ("uploads", "dist", "bucket"),
    [(SMALL, Path("/a b"), None), (LARGE, Path("/a b"), "BUCKET")],
    ids=["small", "large"],
)
def test_page_and_next_steps_begin_with_the_deploy_command_for_these_zips(
    uploads: tuple[Upload, Upload], dist: Path, bucket: str | None
) -> None:
    title, _, first, *_ = commands.page(*uploads, TARGET, model_in_layer=False).splitlines()
    _, command, rest = first.split("`")
    assert (title, rest) == ("# Deploy by hand", " does all of this.")
    assert commands.next_steps(*uploads, generic=False).startswith(f"Next: {command}\n")
    program, *arguments = shlex.split(command)
    options = deploy.parse(arguments)
    assert program == "scripts/deploy.sh"
    assert (options.dist, options.bucket, options.create_role) == (dist, bucket, True)


def test_deploy_command_names_no_folder_for_the_default_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uploads = [Upload(tmp_path / "dist" / name, 1, "ab" * 32) for name in ("layer.zip", "function.zip")]
    assert commands.deploy_command(*uploads) == "scripts/deploy.sh --create-role"


def test_next_steps_call_the_function_that_deploy_makes_by_default() -> None:
    image, request = (commands.next_steps(*SMALL, generic=generic).splitlines()[1] for generic in (False, True))
    assert image.split() == ["scripts/call.py", "IMAGE"]
    program, *arguments = shlex.split(request)
    options = deploy.parse([])
    assert program == "aws"
    assert arguments[arguments.index("--function-name") + 1] == f"{options.function}:{options.alias}"


@pytest.mark.parametrize(
    ("classes", "variables"),
    [
        (["gauge"], {"READ_SCALE": "0:10 bar"}),
        (["gauge", "clock"], {"READ_SCALE": "0:10 bar", "READ_CLASSES": "gauge"}),
        (["it's a gauge", "clock"], {"READ_SCALE": "0:10 bar", "READ_CLASSES": "it's a gauge"}),
        (["gauge, large", "clock"], {"READ_SCALE": "0:10 bar", "READ_CLASSES": "0"}),
    ],
)
def test_variables_of_readings_have_a_class_if_the_model_has_several(
    classes: list[str], variables: dict[str, str]
) -> None:
    lines = commands.next_steps(*SMALL, generic=False, read_classes=classes).splitlines()
    (line,) = [line for line in lines if "READ_SCALE" in line]
    options = deploy.parse(shlex.split(line.partition("deploy with ")[2]))
    assert dict(options.env) == variables
    page = commands.page(*SMALL, TARGET, model_in_layer=False, read_classes=classes)
    (line,) = [line for line in page.splitlines() if "READ_SCALE" in line and "--environment" in line]
    _, text = shlex.split(line)
    assert json.loads(text)["Variables"] == {"ORT_DISABLE_TELEMETRY": "1", **variables}


@pytest.mark.parametrize("uploads", [SMALL, LARGE])
def test_all_commands_of_the_page_are_in_code_blocks(uploads: tuple[Upload, Upload]) -> None:
    page = commands.page(*uploads, TARGET, model_in_layer=False)
    assert page.endswith("```\n")
    text = re.sub(r"^```bash\n.*?\n```$", "", page, flags=re.DOTALL | re.MULTILINE)
    assert "```" not in text
    assert not re.search(r"^ *(aws|curl) ", text, re.MULTILINE)


def test_after_each_change_of_the_function_the_alias_moves_to_a_new_version() -> None:
    lines = printed(SMALL).replace("\\\n", " ").splitlines()
    for waiter, count, action in (
        ("function-active-v2", 1, "create-alias"),
        ("function-updated-v2", 2, "update-alias"),
    ):
        numbers = [number for number, line in enumerate(lines) if f"lambda wait {waiter} " in line]
        assert len(numbers) == count
        for number in numbers:
            publish, wait, alias = lines[number + 1 : number + 4]
            assert publish.startswith("VERSION=$(aws lambda publish-version ")
            assert 'wait published-version-active --function-name "$FUNCTION" --qualifier "$VERSION"' in wait
            assert f'{action} --function-name "$FUNCTION" --name live --function-version "$VERSION"' in alias


@pytest.mark.parametrize("generic", [False, True])
def test_invocation_and_url_use_the_alias(generic: bool) -> None:
    text = commands.page(*SMALL, TARGET, model_in_layer=False, generic=generic).replace("\\\n", " ")
    for call in ("aws lambda invoke ", "aws lambda create-function-url-config "):
        (line,) = (line for line in text.splitlines() if call in line)
        assert '--function-name "$FUNCTION" --qualifier live ' in line
