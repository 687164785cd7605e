"""Requests for objects in S3 that are no notification: messages of clients, transformed events, items of a list.

    names    {"bucket": "b", "key": "in/a.jpg"}; also Bucket and Key, BucketName, S3Bucket and so on, with VersionId
    URI      {"s3": "s3://b/in/a.jpg"}
    several  {"images": [{"s3": ...}, ...]}

Options such as `conf` may stand beside them. Other fields are ignored: a line of a CSV file has more columns. Beside a
bucket and a key this applies to `url`, `body`, `images` and `inputs` too, unless their value is an array or an object.
The object is read with the role of the function, as for a notification; `ALLOWED_BUCKETS` does not apply.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVarTuple

from function.errors import BadRequest, FunctionError, described, kind, shown
from function.request import Options, parse_options
from function.service import Service
from function.sources import s3_objects
from function.sources.s3_objects import NO_OPTIONS, Outcome, S3Object

BUCKET = ("bucket", "bucketname", "s3bucket")  # in lower case, without separators
KEY = ("key", "objectkey", "s3key")
VERSION_ID = ("versionid",)
SEPARATORS = str.maketrans("", "", "-_ \ufeff")  # and the byte order mark of a CSV file
WITHOUT_RESULT = ("url", "image_data", "inputs", "body")  # of requests whose result only a caller could read
COLUMNS = ("url", "inputs", "body", "images")  # also names of columns beside the names of a bucket and a key
URI_SCHEME = "s3://"
AWS_REGION = r"[a-z]{2,3}(-[a-z]+){1,3}-[0-9]{1,2}"  # eu-west-1, us-gov-east-1; no polygon


Arguments = TypeVarTuple("Arguments")


class ObjectRequest(NamedTuple):
    """Object that an event names, and the options of its prediction."""

    s3_object: S3Object
    options: Options = NO_OPTIONS
    may_be_encoded: bool = False  # the key is URL-encoded if no object has the key as it is


def matches(event: Mapping[str, Any]) -> bool:
    """Return whether an event without an envelope is a request, also one that names an image outside of S3."""
    return names_object(event) or any(event.get(name) is not None for name in ("s3", "images", *WITHOUT_RESULT))


def names_object(fields: Mapping[str, Any]) -> bool:
    """Return whether a field has the name of a bucket or a key, with any value."""
    return _has(fields, BUCKET) or _has(fields, KEY)


def is_item(event: Mapping[str, Any]) -> bool:
    """Return whether an event is an item even if it has fields of a direct invocation.

    It has fields for a bucket and a key and no image, or the `s3` of a record, as an input transformer may write it.
    """
    if isinstance(s3 := event.get("s3"), Mapping):
        return isinstance(s3.get("bucket"), Mapping) or isinstance(s3.get("object"), Mapping)
    return not is_set(event.get("image_data")) and _has(event, BUCKET) and _has(event, KEY)


def is_set(value: Any) -> bool:
    """Return whether a field has a value: `null` and an empty text, as in a CSV file, mean "not set"."""
    return value is not None and value != ""


def read(
    fields: Any, options: Mapping[str, Any] | None = None, bucket: Any = None
) -> list[ObjectRequest | FunctionError]:
    """Return the objects of a request; an image of `images` that cannot be read is an error among them.

    Args:
        fields: JSON object of the request.
        options: parsed options for a request that does not set them.
        bucket: for a request without one.

    Raises:
        BadRequest: no bucket or key, a version that is not text, more than one of the forms, or an image that is not
            in S3.
        InvalidOption: an option.
    """
    if not isinstance(fields, Mapping):
        raise BadRequest(f"an item must be an object with bucket and key, got {kind(fields)}")
    is_named = _has(fields, KEY) and (is_set(bucket) or _has(fields, BUCKET))
    for name in WITHOUT_RESULT:
        if is_set(fields.get(name)) and not (is_named and _is_column(name, fields[name])):
            raise BadRequest(f"{name} must not be set: nobody reads the response, and a result is written for s3 only")
    merged = {**(options or {}), **parse_options(_without_aws_region(fields))}
    images = fields.get("images")
    if not is_set(images) or (is_named and _is_column("images", images)):
        return [_read_one(fields, Options(**merged), bucket)]
    if is_named:
        raise BadRequest(f"images must not be set beside bucket and key, got {kind(images)}")
    if not isinstance(images, list) or not images:
        raise BadRequest(f"images must be an array of at least one object, got {kind(images)}")
    shared_bucket = value_of(fields, BUCKET) or bucket
    return [request for image in images for request in read_each(read, image, merged, shared_bucket)]


def process(
    request: ObjectRequest,
    service: Service,
    message: str = "",
    fails: tuple[type[FunctionError], ...] = s3_objects.FAILS,
) -> Outcome:
    """Predict the image in an object and write the result.

    Args:
        request: object and options.
        service: predicts.
        message: that named the object, for the log.
        fails: errors that write no result: they are the `failure` of the outcome.
    """
    s3_object = request.s3_object
    uri = f"{URI_SCHEME}{s3_object.bucket}/{s3_object.key}"
    service.subject = f"{message}, {uri!r}" if message else repr(uri)
    too_late = service.guard(s3_objects.begin, service)
    if too_late:
        return Outcome(s3_object, None, too_late)
    if request.may_be_encoded:
        found = service.guard(s3_objects.with_existing_key, s3_object, service)
        if isinstance(found, FunctionError):
            return Outcome(s3_object, None, found)
        s3_object = found
    return s3_objects.process(s3_object, service, request.options, fails)


def process_all(
    requests: Sequence[ObjectRequest | FunctionError],
    service: Service,
    message: str = "",
    fails: tuple[type[FunctionError], ...] = s3_objects.FAILS,
) -> tuple[list[Outcome], list[FunctionError]]:
    """Process objects one after another; an error costs the others nothing.

    Args:
        requests: objects; a FunctionError where one could not be read. It is counted and logged.
        service: predicts.
        message: that named the objects, for the log.
        fails: errors that write no result.

    Returns:
        The outcomes, and the errors of objects without a result; first those after which a retry may succeed. A caller
        raises the first of them, so that nothing that a retry can finish is given up because of the others.
    """
    outcomes: list[Outcome] = []
    errors: list[FunctionError] = []
    for request in requests:
        if isinstance(request, FunctionError):
            service.subject = message
            service.predict(request)
            errors.append(request)
            continue
        outcomes.append(process(request, service, message, fails))
        if outcomes[-1].failure:
            errors.append(outcomes[-1].failure)
    return outcomes, sorted(errors, key=lambda error: not isinstance(error, s3_objects.TEMPORARY))


def read_each(
    function: Callable[[*Arguments], Sequence[ObjectRequest | FunctionError]], *arguments: *Arguments
) -> Sequence[ObjectRequest | FunctionError]:
    """Return the objects that a function reads from one row, or the error of the row: it costs no other row."""
    try:
        return function(*arguments)
    except FunctionError as error:
        return [error]
    except RecursionError:
        return [BadRequest("a row must have fewer levels of objects and arrays")]


def value_of(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the value of the field with one of these names, in any spelling; None if there is none.

    Raises:
        BadRequest: two such fields with different values.
    """
    values = {name: value for name, value in fields.items() if is_set(value) and _plain(name) in names}
    first = next(iter(values.values()), None)
    if any(value != first for value in values.values()):
        got = " and ".join(described(value) for value in values.values())
        raise BadRequest(f"{' and '.join(values)} must be equal, got {got}")
    return first


