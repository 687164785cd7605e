"""template.yaml: what it makes for which parameters, and what it lets in."""

import ast
import fnmatch
import json
import re
from typing import Any

import pytest

from function import settings
from tests.conftest import ROOT
from tests.support import template_stack
from tests.support.template_stack import resources, stack, translated

ARN = "arn:aws:s3:::"
TIMEOUTS = template_stack.source()["Parameters"]["Timeout"]["AllowedValues"]
PICTURES = {"PicturesBucket": "pictures"}
TRIGGER = {**PICTURES, "S3Trigger": "new-bucket"}
DOORS_OFF = {"UrlAuth": "off"}
BARE = {**DOORS_OFF, "Alarms": "off", "Dashboard": "off", "Metrics": "0"}
COMBINATIONS = {
    "defaults": {},
    "bare": BARE,
    "arm64": {"Architecture": "arm64", "PythonRuntime": "python3.14", "Memory": "3538"},
    "public url": {"UrlAuth": "NONE", "ReservedConcurrency": "5", "CorsOrigins": "https://a.example,https://b.example"},
    "signed api": {**DOORS_OFF, "ApiAuth": "AWS_IAM"},
    "public api": {"ApiAuth": "NONE", "CorsOrigins": "*"},
    "new bucket": TRIGGER,
    "existing bucket": {**PICTURES, "S3Trigger": "existing-bucket", "PicturesPrefix": "a/b/", "Timeout": "900"},
    "result bucket": {**TRIGGER, "ResultBucket": "results", "ResultPrefix": "r/", "Annotate": "1"},
    "batch": {**PICTURES, "ResultBucket": "pictures", "Timeout": "60"},
    "s3 requests": {**PICTURES, "S3Requests": "on"},
    "snapstart": {"SnapStart": "PublishedVersions", "PythonRuntime": "python3.12"},
    "provisioned": {"ProvisionedConcurrency": "2", "ReservedConcurrency": "10"},
    "warm": {"WarmUp": "5 minutes"},
    "model in a bucket": {"ModelBucket": "models", "ModelKey": "v1/best.onnx", "ModelSha256": "ab" * 32},
    "model in a layer": {"ModelPath": "/opt/model.onnx", "Confidence": "0.4", "Iou": ".5", "MaxDetections": "50"},
    "watched": {"Tracing": "Active", "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms", "LogLevel": "DEBUG"},
    "switched off": {"ReservedConcurrency": "0"},
    "everything": {
        **TRIGGER,
        "UrlAuth": "NONE",
        "ApiAuth": "NONE",
        "CorsOrigins": "*",
        "AllowedUrlHosts": "*",
        "S3Requests": "on",
        "ResultBucket": "results",
        "SnapStart": "PublishedVersions",
        "ModelBucket": "models",
        "ModelKey": "best.onnx",
        "WarmUp": "15 minutes",
        "Tracing": "Active",
        "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms",
        "ReservedConcurrency": "50",
    },
}
every_combination = pytest.mark.parametrize("given", COMBINATIONS.values(), ids=COMBINATIONS)


