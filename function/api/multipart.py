"""`multipart/form-data`, as browsers and `curl -F` send it: parts with a file name are pictures, others are options.

Source: RFC 7578, with the parts delimited as RFC 2046, 5.1 says.
"""

import re
from typing import NamedTuple

from function.errors import BadRequest

PARAMETER = re.compile(rb';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))')
MAX_PARTS = 1000  # delimiters cost a byte each to write and more to read


class Part(NamedTuple):
    """One field of the form."""

    name: str
    file_name: str | None  # None: a plain value
    content: bytes


def parts(body: bytes, content_type: str) -> list[Part]:
    """The fields of a form, in their order.

    Args:
        body: as it was sent, decoded from base64.
        content_type: the whole header, which names the boundary.

    Raises:
        BadRequest: no boundary, or a body that is not delimited by it to its end.
    """
    boundary = dict(_parameters(content_type.encode())).get("boundary")
    if not boundary:
        raise BadRequest("the content type is multipart/form-data without a boundary")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise BadRequest("the form ends before its last boundary")
    if len(sections) > MAX_PARTS:
        raise BadRequest(f"the form has {len(sections)} parts; wanted at most {MAX_PARTS}")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, blank, content = section.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        header, _, value = line.partition(b":")
        if header.strip().lower() == b"content-disposition" and blank:
            named = dict(_parameters(value))
            if "name" in named:
                return Part(named["name"], named.get("filename"), content)
    raise BadRequest("a part of the form has no Content-Disposition with a name")


def _parameters(header: bytes) -> list[tuple[str, str]]:
    """Names in lower case and values without their quotation marks."""
    return [
        (name.decode("ascii", "replace").lower(), _unquoted(quoted or plain))
        for name, quoted, plain in PARAMETER.findall(header)
    ]


def _unquoted(value: bytes) -> str:
    return re.sub(rb"\\(.)", rb"\1", value).decode("utf-8", "replace")
