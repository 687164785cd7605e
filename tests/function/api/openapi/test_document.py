"""OpenAPI document: it is valid, and describes the model, the settings, the options and the front end."""

import base64
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from function import errors, request
from function.errors import FunctionError, InvalidOption
from function.request import OPTIONS
from tests.conftest import encode, image_with_box
from tests.function.api.openapi import calls
from tests.function.api.openapi.calls import TASKS, TENSORS
from tests.fuzz import values

DIGEST = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of the key "secret"
KEY = {"x_api_key": "secret"}
READER = {"READ_MODEL_ID": "amazon.nova-lite-v1:0"}
PNG = base64.b64encode(encode(image_with_box((64, 64), (0, 0, 40, 40)))).decode()
USABLE = {  # options that change a result; those of NMS do nothing with an end-to-end model, but for a merge of tiles
    "colors": {
        "conf", "iou", "max_det", "imgsz", "classes", "agnostic", "tile", "merge", "annotate", "region", "normalized",
    },
    "segments": {
        "conf", "max_det", "classes", "agnostic", "tile", "merge", "masks", "annotate", "region", "normalized",
    },
    "keypoints": {"conf", "max_det", "classes", "annotate", "region", "normalized"},
    "rotated": {"conf", "max_det", "classes", "agnostic", "tile", "annotate", "region", "normalized"},
    "classifier": {"annotate"},
    "classes": {"classes", "annotate"},
    "distances": {"annotate"},
}  # fmt: skip


def operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/"]["post"]
    return found


def parameters(document: dict[str, Any]) -> dict[str, Any]:
    return {parameter["name"]: parameter for parameter in operation(document)["parameters"]}


def options_of(document: dict[str, Any]) -> list[set[str]]:
    """The options in the query, in a form, in the JSON object, and in one of several images."""
    schemas, names = document["components"]["schemas"], {option.name for option in OPTIONS}
    fields = [parameters(document), *(schemas[name]["properties"] for name in ("Form", "Request", "Image"))]
    return [set(found) & names for found in fields]


def option_schema(document: dict[str, Any], name: str) -> Draft202012Validator:
    schema = document["components"]["schemas"]["Request"]["properties"][name]
    return calls.validator(document, {"allOf": [schema]}, closed=False)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"API_KEY_SHA256": DIGEST, "UPLOAD_BUCKET": "uploads"},
        {"ALLOWED_URL_HOSTS": "*", "ALLOWED_BUCKETS": "b", "READ_MODEL_ID": "amazon.nova-lite-v1:0"},
    ],
)
@pytest.mark.parametrize("model", [*TASKS, *TENSORS])
def test_document_is_valid(model: str, environ: dict[str, str]) -> None:
    reply = calls.call(model, calls.event("function_url", "GET", "/openapi.json", **KEY), **environ)
    document = reply.json
    assert document["openapi"].startswith("3.1")
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


@pytest.mark.parametrize(("model", "task"), TASKS.items())
def test_document_describes_the_task(model: str, task: str) -> None:
    schemas = calls.document(model)["components"]["schemas"]
    assert schemas["Result"]["properties"]["model"]["properties"]["task"] == {"const": task}
    fields = schemas.get("Detection", {}).get("properties", {})
    own = {"segment": {"segments", "mask"}, "pose": {"keypoints"}, "obb": {"rotated_box", "corners"}}
    assert {"segments", "mask", "keypoints", "rotated_box", "corners"} & set(fields) == own.get(task, set())
    assert ("top" in schemas["Result"]["properties"]) == (task == "classify")


@pytest.mark.parametrize(("model", "usable"), USABLE.items())
def test_options_of_the_model_are_in_the_query_the_form_and_the_object(model: str, usable: set[str]) -> None:
    assert options_of(calls.document(model)) == [usable] * 4


@pytest.mark.parametrize("model", ["colors", "segments"])
def test_option_of_readings_is_documented_for_a_function_that_has_them(model: str) -> None:
    assert options_of(calls.document(model, **READER)) == [USABLE[model] | {"read"}] * 4


def test_option_of_readings_says_its_default_and_no_variable() -> None:
    described = parameters(calls.document("colors", **READER))["read"]["description"]
    assert "Default: true with an API key or an authorizer" in described
    assert "READ_" not in described


