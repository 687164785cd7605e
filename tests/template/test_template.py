"""template.yaml: resources for each set of parameters, permissions, and accepted parameter values."""

import ast
import fnmatch
import json
import re
from typing import Any
from unittest import mock

import pytest

from function import metrics, settings
from function.errors import NotFound
from tests.conftest import ROOT
from tests.function import test_metrics
from tests.support import template_stack
from tests.support.template_stack import resources, stack, translated

ARN = "arn:aws:s3:::"
TIMEOUTS = template_stack.source()["Parameters"]["Timeout"]["AllowedValues"]
WITH_BUCKET = {"PicturesBucket": "photos"}
TRIGGER = {**WITH_BUCKET, "S3Trigger": "new-bucket"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NO_URL = {"UrlAuth": "off"}
JWT = {"ApiAuth": "JWT", "JwtIssuer": "https://login.example/a", "JwtAudience": "app-1,app-2"}
BARE = {**NO_URL, "Alarms": "off", "Dashboard": "off", "Metrics": "0", "Page": "0"}
COMBINATIONS = {
    "defaults": {},
    "bare": BARE,
    "arm64": {"Architecture": "arm64", "PythonRuntime": "python3.14", "Memory": "3538"},
    "public url": {"UrlAuth": "NONE", "ReservedConcurrency": "5", "CorsOrigins": "https://a.example,https://b.example"},
    "signed api": {**NO_URL, "ApiAuth": "AWS_IAM"},
    "public api": {"ApiAuth": "NONE", "CorsOrigins": "*"},
    "api with tokens": {**JWT, "CorsOrigins": "https://a.example", "ApiRate": "100", "ApiBurst": "200"},
    "new bucket": TRIGGER,
    "existing bucket": {**WITH_BUCKET, "S3Trigger": "existing-bucket", "PicturesPrefix": "a/b/", "Timeout": "900"},
    "result bucket": {**TRIGGER, "ResultBucket": "results", "ResultPrefix": "r/", "Annotate": "1"},
    "batch": {**WITH_BUCKET, "ResultBucket": "photos", "Timeout": "60"},
    "bulk": {**WITH_BUCKET, "Bulk": "on"},
    "bulk of long calls": {**WITH_BUCKET, "Bulk": "on", "ResultBucket": "results", "Timeout": "300"},
    "bulk of encrypted buckets": {**WITH_BUCKET, "Bulk": "on", "KmsKeyArn": KEY, "Tracing": "Active"},
    "bulk and a new bucket": {**TRIGGER, "Bulk": "on", "KmsKeyArn": KEY},
    "bulk and an existing bucket": {**WITH_BUCKET, "S3Trigger": "existing-bucket", "Bulk": "on"},
    "s3 requests": {**WITH_BUCKET, "S3Requests": "on"},
    "uploads": {"Uploads": "on"},
    "encrypted buckets": {**TRIGGER, "ModelBucket": "models", "ModelKey": "best.onnx", "KmsKeyArn": KEY},
    "readings by bedrock": {
        "ReadModelId": "eu.amazon.nova-lite-v1:0",
        "ReadPrompt": "How much?",
        "ReadClasses": "gauge",
    },
    "readings by a pose model": {"ReadModelPath": "/var/task/dial.onnx", "ReadScale": "0:10 bar", "ReadMaxCrops": "3"},
    "readings by a packed model": {"ReadScale": "0:10 bar"},
    "readings by a model in a bucket": {"ReadModelPath": "s3://models/v1/dial.onnx", "ReadModelSha256": "ab" * 32},
    "snapstart": {"SnapStart": "PublishedVersions", "PythonRuntime": "python3.12"},
    "provisioned": {"ProvisionedConcurrency": "2", "ReservedConcurrency": "10"},
    "warm": {"WarmUp": "5 minutes"},
    "model in a bucket": {"ModelBucket": "models", "ModelKey": "v1/best.onnx", "ModelSha256": "ab" * 32},
    "model in a layer": {"ModelPath": "/opt/model.onnx", "Confidence": "0.4", "Iou": ".5", "MaxDetections": "50"},
    "large input": {"Imgsz": "736,1280", "MaxImgszPixels": "942080", "Memory": "3008"},
    "tiles": {"Tile": "640", "TileOverlap": "0.3", "TileMerge": "nms"},
    "quiet": {"LogLevel": "WARN", "Metrics": "classes"},
    "alarms by e-mail": {**TRIGGER, "AlarmEmail": "operator@a.example", "MaxQueueAge": "600"},
    "update in steps": {**TRIGGER, "Deployment": "Canary10Percent5Minutes", "Metrics": "0"},
    "everything in steps": {
        **TRIGGER,
        "Deployment": "Linear10PercentEvery1Minute",
        "ProvisionedConcurrency": "2",
        "AlarmEmail": "operator@a.example",
    },
    "monitored": {"Tracing": "Active", "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms", "LogLevel": "DEBUG"},
    "switched off": {"ReservedConcurrency": "0"},
    "everything": {
        **TRIGGER,
        "UrlAuth": "NONE",
        "ApiAuth": "NONE",
        "CorsOrigins": "*",
        "AllowedUrlHosts": "*",
        "Uploads": "on",
        "S3Requests": "on",
        "Bulk": "on",
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
every_combination = pytest.mark.parametrize("parameters", COMBINATIONS.values(), ids=COMBINATIONS)


def grants(**parameters: str) -> dict[str, list[Any]]:
    """Return the permissions of the role: action -> resources."""
    managed = resources("AWS::IAM::ManagedPolicy", **parameters).values()
    role = resources("AWS::IAM::Role", **parameters)["Role"]
    documents = [
        *(policy["PolicyDocument"] for policy in managed),
        *(policy["PolicyDocument"] for policy in role["Policies"]),
    ]
    statements = [statement for document in documents for statement in document["Statement"]]
    granted: dict[str, list[Any]] = {}
    for statement in statements:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            granted.setdefault(action, []).append(statement["Resource"])
    return granted


def permissions(**parameters: str) -> list[dict[str, Any]]:
    return list(resources("AWS::Lambda::Permission", **parameters).values())


def public(**parameters: str) -> list[str]:
    """Return the actions that everybody may call."""
    return sorted(grant["Action"] for grant in permissions(**parameters) if grant["Principal"] == "*")


def environment(**parameters: str) -> dict[str, str]:
    function = resources("AWS::Lambda::Function", **parameters)["Function"]
    variables: dict[str, str] = function["Environment"]["Variables"]
    return variables


def version(**parameters: str) -> tuple[str, str, str]:
    """Return the values whose change publishes a version: its logical id, and the two parts of its description."""
    deployed = stack(**parameters)["Resources"]
    [name] = [name for name, resource in deployed.items() if resource["Type"] == "AWS::Lambda::Version"]
    policy, _, digest = deployed[name]["Properties"]["Description"]["Fn::Sub"].partition(" ")
    assert policy == "${LogAccess}"
    return name, deployed["LogAccess"]["Properties"]["Description"], digest


@every_combination
def test_no_rule_refuses_a_combination(parameters: dict[str, str]) -> None:
    assert template_stack.broken_rules(**parameters) == set()


@every_combination
def test_values_of_the_combinations_are_allowed(parameters: dict[str, str]) -> None:
    declared = template_stack.source()["Parameters"]
    for name, value in parameters.items():
        parameter = declared[name]
        assert value in [str(allowed) for allowed in parameter.get("AllowedValues", [value])], name
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"SnapStart": "PublishedVersions", "ProvisionedConcurrency": "1"}, "SnapStartOrProvisionedConcurrency"),
        ({"S3Trigger": "new-bucket"}, "TriggerNeedsBucket"),
        ({"S3Requests": "on"}, "RequestsNeedBucket"),
        ({"ModelBucket": "models"}, "ModelBucketNeedsKey"),
        ({"ModelBucket": "models", "ModelKey": "m.onnx", "ModelPath": "/opt/m.onnx"}, "ModelBucketNeedsKey"),
        ({"ModelKey": "m.onnx"}, "ModelKeyNeedsBucket"),
        ({"ReadModelId": "a.b", "ReadModelPath": "/opt/dial.onnx"}, "OneReadingModel"),
        ({"ReadModelId": "a.b", "ReadScale": "0:10 bar"}, "OneReadingModel"),
        ({"ReadModelId": "a.b", "ReadModelSha256": "ab" * 32}, "OneReadingModel"),
        ({"ReadModelPath": "/opt/dial.onnx", "ReadPrompt": "How much?"}, "PromptNeedsBedrock"),
        ({"ReadModelId": "a.b", "UrlAuth": "NONE"}, "PublicReadingsNeedKey"),
        ({"ReadModelId": "a.b", "ApiAuth": "NONE"}, "PublicReadingsNeedKey"),
        ({"ApiAuth": "JWT"}, "JwtNeedsIssuerAndAudience"),
        ({"ApiAuth": "JWT", "JwtIssuer": "https://login.example"}, "JwtNeedsIssuerAndAudience"),
        ({"ApiAuth": "AWS_IAM", "JwtIssuer": "https://login.example"}, "IssuerNeedsJwt"),
        ({"JwtAudience": "app"}, "IssuerNeedsJwt"),
        ({**TRIGGER, "PicturesPrefix": "a/", "ResultPrefix": "a/"}, "ResultsOutsidePictures"),
        (
            {**WITH_BUCKET, "ResultBucket": "photos", "PicturesPrefix": "a/", "ResultPrefix": "a/"},
            "ResultsOutsidePictures",
        ),
        ({**WITH_BUCKET, "Bulk": "on", "PicturesPrefix": "a/", "ResultPrefix": "a/"}, "ResultsOutsidePictures"),
    ],
)
def test_contradicting_parameters_are_refused(parameters: dict[str, str], rule: str) -> None:
    assert template_stack.broken_rules(**parameters) == {rule}


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "Confidence": ["1.5", "-1", "0,5", "0.25 ", "25%", "."],
        "Iou": ["2", "0.70001"],
        "MaxDetections": ["0", "3001", "1.5"],
        "Imgsz": ["0", "8193", "-1", "640.5", "640,", "640,640,640", "[640,640]", "640x640", "640, 640"],
        "MaxImgszPixels": ["0", "-1", "1e6", "100000000"],
        "Tile": ["0", "31", "65501", "99999", "640.5", "false"],
        "TileOverlap": ["1", "0.91", "0.9001", "-0.1", "20%", "."],
        "TileMerge": ["NMS", "nmm", "greedy_nmm,nms"],
        "ReservedConcurrency": ["-1", "x"],
        "ModelPath": ["model.onnx", "s3://bucket/model.onnx"],
        "ModelSha256": ["ab", "g" * 64],
        "ReadModelId": ["arn:aws:bedrock:eu-west-1:1:inference-profile/a", "*", "a b", "a/*", "${x}"],
        "ReadMaxCrops": ["00", "-1", "1000"],
        "ReadModelPath": ["dial.onnx", "s3://bucket", "s3://bucket/", "s3://bucket/*", "s3://b*t/a", "s3:///a"],
        "ReadModelSha256": ["ab", "g" * 64],
        "ReadScale": ["10 bar", "0-10"],
        "ApiKeySha256": ["ab", "my key", "a" * 64 + "," + "b" * 64],
        "PicturesPrefix": [
            "",
            "*",
            "a?",
            "${aws:username}",
            "a b/",
            "in",
            "/",
            "/in/",
            "in//",
            "results/",
            "results/in/",
        ],
        "ResultPrefix": ["", "*", "out", "/", "in/results/", "resultsof/a/"],
        "PicturesBucket": ["*", "a*", "a/b", "Pictures"],
        "CorsOrigins": ["a.example", "https://a.example, https://b.example"],
        "AlarmTopic": ["alarms"],
        "JwtIssuer": ["login.example", "http://login.example", "https://login.example/?a=b"],
        "JwtAudience": ["a, b", "a,", "a b"],
        "AlarmEmail": ["operator", "a b@c.example", "a@example"],
        "KmsKeyArn": ["*", "alias/a", "1234abcd", KEY.replace("key/1234", "alias/1234"), KEY + "*"],
    }.items(),
)
def test_invalid_values_are_refused(name: str, values: list[str]) -> None:
    pattern = template_stack.source()["Parameters"][name]["AllowedPattern"]
    assert [value for value in values if re.fullmatch(pattern, value)] == []


