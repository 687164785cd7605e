"""Files of a map run: JSON lines and arrays."""

import io
import json

import pytest
from botocore.response import StreamingBody

from scripts.aws.session import Aws
from scripts.batches.map_machine import default_arn
from scripts.batches.map_rows import _children

CHILDREN = [{"Name": "a", "Status": "SUCCEEDED"}, {"Name": "b", "Cause": "line\nbreak"}]


@pytest.mark.parametrize("children", [[], CHILDREN[:1], CHILDREN])
@pytest.mark.parametrize("separator", ["\n", "\n\n"])
def test_json_lines_and_arrays_have_the_same_children(children: list[dict[str, str]], separator: str) -> None:
    lines = "".join(json.dumps(child) + separator for child in children)
    for text in (lines, json.dumps(children), json.dumps(children, indent=1)):
        data = text.encode()
        assert list(_children(StreamingBody(io.BytesIO(data), len(data)))) == children


def test_state_machine_is_in_the_partition_region_and_account_of_the_function() -> None:
    function = "arn:aws-cn:lambda:cn-north-1:123456789012:function:yolo:live"
    expected = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:yolo-bulk"
    assert default_arn(function, Aws("us-east-1")) == expected