def grants(**given: str) -> dict[str, Any]:
    """What the role may do: action -> resource."""
    [managed] = resources("AWS::IAM::ManagedPolicy", **given).values()
    [role] = resources("AWS::IAM::Role", **given).values()
    documents = [managed["PolicyDocument"], *(one["PolicyDocument"] for one in role["Policies"])]
    statements = [statement for document in documents for statement in document["Statement"]]
    return {
        action: statement["Resource"]
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def permissions(**given: str) -> list[dict[str, Any]]:
    return list(resources("AWS::Lambda::Permission", **given).values())


def public(**given: str) -> list[str]:
    """Actions that everybody may take."""
    return sorted(one["Action"] for one in permissions(**given) if one["Principal"] == "*")


def environment(**given: str) -> dict[str, str]:
    found: dict[str, str] = resources("AWS::Lambda::Function", **given)["Function"]["Environment"]["Variables"]
    return found


def version(**given: str) -> tuple[str, str]:
    """What decides whether a new version is published: its logical id, and the text behind its description."""
    made = stack(**given)["Resources"]
    [(name, one)] = [(name, one) for name, one in made.items() if one["Type"] == "AWS::Lambda::Version"]
    assert one["Properties"]["Description"] == {"Ref": "LogAccess"}
    return name, made["LogAccess"]["Properties"]["Description"]


@every_combination
def test_no_rule_refuses_a_combination_that_matters(given: dict[str, str]) -> None:
    assert template_stack.broken_rules(**given) == set()


@every_combination
def test_values_of_the_combinations_are_allowed(given: dict[str, str]) -> None:
    parameters = template_stack.source()["Parameters"]
    for name, value in given.items():
        parameter = parameters[name]
        assert value in [str(one) for one in parameter.get("AllowedValues", [value])], name
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"SnapStart": "PublishedVersions", "ProvisionedConcurrency": "1"}, "SnapStartOrProvisionedConcurrency"),
        ({"S3Trigger": "new-bucket"}, "TriggerNeedsBucket"),
        ({"S3Requests": "on"}, "RequestsNeedBucket"),
        ({"ModelBucket": "models"}, "ModelBucketNeedsKey"),
        ({"ModelBucket": "models", "ModelKey": "m.onnx", "ModelPath": "/opt/m.onnx"}, "ModelBucketNeedsKey"),
        ({"ModelKey": "m.onnx"}, "ModelKeyNeedsBucket"),
    ],
)
def test_contradictions_are_refused(given: dict[str, str], rule: str) -> None:
    assert template_stack.broken_rules(**given) == {rule}


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "Confidence": ["1.5", "-1", "0,5", "0.25 ", "25%", "."],
        "Iou": ["2", "0.70001"],
        "MaxDetections": ["0", "3001", "1.5"],
        "ReservedConcurrency": ["-1", "x"],
        "ModelPath": ["model.onnx", "s3://bucket/model.onnx"],
        "ModelSha256": ["ab", "g" * 64],
        "PicturesPrefix": ["", "*", "a?", "${aws:username}", "a b/"],
        "ResultPrefix": ["", "*"],
        "PicturesBucket": ["*", "a*", "a/b", "Pictures"],
        "CorsOrigins": ["a.example", "https://a.example, https://b.example"],
        "AlarmTopic": ["alarms"],
    }.items(),
)
def test_values_that_cannot_be_are_refused(name: str, values: list[str]) -> None:
    pattern = template_stack.source()["Parameters"][name]["AllowedPattern"]
    assert [value for value in values if re.fullmatch(pattern, value)] == []


def test_every_parameter_says_what_it_is_and_stands_in_one_group() -> None:
    template = template_stack.source()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    assert all(one["Description"] for one in template["Parameters"].values())


def test_a_stack_of_defaults_needs_no_parameter() -> None:
    assert all("Default" in one for one in template_stack.source()["Parameters"].values())


# Doors


@every_combination
def test_nothing_is_public_but_the_url_that_was_asked_to_be(given: dict[str, str]) -> None:
    both = ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
    assert public(**given) == (both if given.get("UrlAuth") == "NONE" else [])