def test_every_parameter_has_a_description_and_one_group() -> None:
    template = template_stack.source()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    assert all(parameter["Description"] for parameter in template["Parameters"].values())


def test_every_parameter_has_a_default() -> None:
    assert all("Default" in parameter for parameter in template_stack.source()["Parameters"].values())


# Endpoints


@every_combination
def test_only_a_url_with_auth_none_is_public(parameters: dict[str, str]) -> None:
    both = ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
    assert public(**parameters) == (both if parameters.get("UrlAuth") == "NONE" else [])


def test_permissions_of_a_public_url_are_limited_to_the_url() -> None:
    limits = {grant["Action"]: grant for grant in permissions(UrlAuth="NONE")}
    assert limits["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert limits["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


@pytest.mark.parametrize("kind", ["AWS_IAM", "NONE"])
def test_url_calls_the_alias_with_the_requested_auth(kind: str) -> None:
    [url] = resources("AWS::Lambda::Url", UrlAuth=kind).values()
    assert url == {"TargetFunctionArn": {"Ref": "FunctionAliaslive"}, "AuthType": kind}


def test_url_is_absent_if_it_is_off() -> None:
    assert not resources("AWS::Lambda::Url", UrlAuth="off")
    assert "FunctionUrl" not in stack(UrlAuth="off")["Outputs"]


def test_cors_is_the_same_for_both_endpoints_and_reaches_the_function() -> None:
    parameters = {"UrlAuth": "NONE", "ApiAuth": "NONE", "CorsOrigins": "https://a.example,https://b.example"}
    [url] = resources("AWS::Lambda::Url", **parameters).values()
    [api] = resources("AWS::ApiGatewayV2::Api", **parameters).values()
    assert url["Cors"] == api["CorsConfiguration"]
    assert url["Cors"]["AllowMethods"] == ["GET", "POST"]
    assert url["Cors"]["AllowOrigins"] == ["https://a.example", "https://b.example"]
    assert {"x-api-key", "authorization"} <= set(url["Cors"]["AllowHeaders"])
    read = settings.Settings.from_env(environment(**parameters))
    assert read.cors_origins == ("https://a.example", "https://b.example")


@every_combination
def test_every_permission_for_a_service_has_a_source(parameters: dict[str, str]) -> None:
    assert all("SourceArn" in grant for grant in permissions(**parameters) if grant["Principal"] != "*")


# Permissions of the role


def test_role_may_only_write_its_log_if_everything_is_off() -> None:
    log = {"Fn::GetAtt": ["LogGroup", "Arn"]}
    assert grants(**BARE) == {"logs:CreateLogStream": [log], "logs:PutLogEvents": [log]}
    assert permissions(**BARE) == []


@pytest.mark.parametrize(
    ("parameters", "granted"),
    [
        (
            {**WITH_BUCKET, "PicturesPrefix": "a/"},
            {
                "s3:GetObject": [f"{ARN}photos/a/*"],
                "s3:GetObjectVersion": [f"{ARN}photos/a/*"],
                "s3:ListBucket": [f"{ARN}photos"],
            },
        ),
        (
            {"ResultBucket": "results", "ResultPrefix": "r/"},
            {
                "s3:GetObject": [f"{ARN}results/r/*"],
                "s3:PutObject": [f"{ARN}results/r/*"],
                "s3:ListBucket": [f"{ARN}results"],
            },
        ),
        (
            {"Uploads": "on"},
            {
                "s3:PutObject": [{"Fn::Sub": f"{ARN}${{UploadBucket}}/uploads/*"}],
                "s3:GetObject": [{"Fn::Sub": f"{ARN}${{UploadBucket}}/uploads/*"}],
            },
        ),
        ({"ModelBucket": "models", "ModelKey": "v1/m.onnx"}, {"s3:GetObject": [f"{ARN}models/v1/m.onnx"]}),
        ({"KmsKeyArn": KEY}, {"kms:Decrypt": [KEY], "kms:GenerateDataKey": [KEY]}),
        ({"Tracing": "Active"}, {"xray:PutTraceSegments": ["*"], "xray:PutTelemetryRecords": ["*"]}),
        ({"UrlAuth": "NONE", "ApiAuth": "NONE", "WarmUp": "5 minutes", "SnapStart": "PublishedVersions"}, {}),
    ],
)
def test_feature_grants_exactly_the_permissions_that_it_needs(
    parameters: dict[str, str], granted: dict[str, str]
) -> None:
    before = grants()
    assert grants(**parameters) == before | granted


def test_trigger_grants_access_to_the_queue_and_the_results() -> None:
    images = grants(**WITH_BUCKET)
    granted = {action: resources[len(images.get(action, [])) :] for action, resources in grants(**TRIGGER).items()}
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    assert {action: resources for action, resources in granted.items() if resources} == {
        "s3:GetObject": [f"{ARN}photos/results/*"],
        "s3:PutObject": [f"{ARN}photos/results/*"],
        "sqs:ReceiveMessage": [queue],
        "sqs:DeleteMessage": [queue],
        "sqs:GetQueueAttributes": [queue],
    }


@pytest.mark.parametrize(
    ("region", "suffix"),
    [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com")],
)
def test_role_may_use_the_key_through_s3_of_its_region_alone(region: str, suffix: str) -> None:
    place = {"AWS::Region": region, "AWS::URLSuffix": suffix}
    with mock.patch.dict(template_stack.PSEUDO, place):
        [role] = resources("AWS::IAM::Role", KmsKeyArn=KEY).values()
    [statement] = [
        statement
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Decrypt" in statement["Action"]
    ]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{region}.{suffix}"}}


@every_combination
def test_no_action_of_the_role_has_a_wildcard(parameters: dict[str, str]) -> None:
    assert not [action for action in grants(**parameters) if "*" in action]


# Uploads


def test_uploads_go_to_a_private_bucket_for_a_day_and_trigger_nothing() -> None:
    bucket = resources("AWS::S3::Bucket", Uploads="on")["UploadBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["Prefix"], rule["ExpirationInDays"]) == ("Enabled", settings.UPLOAD_PREFIX, 1)
    assert "NotificationConfiguration" not in bucket
    assert environment(Uploads="on")["UPLOAD_BUCKET"] == {"Ref": "UploadBucket"}
    assert environment()["UPLOAD_BUCKET"] == ""


def test_browsers_may_send_forms_to_the_bucket_of_uploads_and_read_nothing() -> None:
    [rule] = resources("AWS::S3::Bucket", Uploads="on")["UploadBucket"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["POST"], ["*"])


def test_trigger_leaves_the_bucket_of_uploads_alone() -> None:
    buckets = resources("AWS::S3::Bucket", **TRIGGER, Uploads="on")
    assert [name for name, bucket in buckets.items() if "NotificationConfiguration" in bucket] == ["Pictures"]


# Images in S3


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_visibility_timeout_is_six_timeouts(timeout: str) -> None:
    queue = resources("AWS::SQS::Queue", **TRIGGER, Timeout=timeout)["Queue"]
    assert queue["VisibilityTimeout"] == 6 * int(timeout)


def test_failed_messages_are_delivered_again_and_end_in_the_dead_letter_queue() -> None:
    [mapping] = resources("AWS::Lambda::EventSourceMapping", **TRIGGER).values()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queues = resources("AWS::SQS::Queue", **TRIGGER)
    assert queues["Queue"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
        "maxReceiveCount": 5,
    }
    assert queues["DeadLetters"]["MessageRetentionPeriod"] > queues["Queue"]["MessageRetentionPeriod"]


@pytest.mark.parametrize("kind", ["new-bucket", "existing-bucket"])
def test_only_the_bucket_of_this_account_may_send_to_the_queue(kind: str) -> None:
    [policy] = resources("AWS::SQS::QueuePolicy", **WITH_BUCKET, S3Trigger=kind).values()
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"{ARN}photos"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }


def test_new_bucket_is_private_notifies_the_queue_and_is_retained() -> None:
    bucket = stack(**TRIGGER)["Resources"]["Pictures"]
    assert (bucket["DeletionPolicy"], bucket["DependsOn"]) == ("Retain", "QueuePolicy")
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    [notification] = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert notification["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "in/"}]


@pytest.mark.parametrize("parameters", [TRIGGER, {**TRIGGER, "ResultBucket": "results"}])
def test_function_refuses_results_that_would_trigger_it(parameters: dict[str, str]) -> None:
    assert settings.Settings.from_env(environment(**parameters)).result_prefix == "results/"
    recursive = environment(**(parameters | {"ResultBucket": "photos", "ResultPrefix": "in/results/"}))
    with pytest.raises(settings.InvalidSetting, match="WATCHED_PREFIX"):
        settings.Settings.from_env(recursive)


# The function


def test_function_reads_every_variable() -> None:
    texts = {
        node.value
        for name in ("settings.py", "__init__.py")
        for node in ast.walk(ast.parse((ROOT / "function" / name).read_text()))
        if isinstance(node, ast.Constant)
    }
    assert set(environment()) - texts == set()


def test_default_parameters_keep_the_defaults_of_the_function() -> None:
    assert settings.Settings.from_env(environment()) == settings.Settings.from_env({})


def test_thresholds_and_model_reach_the_function() -> None:
    read = settings.Settings.from_env(
        environment(Confidence="0.4", Iou=".5", MaxDetections="7", ModelPath="/opt/m.onnx")
    )
    assert (read.conf, read.iou, read.max_det, read.model_path) == (0.4, 0.5, 7, "/opt/m.onnx")
    assert environment(ModelBucket="models", ModelKey="v1/m.onnx")["MODEL_PATH"] == "s3://models/v1/m.onnx"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"Imgsz": "8192"}, {"imgsz": (8192, 8192)}),
        ({"Imgsz": "1,8192"}, {"imgsz": (1, 8192)}),
        ({"MaxImgszPixels": "67108864"}, {"max_imgsz_pixels": 8192**2}),
        ({"Tile": "32"}, {"tile": 32}),
        ({"Tile": "65500", "TileOverlap": "0.9000"}, {"tile": 65500, "tile_overlap": 0.9}),
        ({"TileOverlap": ".05"}, {"tile": None, "tile_overlap": 0.05}),
        ({"TileMerge": "greedy_nmm"}, {"tile_merge": "greedy_nmm"}),
    ],
)
def test_input_size_and_tiles_reach_the_function(parameters: dict[str, str], expected: dict[str, Any]) -> None:
    for name, value in parameters.items():
        declared = template_stack.source()["Parameters"][name]
        assert re.fullmatch(declared["AllowedPattern"], value)
        assert len(value) <= declared["MaxLength"]
    read = settings.Settings.from_env(environment(**parameters))
    assert {name: getattr(read, name) for name in expected} == expected