@pytest.mark.parametrize(("model", "usable"), USABLE.items())
def test_documented_options_are_those_that_are_not_ignored(model: str, usable: set[str]) -> None:
    set_options = {"conf": 0.5, "iou": 0.5, "max_det": 9, "classes": [0], "agnostic": True, "masks": "none"}
    set_options |= {"region": [[0, 0], [1, 0], [0, 1]], "normalized": True}
    set_options |= {"merge": "nms"} | ({} if model == "keypoints" else {"tile": 64})  # refused for keypoints
    set_options |= {"imgsz": 64} if "imgsz" in usable else {}  # a static model refuses it
    body = json.dumps({"image_data": PNG, "annotate": True, "read": True, **set_options}).encode()
    reply = calls.call(model, calls.event("function_url", "POST", "/", body, content_type="application/json"))
    assert reply.status == 200
    assert {*set_options, "annotate", "read"} - set(reply.json["ignored"]) == usable


def test_range_of_an_option_is_that_of_the_table() -> None:
    schema = parameters(calls.document("colors"))["max_det"]["schema"]
    assert (schema["minimum"], schema["maximum"]) == (1, request.MAX_DETECTIONS)


def test_default_of_an_option_is_that_of_the_operator() -> None:
    shown = parameters(calls.document("colors", CONF_THRESHOLD="0.4", MAX_DETECTIONS="7", AGNOSTIC_NMS="1"))
    defaults = {name: shown[name]["schema"].get("default") for name in ("conf", "iou", "max_det", "agnostic")}
    assert defaults == {"conf": 0.4, "iou": 0.7, "max_det": 7, "agnostic": True}
    assert parameters(calls.document("segments"))["masks"]["schema"]["default"] == "polygons"


@pytest.mark.parametrize("name", values.OPTION_VALUES)
def test_value_that_the_document_allows_is_accepted(name: str) -> None:
    model = next(model for model, usable in USABLE.items() if name in {"read", *usable})
    checked = option_schema(calls.document(model, **READER), name)
    allowed = 0
    for value in values.OPTION_VALUES[name]:
        if checked.is_valid(json.loads(json.dumps(value))):
            request.read_options({name: value})
            allowed += 1
    assert allowed


@pytest.mark.parametrize("name", ["conf", "iou", "max_det"])
def test_number_as_text_is_allowed_exactly_in_its_range(name: str) -> None:
    checked = option_schema(calls.document("colors"), name)
    for number in (*range(-2, 3100), 9999, 30001):
        try:
            request.read_options({name: str(number)})
        except InvalidOption:
            assert not checked.is_valid(str(number)), number
        else:
            assert checked.is_valid(str(number)), number


def test_classes_of_the_model_are_listed() -> None:
    document = calls.document("colors")
    assert parameters(document)["classes"]["schema"]["items"]["enum"] == ["0", "1", "red", "blue"]
    checked = option_schema(document, "classes")
    assert checked.is_valid(["red", 1])
    assert not checked.is_valid(["green"])
    detection = document["components"]["schemas"]["Detection"]["properties"]
    assert (detection["class_name"]["enum"], detection["class_id"]["maximum"]) == (["red", "blue"], 1)


def test_references_that_the_settings_forbid_are_left_out() -> None:
    closed = calls.document("colors")["components"]["schemas"]["Image"]["properties"]
    opened = calls.document("colors", ALLOWED_URL_HOSTS="a.example", ALLOWED_BUCKETS="b")
    assert not {"url", "s3"} & set(closed)
    assert {"url", "s3"} <= set(opened["components"]["schemas"]["Image"]["properties"])


def test_request_must_have_exactly_one_image() -> None:
    document = calls.document("colors")
    checked = calls.validator(document, {"$ref": "#/components/schemas/Request"}, closed=False)
    assert checked.is_valid({"image_data": "QUJD", "conf": 0.5})
    assert checked.is_valid({"images": [{"image_data": "QUJD"}]})
    for wrong in ({}, {"image_data": "QUJD", "images": [{"image_data": "QUJD"}]}, {"images": []}):
        assert not checked.is_valid(wrong)


def test_example_of_a_request_is_predicted() -> None:
    (example,) = calls.document("colors")["components"]["schemas"]["Request"]["examples"]
    sample = calls.event("function_url", "POST", "/", json.dumps(example).encode(), content_type="application/json")
    assert calls.call("colors", sample).status == 200


def test_limits_are_those_of_the_settings_and_the_front_end() -> None:
    environ = {"MAX_IMAGES": "3", "MAX_IMAGE_PIXELS": "1000"}
    document = calls.document("colors", **environ)
    assert document["x-limits"] == {
        "front_end": "Function URL",
        "max_request_bytes": 6 * 1024 * 1024,
        "max_response_bytes": 6 * 1024 * 1024 - 16 * 1024,
        "max_images": 3,
        "max_image_pixels": 1000,
        "max_object_bytes": 100 * 1024 * 1024,
        "imgsz": [320, 320],
    }
    assert document["components"]["schemas"]["Request"]["properties"]["images"]["maxItems"] == 3
    balancer = calls.call("colors", calls.event("alb", "GET", "/openapi.json")).json
    assert balancer["x-limits"]["max_request_bytes"] == balancer["x-limits"]["max_response_bytes"] == 1024 * 1024


