"""example/terraform/: parsed as HCL; references, arguments, permissions and the files of the build are checked.

Terraform itself needs the provider of AWS, which no package index has. ARGUMENTS therefore repeats its schema for the
types in use: required arguments, and the others that the configuration sets.

Source: hashicorp/aws 6.25.0, by the types of @cdktf/provider-aws 21.22.1; invoked_via_function_url: 6.29.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from layer.targets import Target
from scripts import manifest
from scripts.aws import commands, limits
from scripts.bundle import archives
from scripts.bundle.optimize import Optimized
from tests.conftest import ROOT
from tests.support.template_stack import resources as template_resources

FOLDER = ROOT / "example" / "terraform"
ARGUMENTS = {  # type -> (required, optional)
    "aws_s3_object": ("bucket key", "source source_hash"),
    "aws_lambda_layer_version": (
        "layer_name",
        "filename s3_bucket s3_key source_code_hash compatible_runtimes compatible_architectures skip_destroy",
    ),
    "aws_lambda_function": (
        "function_name role",
        "handler runtime architectures layers filename s3_bucket s3_key source_code_hash memory_size timeout "
        "reserved_concurrent_executions publish environment logging_config",
    ),
    "aws_lambda_alias": ("name function_name function_version", "description"),
    "aws_cloudwatch_log_group": ("", "name_prefix retention_in_days"),
    "aws_iam_role": ("assume_role_policy", "name_prefix"),
    "aws_iam_role_policy": ("role policy", "name"),
    "aws_lambda_function_url": ("function_name authorization_type", "qualifier cors"),
    "aws_lambda_permission": (
        "action function_name principal",
        "statement_id qualifier function_url_auth_type invoked_via_function_url",
    ),
    "aws_sqs_queue": (
        "",
        "name_prefix visibility_timeout_seconds message_retention_seconds sqs_managed_sse_enabled redrive_policy",
    ),
    "aws_sqs_queue_policy": ("queue_url policy", ""),
    "aws_lambda_event_source_mapping": (
        "function_name",
        "event_source_arn batch_size function_response_types scaling_config",
    ),
    "aws_s3_bucket_notification": ("bucket", "queue"),
}
META_ARGUMENTS = {"count", "for_each", "depends_on", "lifecycle"}
REFERENCE = re.compile(r"(?<![\w.\"])(data\.aws_\w+\.\w+|aws_\w+\.\w+|var\.\w+|local\.\w+)(\[)?")


def plain(value: Any) -> Any:
    """Return what python-hcl2 has parsed without the quotation marks of strings and the marks of blocks."""
    if isinstance(value, dict):
        return {plain(name): plain(item) for name, item in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value[1:-1] if isinstance(value, str) and re.fullmatch(r'".*"', value) else value


@pytest.fixture(scope="module")
def configuration() -> dict[str, list[dict[str, Any]]]:
    """The blocks of all files, by their kind."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(FOLDER.glob("*.tf")):
        for kind, items in plain(hcl2.loads(path.read_text())).items():
            blocks.setdefault(kind, []).extend(items)
    return blocks