def test_requests_may_name_the_bucket_only_if_s3_requests_is_on() -> None:
    assert environment(**WITH_BUCKET)["ALLOWED_BUCKETS"] == ""
    assert environment(**WITH_BUCKET, S3Requests="on")["ALLOWED_BUCKETS"] == "photos"


def test_telemetry_is_off() -> None:
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"


def test_empty_reserved_concurrency_is_no_limit_and_zero_is_zero() -> None:
    reserved = [
        resources("AWS::Lambda::Function", **parameters)["Function"].get("ReservedConcurrentExecutions")
        for parameters in ({}, {"ReservedConcurrency": "0"})
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
    "Imgsz": "1280",
    "MaxImgszPixels": "1000000",
    "Tile": "640",
    "TileOverlap": "0.3",
    "TileMerge": "nms",
    "ModelName": "wine",
    "ReadModelId": "eu.amazon.nova-lite-v1:0",
    "ReadModelPath": "/opt/dial.onnx",
    "ReadModelSha256": "ab" * 32,
    "ReadScale": "0:10 bar",
    "ReadClasses": "gauge",
    "ReadMaxCrops": "3",
    "ApiKeySha256": "ab" * 32,
    "CorsOrigins": "*",
    "AllowedUrlHosts": "*",
    "Uploads": "on",
    "PicturesBucket": "photos",
    "PicturesPrefix": "other/",
    "S3Requests": "on",
    "ResultBucket": "results",
    "ResultPrefix": "other/",
    "Annotate": "1",
    "Metrics": "0",
    "Page": "0",
}
OF_READINGS = {name for name in CHANGES if name.startswith("Read")}  # their values are in the description of ReadAccess
UNVERSIONED = {"ReservedConcurrentExecutions"}  # property of the function, not of a version


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_parameter_that_reaches_the_function_publishes_a_version(name: str, value: str) -> None:
    assert version(**{name: value}) != version()