def version_id(value: Any) -> str | None:
    """Return the version of an object; None for the latest.

    Raises:
        BadRequest: not text, or text that UTF-8 does not have.
    """
    if not is_set(value):
        return None
    if not s3_objects.is_name(value):
        raise BadRequest(f"the version id must be text, got {described(value)}")
    return str(value)


def _read_one(fields: Mapping[str, Any], options: Options, bucket: Any) -> ObjectRequest:
    uri, own_bucket, key = fields.get("s3"), value_of(fields, BUCKET), value_of(fields, KEY)
    version = version_id(value_of(fields, VERSION_ID))
    if not is_set(uri):
        names = own_bucket or bucket, key
        _check(names, fields)
        return ObjectRequest(S3Object(*names, version), options, may_be_encoded=True)
    if key is not None:
        raise BadRequest(f"exactly one of s3 and key must be set, got s3 {described(uri)} and key {described(key)}")
    bucket, slash, key = uri.removeprefix(URI_SCHEME).partition("/") if isinstance(uri, str) else ("", "", "")
    if not (isinstance(uri, str) and uri.startswith(URI_SCHEME) and slash):
        raise BadRequest(f"s3 must be s3://bucket/key, got {described(uri)}")
    if own_bucket not in (None, bucket):
        raise BadRequest(f"bucket must be that of s3, {shown(bucket)}, got {described(own_bucket)}")
    _check((bucket, key), fields)
    return ObjectRequest(S3Object(bucket, key, version), options)


def _check(names: tuple[Any, Any], fields: Mapping[str, Any]) -> None:
    for field, name in zip(("bucket", "key"), names, strict=True):
        if not s3_objects.is_name(name):
            problem = f"{field} must be set" if name is None else f"{field} must be a name, got {described(name)}"
            hint = " (BatchInput or the ItemSelector can set it)" if field == "bucket" else ""
            raise BadRequest(f"{problem}{hint}; the fields are {shown(', '.join(fields))}")


def _without_aws_region(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields without a `region` of AWS, which is a column of a list or a field of a message."""
    region = fields.get("region")
    if isinstance(region, str) and re.fullmatch(AWS_REGION, region):
        return {name: value for name, value in fields.items() if name != "region"}
    return fields


def _is_column(name: str, value: Any) -> bool:
    """Return whether a field can be a column of a file beside a bucket and a key: a column has no arrays or objects."""
    return name in COLUMNS and not isinstance(value, list | Mapping)


def _has(fields: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return any(_plain(name) in names for name in fields)


def _plain(name: str) -> str:
    return name.lower().translate(SEPARATORS)