@pytest.mark.parametrize("model", ["colors", "add"])
def test_every_error_of_the_function_is_documented(model: str) -> None:
    responses = calls.document(model)["components"]["responses"]
    shown = {
        (int(name.removeprefix("Error")), kind)
        for name, response in responses.items()
        for kind in response["content"]["application/json"]["schema"]["properties"]["type"]["enum"]
    }
    known = {
        (kind.status, kind.__name__)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, FunctionError) and kind is not FunctionError
    }
    assert shown == known - {(422, "InvalidTensor" if model == "colors" else "InvalidOption")}


def test_inputs_of_a_generic_model_are_documented() -> None:
    document = calls.document("add")
    inputs = document["components"]["schemas"]["Request"]["properties"]["inputs"]
    assert [one["properties"]["name"]["const"] for one in inputs["items"]["anyOf"]] == ["a", "b"]
    assert {"/v2/models/add/infer", "/v2/models/add/versions/3", "/v2/models/add/ready"} <= set(document["paths"])


@pytest.mark.parametrize(
    ("front_end", "path", "url"),
    [
        ("function_url", "/openapi.json", "https://abc123.lambda-url.eu-central-1.on.aws"),
        ("function_url", "/a/openapi.json/", "https://abc123.lambda-url.eu-central-1.on.aws/a"),
        ("rest_v1", "/openapi.json", "https://abcdef1234.execute-api.eu-central-1.amazonaws.com/prod"),
        ("http_api_v2", "/prod/openapi.json", "https://r3pmxmplak.execute-api.us-east-2.amazonaws.com/prod"),
        ("http_api_v1", "/openapi.json", "https://id.execute-api.us-east-1.amazonaws.com"),
        ("alb", "/vision/openapi.json", "https://lambda-alb-1846226843.us-east-2.elb.amazonaws.com/vision"),
        ("lattice_v2", "/openapi.json", "https://yolo-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-west-1.on.aws"),
    ],
)
def test_server_is_the_url_of_the_request_with_its_stage_and_base_path(front_end: str, path: str, url: str) -> None:
    reply = calls.call("colors", calls.event(front_end, "GET", path))
    assert reply.json["servers"] == [{"url": url}]


def test_quote_in_the_path_is_encoded() -> None:
    reply = calls.call("colors", calls.event("function_url", "GET", "/it's/openapi.json"))
    assert reply.json["servers"][0]["url"].endswith("/it%27s")


@pytest.mark.parametrize("host", ["a.example/evil", "a b", "javascript:alert(1)", '"><script>', "a\nb", "ä.example"])
def test_header_that_is_no_host_is_not_in_the_document(host: str) -> None:
    sample = calls.event("function_url", "GET", "/p/openapi.json")
    sample["headers"]["host"] = host
    assert calls.call("colors", sample).json["servers"] == [{"url": "/p"}]


def test_scheme_is_that_of_the_request() -> None:
    sample = calls.event("function_url", "GET", "/openapi.json")
    sample["headers"] |= {"host": "127.0.0.1:8000", "x-forwarded-proto": "http"}
    assert calls.call("colors", sample).json["servers"] == [{"url": "http://127.0.0.1:8000"}]


def test_key_is_documented_only_if_one_is_needed() -> None:
    assert not {"security"} & set(calls.document("colors"))
    sample = calls.event("function_url", "GET", "/openapi.json", **KEY)
    document = calls.call("colors", sample, API_KEY_SHA256=DIGEST).json
    schemes = document["components"]["securitySchemes"]
    assert schemes["apiKey"] == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    assert document["security"] == [{name: []} for name in schemes]
    opened = {path for path, item in document["paths"].items() if item.get("get", {}).get("security") == []}
    assert opened == {"/", "/health", "/docs"}
    for path, item in document["paths"].items():
        for method, described in item.items():
            assert ("401" in described["responses"]) == ((method, path) not in {("get", name) for name in opened})


def test_page_that_is_turned_off_is_not_documented() -> None:
    assert set(calls.document("colors")["paths"]["/"]) == {"get", "post"}
    assert set(calls.document("colors", PAGE="0")["paths"]["/"]) == {"post"}