NEEDS = {"S3Requests": WITH_BUCKET, "ModelBucket": {"ModelKey": "m.onnx"}, "ModelKey": {"ModelBucket": "models"}}


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_parameter_that_publishes_a_version_changes_the_function(name: str, value: str) -> None:
    before, after = (
        resources("AWS::Lambda::Function", **NEEDS.get(name, {}), **parameters)["Function"]
        for parameters in ({}, {name: value})
    )
    assert before != after


@pytest.mark.parametrize("name", sorted(set(template_stack.source()["Parameters"]) - set(CHANGES)))
def test_other_parameters_publish_no_version_and_do_not_change_the_function(name: str) -> None:
    value = {"AllowedValues": [None, "-"]} | template_stack.source()["Parameters"][name]
    parameters = {name: str(value["AllowedValues"][-2 if name in ("Alarms", "Dashboard") else -1])}
    if value["Type"] == "Number" and name != "LogRetention":
        parameters = {name: "7"}
    assert version(**parameters) == version()
    before, after = (resources("AWS::Lambda::Function", **change)["Function"] for change in ({}, parameters))
    assert {key for key in before | after if before.get(key) != after.get(key)} <= UNVERSIONED


def test_another_zip_publishes_a_version() -> None:
    def published(**zips: str) -> set[str]:
        return {name for name in translated(**zips)["Resources"] if name.startswith("FunctionVersion")}

    assert published(function_zip="other.zip") != published()
    assert published(layer_zip="other.zip") != published()