@pytest.fixture(scope="module")
def resources(configuration: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The arguments of each resource, by `type.name`."""
    return dict(named(configuration["resource"]))


def named(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in blocks:
        for kind, items in block.items():
            for name, arguments in items.items():
                yield f"{kind}.{name}", arguments


def expressions(value: Any) -> Iterator[str]:
    """Yield every text that may contain references."""
    if isinstance(value, dict):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, str) and "${" in value:
        yield value


def statements(configuration: dict[str, list[dict[str, Any]]], name: str) -> list[dict[str, Any]]:
    documents = dict(named(configuration["data"]))
    found: list[dict[str, Any]] = documents[f"aws_iam_policy_document.{name}"]["statement"]
    return found


def test_every_reference_is_declared_and_every_declaration_is_used(
    configuration: dict[str, list[dict[str, Any]]], resources: dict[str, dict[str, Any]]
) -> None:
    values = {f"var.{name}" for block in configuration["variable"] for name in block}
    values |= {f"local.{name}" for block in configuration["locals"] for name in block}
    data = {f"data.{name}" for name, _ in named(configuration["data"])}
    used = {match[1] for text in expressions(configuration) for match in REFERENCE.finditer(text)}
    assert used - values - data - set(resources) == set()
    assert (values | data) - used == set()


def test_resources_with_a_count_are_referred_to_by_an_index(
    configuration: dict[str, list[dict[str, Any]]], resources: dict[str, dict[str, Any]]
) -> None:
    every = {**resources, **{f"data.{name}": arguments for name, arguments in named(configuration["data"])}}
    several = {name for name, arguments in every.items() if {"count", "for_each"} & arguments.keys()}
    assert len(several) >= 8
    for text in expressions({kind: blocks for kind, blocks in configuration.items() if kind != "variable"}):
        for match in REFERENCE.finditer(text):
            if match[1] in every and f"{match[1]}}}" not in text:  # depends_on names the whole resource
                assert bool(match[2]) == (match[1] in several), text


def test_resources_have_their_required_arguments_and_no_unknown_ones(resources: dict[str, dict[str, Any]]) -> None:
    for name, arguments in resources.items():
        required, optional = (set(names.split()) for names in ARGUMENTS[name.partition(".")[0]])
        dynamic = {block for item in arguments.get("dynamic", []) for block in item}
        given = (arguments.keys() - META_ARGUMENTS - {"dynamic"}) | dynamic
        assert required <= given, name
        assert given <= required | optional, name


def test_outputs_and_variables_say_what_they_are(configuration: dict[str, list[dict[str, Any]]]) -> None:
    for block in (*configuration["output"], *configuration["variable"]):
        for name, fields in block.items():
            assert fields["description"], name
    typed = [fields for block in configuration["variable"] for fields in block.values()]
    assert all({"type", "default"} <= fields.keys() for fields in typed)


def test_page_has_the_variables_with_their_defaults(configuration: dict[str, list[dict[str, Any]]]) -> None:
    text = (ROOT / "docs" / "deploy.md").read_text().partition("\n## Terraform\n")[2]
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    documented = {}
    for names, defaults, _ in rows:
        values = [value.strip(" `").replace("empty", "") for value in defaults.split(", ")]
        documented |= dict(zip(re.findall(r"`(\w+)`", names), values, strict=True))
    declared = {
        name: json.dumps(fields["default"]).strip('"')
        for block in configuration["variable"]
        for name, fields in block.items()
    }
    assert documented == declared


def test_zips_and_manifest_are_those_of_the_build(
    configuration: dict[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local: dict[str, str] = {name: text for block in configuration["locals"] for name, text in block.items()}
    assert f'file("${{var.dist}}/{manifest.NAME}")' in local["build"]
    assert '["layer", "function"]' in local["zips"] and "/${name}.zip" in local["zips"]
    assert [manifest.LAYER_ZIP, manifest.FUNCTION_ZIP] == ["layer.zip", "function.zip"]
    assert local["limit"] == "${50 * 1024 * 1024}" and limits.DIRECT_LIMIT == 50 * 1024 * 1024
    monkeypatch.setattr(archives, "_describe_model", lambda model, path: {})
    zips = (tmp_path / "layer.zip", tmp_path / "function.zip")
    for path in zips:
        path.write_bytes(b"PK\x05\x06" + bytes(18))
    built = archives.describe(zips, Target("arm64", "3.13"), Optimized(None, "", ""), False)
    fields = {match for text in expressions(configuration) for match in re.findall(r"local\.build\.([\w.]+)", text)}
    assert fields == {"arch", "python", "layer.zip_bytes", "function.zip_bytes"}
    for field in fields:
        value: Any = built
        for part in field.split("."):
            value = value[part]
    folder = [block["dist"]["default"] for block in configuration["variable"] if "dist" in block]
    assert (FOLDER / folder[0]).resolve() == ROOT / "dist"


def test_function_is_configured_as_by_the_other_methods(
    configuration: dict[str, list[dict[str, Any]]], resources: dict[str, dict[str, Any]]
) -> None:
    function = resources["aws_lambda_function.yolo"]
    assert function["handler"] == commands.HANDLER
    assert function["publish"] is True
    assert function["source_code_hash"] == "${filebase64sha256(local.zips.function)}"
    assert resources["aws_lambda_layer_version.packages"]["skip_destroy"] is True
    assert 'ORT_DISABLE_TELEMETRY = "1"' in function["environment"][0]["variables"]
    assert function["logging_config"][0]["log_format"] == "JSON"
    defaults = {name: fields["default"] for block in configuration["variable"] for name, fields in block.items()}
    assert (defaults["memory_mb"], defaults["timeout"]) == (commands.MEMORY, commands.TIMEOUT)
    assert (defaults["url_auth"], defaults["replace_notifications"]) == ("AWS_IAM", False)
    assert resources["aws_cloudwatch_log_group.function"]["retention_in_days"] == "${var.log_retention_days}"


def test_every_caller_calls_the_alias(resources: dict[str, dict[str, Any]]) -> None:
    assert resources["aws_lambda_alias.live"]["name"] == "live"
    assert resources["aws_lambda_alias.live"]["function_version"] == "${aws_lambda_function.yolo.version}"
    for name, arguments in resources.items():
        if name.startswith(("aws_lambda_function_url.", "aws_lambda_permission.")):
            assert arguments["qualifier"] == "${aws_lambda_alias.live.name}"
    assert resources["aws_lambda_event_source_mapping.images"]["function_name"] == "${aws_lambda_alias.live.arn}"


def test_public_url_has_two_permissions(resources: dict[str, dict[str, Any]]) -> None:
    permissions = [arguments for name, arguments in resources.items() if name.startswith("aws_lambda_permission.")]
    expected = [
        ("lambda:InvokeFunctionUrl", "NONE", None),
        ("lambda:InvokeFunction", None, True),
    ]
    found = [
        (one["action"], one.get("function_url_auth_type"), one.get("invoked_via_function_url")) for one in permissions
    ]
    assert found == expected
    assert all(one["count"] == '${var.url_auth == "NONE" ? 1 : 0}' for one in permissions)
    assert all(one["principal"] == "*" for one in permissions)


def test_queue_is_that_of_the_template(resources: dict[str, dict[str, Any]]) -> None:
    queue = resources["aws_sqs_queue.images"]
    declared = template_resources("AWS::SQS::Queue", S3Trigger="new-bucket", PicturesBucket="photos")
    assert queue["visibility_timeout_seconds"] == "${6 * var.timeout}"
    assert declared["Queue"]["VisibilityTimeout"] == 6 * 30
    assert queue["message_retention_seconds"] == declared["Queue"]["MessageRetentionPeriod"]
    kept = resources["aws_sqs_queue.dead_letters"]["message_retention_seconds"]
    assert kept == declared["DeadLetters"]["MessageRetentionPeriod"]
    assert "maxReceiveCount = 5" in queue["redrive_policy"]
    mapping = resources["aws_lambda_event_source_mapping.images"]
    assert (mapping["batch_size"], mapping["function_response_types"]) == (10, ["ReportBatchItemFailures"])


def test_permissions_of_the_role_are_those_of_the_template(configuration: dict[str, list[dict[str, Any]]]) -> None:
    role = template_resources("AWS::IAM::Role", S3Trigger="new-bucket", PicturesBucket="photos")["Role"]
    granted = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    expected = {
        action
        for part in granted
        for action in ([part["Action"]] if isinstance(part["Action"], str) else part["Action"])
    }
    trigger = statements(configuration, "trigger")
    assert {action for statement in trigger for action in statement["actions"]} == expected
    [logs] = statements(configuration, "function")
    assert logs["actions"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    every = [*trigger, logs]
    assert not [resource for statement in every for resource in statement["resources"] if resource == "*"]


def test_only_the_bucket_of_this_account_may_send_to_the_queue(
    configuration: dict[str, list[dict[str, Any]]],
) -> None:
    [statement] = statements(configuration, "queue")
    assert statement["actions"] == ["sqs:SendMessage"]
    assert statement["principals"] == [{"type": "Service", "identifiers": ["s3.amazonaws.com"]}]
    assert {condition["variable"] for condition in statement["condition"]} == {"aws:SourceArn", "aws:SourceAccount"}


def test_no_partition_and_no_account_is_written_out() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.tf"))
    assert "arn:aws" not in text
    assert not re.search(r"\b\d{12}\b", text)
    assert json.dumps("arn:${data.aws_partition.current.partition}:s3:::${var.pictures_bucket}") in text
