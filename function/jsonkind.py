"""What a JSON value is, in the words of JSON: for errors, which never show a value whose length nobody knows."""

from typing import Any

KINDS = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
SHOWN = 100  # characters of a caller's own word in an error: an answer has its limit too


def kind(value: Any) -> str:
    """What a value is."""
    return "empty" if value == "" else KINDS.get(type(value), "of no JSON kind")


def shown(text: str) -> str:
    """A caller's word in quotes, cut where it is long."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}…"
