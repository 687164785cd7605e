"""Fields of `multipart/form-data` bodies, as browsers, `curl -F` and HTTP libraries send them.

The parser is python-multipart, which splits the body and checks its syntax. This module reads the headers of each part:
python-multipart ignores the file names in RFC 5987 and RFC 2047 form, which some libraries send.
"""

import quopri
import re
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError, ParseError

from function.errors import BadRequest, UnsupportedImage, shown
from function.image_loading import decode_base64

PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))')
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")
MAX_PARTS = 1000  # a delimiter costs the caller few bytes and the parser much more


class Part(NamedTuple):
    """Field of a form."""

    name: str
    file_name: str | None  # None: the part states none
    content_type: str  # without parameters, in lower case; "" if the part states none
    content: bytes  # decoded


def parts(body: bytes, content_type: str) -> list[Part]:
    """Return the fields of a form in their order.

    Args:
        body: the bytes of the form.
        content_type: the whole header, which has the boundary.

    Raises:
        BadRequest: no boundary, too many parts, or a body that is not a form with the boundary to its end.
        UnsupportedImage: a part has an unknown Content-Transfer-Encoding.
    """
    boundary = _parameters(content_type).get("boundary")
    if not boundary:
        raise BadRequest(
            "the content type multipart/form-data must have a boundary, got none: do not set the content type of a "
            "form, the HTTP library does it"
        )
    marker = boundary.encode("utf-8", "replace")
    delimiter = b"--" + marker
    start = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter)
    if start < 0:
        raise BadRequest("the form must have the boundary of its content type, got a form without it")
    collector = _Collector()
    try:
        collector.parser(marker).write(body[start:] if start else body)
    except FormParserError as error:
        place = f" at byte {error.offset}" if isinstance(error, ParseError) and error.offset >= 0 else ""
        raise BadRequest(
            f"body must be multipart/form-data, got a form that is broken{place} (lines end with CR LF)"
        ) from error
    if not collector.is_complete:
        raise BadRequest("the form must end with its last boundary, got a form that is cut off")
    return [_part(headers, b"".join(chunks)) for headers, chunks in collector.sections]


class _Collector:
    """Callbacks of the parser, which collect the headers and the content of each part."""

    def __init__(self) -> None:
        self.sections: list[tuple[dict[str, str], list[bytes]]] = []
        self.is_complete = False
        self._header = b""
        self._value = b""

    def parser(self, boundary: bytes) -> MultipartParser:
        """Return a parser that calls this object."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def _on_part_begin(self) -> None:
        if len(self.sections) == MAX_PARTS:
            raise BadRequest(f"the form must have at most {MAX_PARTS} parts, got more")
        self.sections.append(({}, []))

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        headers, _ = self.sections[-1]
        headers[self._header.decode("ascii", "replace").lower()] = self._value.decode("utf-8", "replace").strip()
        self._header = self._value = b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.sections[-1][1].append(data[start:end])

    def _on_end(self) -> None:
        self.is_complete = True


def _part(headers: dict[str, str], content: bytes) -> Part:
    parameters = _parameters(headers.get("content-disposition", ""))
    if "name" not in parameters:
        raise BadRequest("each part of the form must have a Content-Disposition header with a name")
    return Part(
        name=_decode_words(parameters["name"]),
        file_name=_file_name(parameters),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        content=_decode(content, headers.get("content-transfer-encoding", "")),
    )


def _parameters(header: str) -> dict[str, str]:
    """Return the parameters of a header: names in lower case, values without their quotation marks."""
    return {name.lower(): _unquote(quoted) or plain for name, quoted, plain in PARAMETER.findall(header)}


def _unquote(value: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", value)


def _file_name(parameters: dict[str, str]) -> str | None:
    """Return the file name. `filename*` comes first: a client that sends it sends `filename` for older servers.

    Source: RFC 5987, section 3.2; RFC 6266, section 4.3.
    """
    extended = parameters.get("filename*")
    if extended is None:
        extended = _joined(parameters)
    name = parameters.get("filename")
    if extended is None:
        return None if name is None else _decode_words(name)
    charset, mark, rest = extended.strip("\"' ").partition("'")
    _language, second_mark, encoded = rest.partition("'")
    if not (mark and second_mark):
        return extended if name is None else _decode_words(name)
    try:
        return unquote_to_bytes(encoded).decode(charset or "utf-8", "replace")
    except LookupError:  # unknown charset
        return unquote_to_bytes(encoded).decode("utf-8", "replace") if name is None else _decode_words(name)


def _joined(parameters: dict[str, str]) -> str | None:
    """Return a file name that was split into `filename*0`, `filename*1*` and so on; None if there is none.

    Source: RFC 2231, section 3 and 4.
    """
    pieces: list[str] = []
    for index in range(len(parameters)):
        encoded, plain = parameters.get(f"filename*{index}*"), parameters.get(f"filename*{index}")
        if encoded is None and plain is None:
            break
        pieces.append(quote(plain or "") if encoded is None else encoded)
    if not pieces:
        return None
    return "".join(pieces) if "filename*0*" in parameters else f"utf-8''{''.join(pieces)}"


def _decode_words(value: str) -> str:
    """Return a text with its encoded words decoded, such as `=?utf-8?B?5p2x5LqsLmpwZw==?=` (RFC 2047)."""
    if not ENCODED_WORD.search(value):
        return value
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header  # imported here: few clients send such names

    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError):
        return value


def _decode(content: bytes, encoding: str) -> bytes:
    """Undo the Content-Transfer-Encoding of a part; RFC 7578 deprecates it, and some clients send it."""
    name = encoding.strip().lower()
    if name in ("", "binary", "8bit", "7bit"):
        return content
    if name == "quoted-printable":
        return quopri.decodestring(content)
    if name != "base64":
        raise UnsupportedImage(
            f"Content-Transfer-Encoding must be binary, base64 or quoted-printable, got {shown(encoding)}"
        )
    subject = "a part with Content-Transfer-Encoding base64"
    if not content.isascii():
        raise BadRequest(f"{subject} must be base64, got bytes that are not text")
    return decode_base64(content.decode(), subject)
