"""Metadata of an ONNX file with values that no export writes: each is one error of one line, or a valid model."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function import metadata, model
from function.errors import UnusableModel
from tests.support import color_model

VALID = {"task": "detect", "names": "{0: 'red', 1: 'blue'}", "imgsz": "[64, 96]", "stride": "32"}
MAX_MESSAGE_CHARS = 500


class Session:
    """The two methods of an onnxruntime session that `metadata.read` calls."""

    def __init__(self, entries: dict[str, str], shape: tuple[Any, ...]) -> None:
        self.entries, self.shape = entries, shape

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map=self.entries)

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="images", type="tensor(float)", shape=list(self.shape))]


def read(sides: tuple[Any, Any] = ("h", "w"), **entries: str) -> metadata.ModelMetadata:
    return metadata.read("m.onnx", Session(VALID | entries, (1, 3, *sides)), "0" * 64)


def refusal(**entries: str) -> str:
    """Return the message of the error, which must be one short line in UTF-8."""
    with pytest.raises(UnusableModel) as raised:
        read(**entries)
    message = str(raised.value)
    assert message.isprintable()
    assert len(message.encode()) < MAX_MESSAGE_CHARS
    return message


LONG = {
    "minus": "-" * 2_000_000 + "1",
    "sum": "+".join(["1"] * 1_000_000),
    "brackets": "[" * 300_000 + "]" * 300_000,
    "hexadecimal": "0x" + "f" * 2_000_000,
    "decimal": "9" * 2_000_000,
    "text": repr("x" * 2_000_000),
}
KEYS = ["names", "stride", "imgsz", "args", "kpt_shape", "transforms"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_text_that_is_too_long_is_refused_before_it_is_parsed(
    key: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    literal_eval = metadata.ast.literal_eval
    monkeypatch.setattr(metadata.ast, "literal_eval", lambda text: parsed.append(text) or literal_eval(text))
    task = {"kpt_shape": "pose", "transforms": "classify"}.get(key, "detect")
    kpt_shape = {"kpt_shape": "[17, 3]"} if task == "pose" else {}
    message = refusal(**{"task": task, **kpt_shape, key: text})
    limit = {"names": 2_000_000, "transforms": 100_000}.get(key, 10_000)
    if len(text) > limit:
        assert f"{key} must have at most {limit} characters, got {len(text)}" in message
    assert all(len(text) <= 2_000_000 for text in parsed)
    assert sum(len(text) > 10_000 for text in parsed) == (key == "names" and len(text) <= limit)


SHORT = {
    "minus": "-" * 9_000 + "1",
    "sum": "+".join(["1"] * 4_500),
    "brackets": "[" * 4_000 + "]" * 4_000,
    "braces": "{0:" * 1_000 + "1" + "}" * 1_000,
    "hexadecimal": "0x" + "f" * 9_000,
    "decimal": "9" * 9_000,
    "key of 5,000 digits": "{0x" + "f" * 5_000 + ": 'a'}",
    "power": "9**9**9",
    "call": "__import__('os').getpid()",
    "name": "nan",
    "complex": "1j",
    "ellipsis": "...",
    "bytes": "b'ab'",
    "set": "{1, 2}",
    "tuple": "(1, 'a', None)",
    "infinity": "1e999",
    "negative infinity": "-1e999",
    "negative": "-1",
    "truth value": "True",
    "null": "None",
    "NUL byte": "\x00",
    "line break": "1\n2",
    "surrogate": r"'\ud800'",
    "escape of the terminal": "\x1b[2J",
    "empty text": "''",
    "no text": "",
    "comment": "# 1",
    "nested": "[[{}], [[]]]",
    "object of three": "{2: 64, 3: 64, 4: 64}",
}


@pytest.mark.parametrize("key", ["names", "stride", "imgsz", "kpt_shape", "transforms"])
@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT)
def test_odd_value_is_refused_in_one_line(key: str, text: str) -> None:
    task = {"kpt_shape": "pose", "transforms": "classify"}.get(key, "detect")
    message = refusal(task=task, **{key: text})
    assert message.startswith((f"m.onnx: {key} must", f"m.onnx: a name in {key} must"))


@pytest.mark.parametrize("text", ["-" * 9_000 + "1", "{'nms'", "f()"])
def test_odd_arguments_of_an_export_are_refused(text: str) -> None:
    assert "args must be a Python literal" in refusal(args=text)


NAMES = {
    "surrogate": r"{0: '\ud800', 1: 'b'}",
    "half of a pair": r"['a', '\udc00b']",
    "201 characters": repr({0: "x" * 201}),
    "list": "{0: ['a']}",
    "object": "{0: {'a': 1}}",
    "bytes": "{0: b'a'}",
    "complex number": "{0: 1j}",
    "number of 5,000 digits": "{0: 0x" + "f" * 5_000 + "}",
    "number of 20 digits": "{0: 99999999999999999999}",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_class_name_that_is_not_text_of_utf_8_is_refused(text: str) -> None:
    assert "a name in names must be text of at most 200 characters in UTF-8" in refusal(names=text)


def test_refused_class_name_has_its_class_and_length_in_the_error() -> None:
    assert refusal(names=repr(["a", "x" * 300])).endswith("got 300 characters for class 1")


IDS = {
    "number of 120,000 digits": "{0x" + "f" * 100_000 + ": 'a'}",
    "truth value": "{False: 'a', True: 'b'}",
    "decimal": "{0.0: 'a', 1.0: 'b'}",
    "twice": "{0: 'a', '0': 'b'}",
    "tuple": "{(0,): 'a'}",
    "null": "{None: 'a'}",
    "from 1": "{1: 'a', 2: 'b'}",
    "Arabic digit": "{'٠': 'a'}",
    "leading zero": "{'00': 'a'}",
}


@pytest.mark.parametrize("text", IDS.values(), ids=IDS)
def test_class_ids_that_are_no_numbers_from_0_are_refused(text: str) -> None:
    assert "names must be a name for every class id from 0" in refusal(names=text)


def test_more_than_100000_classes_are_refused() -> None:
    assert len(read(names=repr(["x"] * 100_000)).names) == 100_000
    assert "at most 100000" in refusal(names=repr(["x"] * 100_001))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (repr({0: "x" * 200}), {0: "x" * 200}),
        ("{'0': 'a', '1': 'b'}", {0: "a", 1: "b"}),
        ("{1: 'b', 0: 'a'}", {0: "a", 1: "b"}),
        ("[7, 8]", {0: "7", 1: "8"}),
        ("{0: False, 1: None, 2: 1.5}", {0: "False", 1: "None", 2: "1.5"}),
        (r"['\ud83d\ude00'.__len__]", None),
        (r"['\U0001f600', 'a\nb']", {0: "\U0001f600", 1: "a\nb"}),
    ],
)
def test_names_of_yaml_files_are_text(text: str, names: dict[int, str] | None) -> None:
    if names is None:
        assert "must be a Python literal" in refusal(names=text)
    else:
        assert read(names=text).names == names


@pytest.mark.parametrize(("text", "is_valid"), [("256", True), ("257", False), ("1", True), ("0.5", False)])
def test_stride_is_limited_because_the_first_run_takes_two_strides(text: str, is_valid: bool) -> None:
    if is_valid:
        assert read(stride=text).stride == max(int(text), 32)
    else:
        assert "stride must be a whole number from 1 to 256" in refusal(stride=text)


def test_task_of_a_million_characters_is_cut_in_the_error() -> None:
    assert "task must be one of" in refusal(task="x" * 1_000_000)


def test_text_for_the_log_is_cut() -> None:
    described = read(description="d" * 100_000, head="h" * 100_000)
    assert (len(described.description), len(described.head)) == (1000, 200)


def test_transforms_of_more_than_20_steps_are_refused() -> None:
    step = {"name": "resize", "size": [64, 96]}
    assert len(read(("64", "96"), task="detect").transforms) == 0
    entries = {"task": "classify", "transforms": repr([step] * 20)}
    assert len(read((64, 96), **entries).transforms) == 20
    with pytest.raises(UnusableModel, match="transforms must be steps of preprocessing"):
        read((64, 96), **entries | {"transforms": repr([step] * 21)})


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-1, 3) | st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from([*KEYS, "task", "head", "description", "end2end"]),
    text=literals.map(repr) | st.text(st.characters()),
    task=st.sampled_from(metadata.TASKS),
)
def test_any_text_gives_metadata_in_utf_8_or_one_line(key: str, text: str, task: str) -> None:
    try:
        described = read(**{"task": task, "kpt_shape": "[17, 3]", key: text})
    except UnusableModel as error:
        assert str(error).isprintable()
        assert len(str(error)) < MAX_MESSAGE_CHARS
    else:
        "".join(described.names.values()).encode()


@pytest.mark.parametrize("old", [b"'red'", b"detect", b"imgsz", b"images", b"output0", b"stride", b"anchors"])
def test_text_that_is_not_utf_8_is_refused(tmp_path: Path, old: bytes) -> None:
    content = color_model.save(tmp_path / "m.onnx").read_bytes()
    assert old in content
    with pytest.raises(UnusableModel, match=r"is not a model that onnxruntime loads: 'utf-8' codec") as raised:
        model.load_bytes("m.onnx", content.replace(old, b"\xff" * len(old)), threads=1)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"\n\x00" * 50, b"\x08\x07\x12\x04a\nb\n" * 9])
def test_file_that_is_no_model_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(UnusableModel) as raised:
        model.load_bytes("m.onnx", content, threads=1)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_truncated_model_is_refused_in_one_line(tmp_path: Path, cut: float) -> None:
    content = color_model.save(tmp_path / "m.onnx").read_bytes()
    with pytest.raises(UnusableModel) as raised:
        model.load_bytes("m.onnx", content[: int(cut * len(content))], threads=1)
    assert str(raised.value).isprintable()
