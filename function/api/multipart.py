"""Parser of `multipart/form-data` bodies, as browsers and `curl -F` send them.

Source: RFC 7578, with parts delimited as in RFC 2046, section 5.1.
"""

import re
from typing import NamedTuple

from function.errors import BadRequest

PARAMETER = re.compile(rb';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))')
MAX_PARTS = 1000  # a delimiter costs the caller few bytes and the parser much more


class Part(NamedTuple):
    """Field of a form."""

    name: str
    file_name: str | None  # None: not a file
    content: bytes


def parts(body: bytes, content_type: str) -> list[Part]:
    """Return the fields of a form in their order.

    Args:
        body: the bytes of the form.
        content_type: the whole header, which has the boundary.

    Raises:
        BadRequest: no boundary, too many parts, or a body that is not delimited by the boundary to its end.
    """
    boundary = dict(_parameters(content_type.encode())).get("boundary")
    if not boundary:
        raise BadRequest("the content type multipart/form-data must have a boundary, got none")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise BadRequest("the form must end with its last boundary, got a form that is cut off")
    if len(sections) > MAX_PARTS:
        raise BadRequest(f"the form must have at most {MAX_PARTS} parts, got {len(sections)}")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, blank_line, content = section.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        header, _, value = line.partition(b":")
        if header.strip().lower() == b"content-disposition" and blank_line:
            parameters = dict(_parameters(value))
            if "name" in parameters:
                return Part(parameters["name"], parameters.get("filename"), content)
    raise BadRequest("each part of the form must have a Content-Disposition header with a name")


def _parameters(header: bytes) -> list[tuple[str, str]]:
    """Return names in lower case and values without their quotation marks."""
    return [
        (name.decode("ascii", "replace").lower(), _unquote(quoted or plain))
        for name, quoted, plain in PARAMETER.findall(header)
    ]


def _unquote(value: bytes) -> str:
    return re.sub(rb"\\(.)", rb"\1", value).decode("utf-8", "replace")