def test_longest_description_stays_below_the_limit() -> None:
    declared = template_stack.source()["Parameters"]
    longest = {name: parameter["MaxLength"] for name, parameter in declared.items() if "MaxLength" in parameter}
    longest |= {
        name: max(len(str(value)) for value in parameter["AllowedValues"])
        for name, parameter in declared.items()
        if "AllowedValues" in parameter
    }
    values = {
        name: "x" * longest.get(name, 64 if name == "ModelSha256" else 63 if name.endswith("Bucket") else 17)
        for name in CHANGES
    } | {"ModelPath": ""}  # excludes ModelBucket and ModelKey, which together are longer
    text = template_stack.source()["Resources"]["LogAccess"]["Properties"]["Description"]["Fn::Sub"]
    assert {*re.findall(r"\$\{(\w+)\}", text)} == set(CHANGES) - {"ApiKeySha256"} - OF_READINGS
    assert len(re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text)) <= 1000


def test_snapstart_and_provisioned_concurrency_are_configured() -> None:
    def alias(**parameters: str) -> dict[str, Any]:
        return resources("AWS::Lambda::Alias", **parameters)["FunctionAliaslive"]

    function = resources("AWS::Lambda::Function", SnapStart="PublishedVersions")["Function"]
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "ProvisionedConcurrencyConfig" not in alias(SnapStart="PublishedVersions")
    assert alias(ProvisionedConcurrency="2")["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}


def test_warm_up_calls_the_alias_with_the_warm_up_event() -> None:
    [rule] = resources("AWS::Events::Rule", WarmUp="5 minutes").values()
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    [target] = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == ({"Ref": "FunctionAliaslive"}, {"warmup": True})


# Monitoring


def test_alarms_on_queues_exist_only_with_a_queue() -> None:
    five = {"ErrorsAlarm", "FaultsAlarm", "ForbiddenAlarm", "ThrottlesAlarm", "DurationAlarm"}
    assert set(resources("AWS::CloudWatch::Alarm")) == five
    assert set(resources("AWS::CloudWatch::Alarm", **TRIGGER)) == five | {"DeadLettersAlarm", "QueueAgeAlarm"}
    assert not resources("AWS::CloudWatch::Alarm", **TRIGGER, Alarms="off")


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_duration_alarm_is_at_four_fifths_of_the_timeout(timeout: str) -> None:
    alarm = resources("AWS::CloudWatch::Alarm", Timeout=timeout)["DurationAlarm"]
    assert alarm["Threshold"] == 0.8 * 1000 * int(timeout)


@pytest.mark.parametrize("parameters", [{}, TRIGGER], ids=["without a queue", "with a queue"])
def test_dashboard_is_json_and_its_metrics_exist(parameters: dict[str, str]) -> None:
    [board] = resources("AWS::CloudWatch::Dashboard", **parameters).values()
    widgets = json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"]
    rows = [row for widget in widgets if widget["type"] == "metric" for row in widget["properties"]["metrics"]]
    names = {row[1] for row in rows if row[0] == metrics.NAMESPACE}
    assert names
    assert names <= set(metrics.UNITS)
    assert {tuple(row[2:4]) for row in rows if row[0] == metrics.NAMESPACE} == {(metrics.DIMENSION, "${Function}")}
    assert any(row[0] == "AWS/SQS" for row in rows) == bool(parameters)


def queries() -> dict[str, str]:
    """Return the queries of the log widgets by their title."""
    [board] = resources("AWS::CloudWatch::Dashboard").values()
    widgets = [widget for widget in json.loads(board["DashboardBody"]["Fn::Sub"])["widgets"] if widget["type"] == "log"]
    return {widget["properties"]["title"]: widget["properties"]["query"] for widget in widgets}


def test_classes_error_types_and_sources_are_queries_of_the_log() -> None:
    assert {"Detections by class", "Errors by type", "Sources", "Versions"} <= set(queries())
    assert all(query.startswith("SOURCE '${LogGroup}' | ") for query in queries().values())


def test_documented_queries_are_those_of_the_dashboard() -> None:
    page = " ".join((ROOT / "docs" / "metrics.md").read_text("utf-8").split())
    for title, query in queries().items():
        text = query.removeprefix("SOURCE '${LogGroup}' | ")
        for addition in (" | limit 100", " | sort invocations desc" if title == "Sources" else ""):
            text = text.replace(addition, "")
        assert text in page, title


def test_fields_of_the_queries_are_in_the_line_of_metrics() -> None:
    invocation = metrics.InvocationInfo("http", "yolo", "request", None, 0)
    document = json.loads(metrics.line(invocation, [test_metrics.prediction(0), NotFound("x")]))
    keys = {key for value in document.values() if isinstance(value, dict) for key in value} | set(document)
    keys |= {
        key
        for value in document.values()
        if isinstance(value, list)
        for row in value
        if isinstance(row, dict)
        for key in row
    }
    for query in queries().values():
        named = re.findall(r"sum\(([\w.]+)\)|by (\w[\w.]*)|like /(\w+)/|unnest ([\w.]+)|ispresent\((\w+)\)", query)
        fields = {name for names in named for name in names if name} - {"bin"}
        parts = {part for name in fields for part in name.split(".")} - {"item", "line"}
        assert parts
        assert parts <= keys


@pytest.mark.parametrize("name", ["FaultsAlarm", "ForbiddenAlarm"])
def test_alarm_on_error_types_uses_a_metric_that_is_declared(name: str) -> None:
    alarm = resources("AWS::CloudWatch::Alarm")[name]
    assert (alarm["Namespace"], [row["Name"] for row in alarm["Dimensions"]]) == ("YoloLambda", [metrics.DIMENSION])
    assert alarm["MetricName"] in metrics.UNITS


@pytest.mark.parametrize(
    ("parameters", "exists"),
    [
        ({"Metrics": "1"}, True),
        ({"Metrics": "classes"}, True),
        ({"LogLevel": "DEBUG"}, True),
        ({"Metrics": "0"}, False),
        ({"LogLevel": "WARN"}, True),
        ({"LogLevel": "ERROR", "Metrics": "classes"}, True),
    ],
)
def test_alarm_on_metrics_exists_unless_the_function_writes_none(parameters: dict[str, str], exists: bool) -> None:
    alarms = resources("AWS::CloudWatch::Alarm", **parameters)
    assert ("FaultsAlarm" in alarms, "ForbiddenAlarm" in alarms) == (exists, exists)


def test_metrics_by_class_are_off_by_default_and_their_price_is_at_the_parameter() -> None:
    read = [settings.Settings.from_env(environment(**value)) for value in ({}, {"Metrics": "classes"})]
    assert [values.class_metrics for values in read] == [False, True]
    assert re.search(r"\d USD", template_stack.source()["Parameters"]["Metrics"]["Description"])


def test_log_is_json_and_its_group_has_the_retention() -> None:
    function = resources("AWS::Lambda::Function")["Function"]
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}
    assert resources("AWS::Logs::LogGroup", LogRetention="7")["LogGroup"]["RetentionInDays"] == "7"


