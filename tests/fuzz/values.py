"""Values that requests have, and values that no request should have."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

ODD_TEXTS = (
    "", " ", "0", "-1", "1e999", "NaN", "null", "true", "[]", "{}", "\0", "\n", "a\r\nb: c", "\ud800", "\udfff\ud800",
    "é", "\u202e", "\ufeff", "\x1b[31m", "%00", "%2F..%2F", "../../etc/passwd", "//", "/", "a/", "s3://", "s3://photos/",
    "s3://photos/in/wall.jpg", "s3://other/in/wall.jpg", "https://a.example/a.jpg", "https://127.0.0.1/", "aws:s3",
    "aws:sqs", "aws:sns", "aws:kinesis", "aws.s3", "ObjectCreated:Put", "ObjectRemoved:Delete", "in/wall.jpg",
    "in%2Fwall.jpg", "in/missing.jpg", "results/in/wall.jpg", "photos", "x" * 300, "0" * 5000, "é" * 2000, "\n" * 2000,
    "[" * 3000, '{"a":' * 2000, "gauge", "red", "a,b", "data:image/png;base64,", "/v2/models/add/infer", "GET", "HEAD",
    "OPTIONS", "gzip", "multipart/form-data; boundary=b", "multipart/form-data; boundary=\ud800",
    "application/json", "application/x-www-form-urlencoded", "2026-11-27T10:00:00Z", "arn:aws:s3:::photos",
)  # fmt: skip
ODD_NUMBERS = (0, 1, -1, 2, 0.5, -0.0, 1e308, 5e-324, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400)
ODD_VALUES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], {"": ""}, *ODD_NUMBERS, *ODD_TEXTS)

OPTION_VALUES: dict[str, tuple[Any, ...]] = {  # option of a request -> values, the first ones valid
    "conf": (
        0.4,
        0,
        1,
        "0.5",
        " .5 ",
        "1e-3",
        {"red": 0.6, "*": 0.2},
        "0.2,red:0.6",
        '{"1": 0.3}',
        2,
        -1,
        "nan",
        "0x1",
        "1_0",
        {},
        {"red": None},
        {"green": 0.5},
        {"0": 0.1, "red": 0.2},
        "red:",
        ":",
        ",",
        "{",
        "red:0.1,red:0.2",
    ),
    "iou": (0.7, 0, 1, "0.5", 1.0001, "inf"),
    "max_det": (10, 1, 3000, "5", 1e2, 3001, 0, "1.5"),
    "imgsz": (64, [64, 96], "64", "32,64", "[64, 32]", 1, 8192, 8193, 0, [64], [1, 2, 3], "64x64", [[64]], 1.5, True),
    "classes": (0, [0], "red", ["red", 1], "[0, 1]", "[[0]]", "red,1", [], [None], [99], "[" * 900, ["x"] * 500),
    "agnostic": (True, "true", 0, "1", "yes", 2),
    "tile": (
        64,
        "64",
        {"size": 64},
        '{"size": 64, "overlap": 0.5, "full": false}',
        False,
        "false",
        32,
        0,
        True,
        31,
        65501,
        1.5,
        {},
        {"size": None},
        {"size": 64, "overlap": 1},
        {"size": 64, "full": 1},
        {"size": 64, "over": 0},
        [64],
        "[" * 900,
        "nan",
        '{"size": NaN}',
    ),
    "merge": ("nms", "greedy_nmm", "nmm", 1),
    "masks": ("none", "rle", "polygons", "all", 1),
    "annotate": (True, "1", 0, "false", "yes", 2),
    "read": (True, "false", 1, "yes", 2),
    "region": (
        [[0, 0], [64, 0], [0, 64]],
        [[[0, 0], [1, 0], [0, 1]], [[2, 2], [3, 2], [2, 3]]],
        "[[0, 0], [1, 0], [0.5, 1]]",
        [],
        [[]],
        [[0, 0], [1, 1]],
        [[0, 0], [1e308, 1], [0, float("nan")]],
        [[0, 0, 0]] * 3,
        [[0, 0]] * 1001,
        {"a": 1},
        [[None, True], [1, 2], [3, 4]],
        "[" * 900,
        "1,2",
        [[[1, 2]] * 3] * 101,
        "us-east-1",
    ),
    "normalized": (True, "1", 0, "false", "yes", 2),
}


def aliases() -> dict[str, str]:
    """Return every name of an option, and the option."""
    from function.request import BY_NAME

    return {name: option.name for name, option in BY_NAME.items()}


def queries() -> Iterator[str]:
    """Yield a query string for each name of an option."""
    for name, option in aliases().items():
        first, *others = OPTION_VALUES[option]
        yield f"{name}={quote(as_text(first))}"
        yield f"{name}={quote(as_text(others[-1])[:200])}&image_name=a.jpg&unknown=1"


def as_text(value: Any) -> str:
    """Return a value as a query string or a form has it."""
    return value if isinstance(value, str) else json.dumps(value)