def test_a_public_url_opens_the_function_to_nothing_but_itself() -> None:
    limits = {one["Action"]: one for one in permissions(UrlAuth="NONE")}
    assert limits["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert limits["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


@pytest.mark.parametrize("kind", ["AWS_IAM", "NONE"])
def test_a_url_is_of_the_alias_and_as_asked_for(kind: str) -> None:
    [url] = resources("AWS::Lambda::Url", UrlAuth=kind).values()
    assert url == {"TargetFunctionArn": {"Ref": "FunctionAliaslive"}, "AuthType": kind}


def test_no_url_where_it_is_off() -> None:
    assert not resources("AWS::Lambda::Url", UrlAuth="off")
    assert "FunctionUrl" not in stack(UrlAuth="off")["Outputs"]


def test_no_api_if_nothing_is_said() -> None:
    assert not [one for one in stack()["Resources"].values() if one["Type"].startswith("AWS::ApiGateway")]


@pytest.mark.parametrize("kind", ["AWS_IAM", "NONE"])
def test_an_api_has_one_route_and_the_function_lets_that_one_in(kind: str) -> None:
    [route] = resources("AWS::ApiGatewayV2::Route", ApiAuth=kind).values()
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /analyze", kind)
    [permission] = permissions(ApiAuth=kind)
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/*/POST/analyze")


def test_cors_is_the_same_on_both_doors_and_none_of_the_function() -> None:
    given = {"UrlAuth": "NONE", "ApiAuth": "NONE", "CorsOrigins": "https://a.example,https://b.example"}
    [url] = resources("AWS::Lambda::Url", **given).values()
    [api] = resources("AWS::ApiGatewayV2::Api", **given).values()
    assert url["Cors"] == api["CorsConfiguration"] | {"AllowMethods": ["GET", "POST"]}
    assert url["Cors"]["AllowOrigins"] == ["https://a.example", "https://b.example"]
    sources = "".join(path.read_text() for path in (ROOT / "function").rglob("*.py"))
    assert "access-control" not in sources.lower()


@every_combination
def test_every_permission_for_a_service_names_who_sends(given: dict[str, str]) -> None:
    assert all("SourceArn" in one for one in permissions(**given) if one["Principal"] != "*")


# What the role may do


def test_with_everything_off_the_role_may_write_its_log_and_nothing_else() -> None:
    log = {"Fn::GetAtt": ["LogGroup", "Arn"]}
    assert grants(**BARE) == {"logs:CreateLogStream": log, "logs:PutLogEvents": log}
    assert permissions(**BARE) == []


@pytest.mark.parametrize(
    ("given", "granted"),
    [
        (
            {**PICTURES, "PicturesPrefix": "a/"},
            {
                "s3:GetObject": f"{ARN}pictures/a/*",
                "s3:GetObjectVersion": f"{ARN}pictures/a/*",
                "s3:ListBucket": f"{ARN}pictures",
            },
        ),
        ({"ResultBucket": "results", "ResultPrefix": "r/"}, {"s3:PutObject": f"{ARN}results/r/*"}),
        ({"ModelBucket": "models", "ModelKey": "v1/m.onnx"}, {"s3:GetObject": f"{ARN}models/v1/m.onnx"}),
        ({"Tracing": "Active"}, {"xray:PutTraceSegments": "*", "xray:PutTelemetryRecords": "*"}),
        ({"UrlAuth": "NONE", "ApiAuth": "NONE", "WarmUp": "5 minutes", "SnapStart": "PublishedVersions"}, {}),
    ],
)
def test_a_feature_grants_what_it_needs_and_nothing_else(given: dict[str, str], granted: dict[str, str]) -> None:
    before = grants()
    assert grants(**given) == before | granted


def test_the_trigger_grants_the_queue_and_the_results() -> None:
    more = {name: resource for name, resource in grants(**TRIGGER).items() if name not in grants(**PICTURES)}
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    assert more == {
        "s3:PutObject": f"{ARN}pictures/results/*",
        "sqs:ReceiveMessage": queue,
        "sqs:DeleteMessage": queue,
        "sqs:GetQueueAttributes": queue,
    }


@every_combination
def test_no_action_of_the_role_has_a_wildcard(given: dict[str, str]) -> None:
    assert not [action for action in grants(**given) if "*" in action]


# Pictures in a bucket


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_a_message_stays_hidden_for_six_time_outs(timeout: str) -> None:
    queue = resources("AWS::SQS::Queue", **TRIGGER, Timeout=timeout)["Queue"]
    assert queue["VisibilityTimeout"] == 6 * int(timeout)


def test_failed_messages_come_again_one_by_one_and_end_in_the_dead_letter_queue() -> None:
    [mapping] = resources("AWS::Lambda::EventSourceMapping", **TRIGGER).values()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queues = resources("AWS::SQS::Queue", **TRIGGER)
    assert queues["Queue"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
        "maxReceiveCount": 5,
    }
    assert queues["DeadLetters"]["MessageRetentionPeriod"] > queues["Queue"]["MessageRetentionPeriod"]


@pytest.mark.parametrize("kind", ["new-bucket", "existing-bucket"])
def test_only_that_bucket_of_this_account_may_fill_the_queue(kind: str) -> None:
    [policy] = resources("AWS::SQS::QueuePolicy", **PICTURES, S3Trigger=kind).values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"{ARN}pictures"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }


def test_a_new_bucket_is_private_tells_the_queue_and_outlives_the_stack() -> None:
    bucket = stack(**TRIGGER)["Resources"]["Pictures"]
    assert (bucket["DeletionPolicy"], bucket["DependsOn"]) == ("Retain", "QueuePolicy")
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    [told] = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "in/"}]


def test_an_existing_bucket_is_connected_by_a_printed_command() -> None:
    made = stack(**PICTURES, S3Trigger="existing-bucket", PicturesPrefix="a/")
    assert "Pictures" not in made["Resources"]
    command = made["Outputs"]["NotifyCommand"]["Value"]["Fn::Sub"]
    told = json.loads(re.search(r"'(\{.*\})'", command)[1])["QueueConfigurations"][0]  # type: ignore[index]
    assert told["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "a/"}]
    assert told["QueueArn"] == "${Queue.Arn}"


@pytest.mark.parametrize("given", [TRIGGER, {**TRIGGER, "ResultBucket": "results"}])
def test_the_function_can_check_that_results_set_off_no_trigger(given: dict[str, str]) -> None:
    assert settings.Settings.from_env(environment(**given)).result_prefix == "results/"
    looped = environment(**(given | {"ResultBucket": "pictures", "ResultPrefix": "in/results/"}))
    with pytest.raises(settings.InvalidSetting, match="WATCHED_PREFIX"):
        settings.Settings.from_env(looped)


# The function


def test_every_variable_is_one_that_the_function_reads() -> None:
    texts = {
        node.value
        for name in ("settings.py", "__init__.py")
        for node in ast.walk(ast.parse((ROOT / "function" / name).read_text()))
        if isinstance(node, ast.Constant)
    }
    assert set(environment()) - texts == set()


def test_variables_that_nothing_was_said_about_leave_the_functions_own_defaults() -> None:
    assert settings.Settings.from_env(environment()) == settings.Settings.from_env({})


def test_thresholds_and_the_model_reach_the_function() -> None:
    read = settings.Settings.from_env(
        environment(Confidence="0.4", Iou=".5", MaxDetections="7", ModelPath="/opt/m.onnx")
    )
    assert (read.conf, read.iou, read.max_det, read.model_path) == (0.4, 0.5, 7, "/opt/m.onnx")
    assert environment(ModelBucket="models", ModelKey="v1/m.onnx")["MODEL_PATH"] == "s3://models/v1/m.onnx"


def test_callers_may_name_the_bucket_only_if_so_asked() -> None:
    assert environment(**PICTURES)["ALLOWED_BUCKETS"] == ""
    assert environment(**PICTURES, S3Requests="on")["ALLOWED_BUCKETS"] == "pictures"


def test_telemetry_is_off() -> None:
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"


def test_reserved_concurrency_of_none_is_no_limit_and_of_zero_is_zero() -> None:
    reserved = [
        resources("AWS::Lambda::Function", **given)["Function"].get("ReservedConcurrentExecutions")
        for given in ({}, {"ReservedConcurrency": "0"})
    ]
    assert reserved == [None, "0"]


CHANGES = {
    "Architecture": "arm64",
    "PythonRuntime": "python3.14",
    "Memory": "3008",
    "Timeout": "60",
    "SnapStart": "PublishedVersions",
    "Tracing": "Active",
    "LogLevel": "DEBUG",
    "ModelPath": "/opt/other.onnx",
    "ModelBucket": "models",
    "ModelKey": "other.onnx",
    "ModelSha256": "ab" * 32,
    "Confidence": "0.4",
    "Iou": "0.5",
    "AgnosticNms": "1",
    "MaxDetections": "50",
    "FastDecode": "1",
    "ModelName": "wine",
    "AllowedUrlHosts": "*",
    "PicturesBucket": "pictures",
    "PicturesPrefix": "other/",
    "S3Requests": "on",
    "ResultBucket": "results",
    "ResultPrefix": "other/",
    "Annotate": "1",
    "Metrics": "0",
}
UNVERSIONED = {"ReservedConcurrentExecutions"}  # of the function as a whole, not of a version


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_a_parameter_that_reaches_the_function_publishes_a_version(name: str, value: str) -> None:
    assert version(**{name: value}) != version()


NEEDS = {"S3Requests": PICTURES, "ModelBucket": {"ModelKey": "m.onnx"}, "ModelKey": {"ModelBucket": "models"}}


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_what_publishes_a_version_changes_the_function_since_two_alike_are_an_error(name: str, value: str) -> None:
    before, after = (
        resources("AWS::Lambda::Function", **NEEDS.get(name, {}), **given)["Function"] for given in ({}, {name: value})
    )
    assert before != after


@pytest.mark.parametrize("name", sorted(set(template_stack.source()["Parameters"]) - set(CHANGES)))
def test_other_parameters_publish_none_and_leave_the_function_alone(name: str) -> None:
    value = {"AllowedValues": [None, "-"]} | template_stack.source()["Parameters"][name]
    given = {name: str(value["AllowedValues"][-2 if name in ("Alarms", "Dashboard") else -1])}
    if name in ("ReservedConcurrency", "ProvisionedConcurrency", "QueueConcurrency"):
        given = {name: "7"}
    assert version(**given) == version()
    before, after = (resources("AWS::Lambda::Function", **one)["Function"] for one in ({}, given))
    assert {key for key in before | after if before.get(key) != after.get(key)} <= UNVERSIONED


def test_another_zip_publishes_a_version() -> None:
    def published(**zips: str) -> set[str]:
        return {name for name in translated(**zips)["Resources"] if name.startswith("FunctionVersion")}

    assert published(function_zip="other.zip") != published()
    assert published(layer_zip="other.zip") != published()


def test_the_description_that_publishes_versions_always_has_room() -> None:
    parameters = template_stack.source()["Parameters"]
    longest = {name: one["MaxLength"] for name, one in parameters.items() if "MaxLength" in one}
    longest |= {
        name: max(len(str(value)) for value in one["AllowedValues"])
        for name, one in parameters.items()
        if "AllowedValues" in one
    }
    values = {
        name: "x" * longest.get(name, 64 if name == "ModelSha256" else 63 if name.endswith("Bucket") else 17)
        for name in CHANGES
    }
    text = template_stack.source()["Resources"]["LogAccess"]["Properties"]["Description"]["Fn::Sub"]
    assert {*re.findall(r"\$\{(\w+)\}", text)} == set(CHANGES)
    assert len(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)) <= 1000


def test_snapstart_and_provisioned_concurrency_are_as_asked_for() -> None:
    def alias(**given: str) -> dict[str, Any]:
        return resources("AWS::Lambda::Alias", **given)["FunctionAliaslive"]

    function = resources("AWS::Lambda::Function", SnapStart="PublishedVersions")["Function"]
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "ProvisionedConcurrencyConfig" not in alias(SnapStart="PublishedVersions")
    assert alias(ProvisionedConcurrency="2")["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}


def test_the_warm_up_calls_the_alias_with_the_marker() -> None:
    [rule] = resources("AWS::Events::Rule", WarmUp="5 minutes").values()
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    [target] = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == ({"Ref": "FunctionAliaslive"}, {"warmup": True})


# Watching


def test_alarms_are_there_and_dead_letters_have_one_where_there_is_a_queue() -> None:
    four = {"ErrorsAlarm", "FaultsAlarm", "ThrottlesAlarm", "DurationAlarm"}
    assert set(resources("AWS::CloudWatch::Alarm")) == four
    assert set(resources("AWS::CloudWatch::Alarm", **TRIGGER)) == four | {"DeadLettersAlarm"}
    assert not resources("AWS::CloudWatch::Alarm", **TRIGGER, Alarms="off")


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_the_alarm_of_duration_is_at_four_fifths_of_the_time_out(timeout: str) -> None:
    alarm = resources("AWS::CloudWatch::Alarm", Timeout=timeout)["DurationAlarm"]
    assert alarm["Threshold"] == 0.8 * 1000 * int(timeout)


def test_every_alarm_tells_the_topic() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    told = [one["AlarmActions"] for one in resources("AWS::CloudWatch::Alarm", **TRIGGER, AlarmTopic=topic).values()]
    assert told == [[topic]] * 5


@pytest.mark.parametrize("given", [{}, TRIGGER], ids=["without a queue", "with a queue"])
def test_the_dashboard_is_json_and_its_metrics_exist(given: dict[str, str]) -> None:
    [board] = resources("AWS::CloudWatch::Dashboard", **given).values()
    widgets = json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"]
    rows = [row for widget in widgets for row in widget["properties"]["metrics"]]
    ours = {row[1] for row in rows if row[0] == "YoloLambda"}
    written = (ROOT / "function" / "metrics.py").read_text()
    assert ours
    assert [name for name in ours if f'"{name}"' not in written] == []
    assert any(row[0] == "AWS/SQS" for row in rows) == bool(given)


def test_the_log_is_json_and_goes_where_retention_is_set() -> None:
    function = resources("AWS::Lambda::Function")["Function"]
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}
    assert resources("AWS::Logs::LogGroup", LogRetention="7")["LogGroup"]["RetentionInDays"] == "7"


# The zips


def test_function_and_layer_are_for_the_same_processor_and_python() -> None:
    given = {"Architecture": "arm64", "PythonRuntime": "python3.14"}
    function = resources("AWS::Lambda::Function", **given)["Function"]
    [(name, layer)] = resources("AWS::Lambda::LayerVersion", **given).items()
    assert function["Layers"] == [{"Ref": name}]
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.14"], ["arm64"])


def test_the_role_has_its_log_policy_attached() -> None:
    [role] = resources("AWS::IAM::Role").values()
    assert role["ManagedPolicyArns"] == [{"Ref": "LogAccess"}]


def test_the_zips_are_those_that_build_zip_leaves_and_sam_builds_nothing() -> None:
    made = template_stack.source()["Resources"]
    assert made["Function"]["Properties"]["CodeUri"] == "dist/function.zip"
    assert made["Packages"]["Properties"]["ContentUri"] == "dist/layer.zip"
    assert "Metadata" not in made["Packages"]


def test_outputs_say_how_to_call_it() -> None:
    outputs = stack(**COMBINATIONS["everything"])["Outputs"]
    assert {"FunctionArn", "AliasArn", "CallCommand", "FunctionUrl", "ApiUrl", "QueueUrl", "DeadLetterQueueUrl"} == set(
        outputs
    )
    assert fnmatch.fnmatch(outputs["CallCommand"]["Value"]["Fn::Sub"], "*--function-name ${Function}:live *")