PREFIXES = ["in/", "in/results/", "results/", "results/in/", "in2/", "a/b/", "a/", "a/b/c/", "out/", "out"]


@pytest.mark.parametrize("result_prefix", PREFIXES)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_results_that_would_be_taken_for_images_are_refused_before_anything_is_created(
    prefix: str, result_prefix: str
) -> None:
    parameters = {**TRIGGER, "PicturesPrefix": prefix, "ResultPrefix": result_prefix}
    declared = template_stack.source()["Parameters"]
    is_accepted = not template_stack.broken_rules(**parameters) and all(
        re.fullmatch(declared[name]["AllowedPattern"], parameters[name]) for name in ("PicturesPrefix", "ResultPrefix")
    )
    assert not (is_accepted and result_prefix.startswith(prefix))
    if is_accepted and not prefix.startswith(result_prefix):  # which the function refuses
        settings.Settings.from_env(environment(**parameters))


@pytest.mark.parametrize(
    "prefixes", [("in/", "results/"), ("a/b/", "out/"), ("a/b/", "results/a/b/"), ("in/", "in2/"), ("a.b/", "a!_-/")]
)
def test_prefixes_beside_each_other_are_accepted(prefixes: tuple[str, str]) -> None:
    parameters = TRIGGER | dict(zip(("PicturesPrefix", "ResultPrefix"), prefixes, strict=True))
    test_values_of_the_combinations_are_allowed(parameters)
    assert template_stack.broken_rules(**parameters) == set()


def test_prefixes_may_be_equal_in_two_buckets() -> None:
    parameters = {**TRIGGER, "ResultBucket": "results", "PicturesPrefix": "a/", "ResultPrefix": "a/"}
    assert template_stack.broken_rules(**parameters) == set()


@pytest.mark.parametrize("more", [{"ApiKeySha256": "ab" * 32}, {"UrlAuth": "AWS_IAM"}, {"ReadModelId": ""}])
def test_readings_are_public_with_a_key_alone(more: dict[str, str]) -> None:
    parameters = {"ReadModelId": "a.b", "UrlAuth": "NONE"} | more
    assert template_stack.broken_rules(**parameters) == set()


@every_combination
def test_no_log_group_has_a_name_that_an_earlier_deployment_may_have_left(parameters: dict[str, str]) -> None:
    groups = resources("AWS::Logs::LogGroup", **parameters)
    assert groups
    named = {name: group["LogGroupName"] for name, group in groups.items() if "LogGroupName" in group}
    # Step Functions needs this prefix; no other deployment makes such a group, and the stack deletes its own.
    assert named in ({}, {"BulkLog": "/aws/vendedlogs/states/yolo-bulk"})
    assert all(group["RetentionInDays"] for group in groups.values())


# Zips


def test_function_and_layer_have_the_same_architecture_and_python_version() -> None:
    parameters = {"Architecture": "arm64", "PythonRuntime": "python3.14"}
    function = resources("AWS::Lambda::Function", **parameters)["Function"]
    [(name, layer)] = resources("AWS::Lambda::LayerVersion", **parameters).items()
    assert function["Layers"] == [{"Ref": name}]
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.14"], ["arm64"])


def test_role_has_the_log_policy() -> None:
    [role] = resources("AWS::IAM::Role").values()
    assert role["ManagedPolicyArns"] == [{"Ref": "LogAccess"}]


def test_template_uses_the_zips_of_build_zip_and_sam_builds_nothing() -> None:
    declared = template_stack.source()["Resources"]
    assert declared["Function"]["Properties"]["CodeUri"] == "dist/function.zip"
    assert declared["Packages"]["Properties"]["ContentUri"] == "dist/layer.zip"
    assert "Metadata" not in declared["Packages"]


def test_outputs_have_urls_queues_and_the_call_command() -> None:
    outputs = stack(**COMBINATIONS["everything"])["Outputs"]
    assert {
        *("FunctionArn", "AliasArn", "LogGroupName", "CallCommand"),
        *("FunctionUrl", "ApiUrl", "ApiLogGroupName", "QueueUrl", "DeadLetterQueueUrl"),
        *("StateMachineArn", "BulkCommand", "BatchRoleArn", "BatchCommand"),
    } == set(outputs)
    assert fnmatch.fnmatch(outputs["CallCommand"]["Value"]["Fn::Sub"], "*--function-name ${Function}:live *")
