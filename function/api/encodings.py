"""Encodings of request bodies: compressed bodies, and images that arrive as text. Loaded only for such a request."""

import binascii
import re
import zlib

from function.api import body
from function.errors import BadRequest, TooLarge, UnsupportedImage, shown
from function.image_loading import decode_base64

GZIP, DEFLATE = "gzip", "deflate"
ALIASES = {"x-gzip": GZIP}
IGNORED = ("", "identity", "base64", "binary", "utf-8", "utf8")  # no compression; a base64 text is read anyway
WBITS = {GZIP: 31, DEFLATE: 15}
RAW_DEFLATE = -15  # without the zlib header, as some clients send it
REPLACEMENT = "\ufffd"  # a decoder of text writes it in place of bytes that are no text
GZIP_MAGIC = b"\x1f\x8b"
MAX_CODINGS = 2
MAX_JSON_BYTES = 32 * 1024 * 1024  # decompressed; the objects of a JSON text need many times its size

URLENCODED = "application/x-www-form-urlencoded"
FIELD = re.compile(rb"[\w.%+\[\]-]{1,64}=")  # at the start of an urlencoded form
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
AVIF_SIGNATURE = slice(4, 8), b"ftyp"
BASE64_START = 24  # digits that hold every signature
URL_SAFE = bytes.maketrans(b"-_", b"+/")
DATA_URL = "data:"


def decompress(data: str | bytes, header: str, max_bytes: int) -> str | bytes:
    """Return a body without the codings that the header `Content-Encoding` names.

    A front end may have decompressed the body and left the header: a body that is not compressed is returned unchanged.

    Args:
        data: the body; text if the front end did not encode it in base64.
        header: gzip, deflate, or both with a comma between them.
        max_bytes: limit of the decompressed body; nothing beyond it is decompressed.

    Raises:
        UnsupportedImage: another coding.
        BadRequest: the compressed body is broken or cut off.
        TooLarge: more bytes than the limit.
    """
    names = [ALIASES.get(name.strip().lower(), name.strip().lower()) for name in header.split(",")]
    codings = [name for name in names if name not in IGNORED]
    if len(codings) > MAX_CODINGS or not set(codings) <= WBITS.keys():
        raise UnsupportedImage(f"the header Content-Encoding must be gzip, deflate or absent, got {shown(header)}")
    if isinstance(data, str):
        if codings and REPLACEMENT in data[:64]:
            raise UnsupportedImage(
                f"the compressed body ({shown(header)}) was read as text on its way to the function: a REST API needs "
                "binaryMediaTypes */* and a new deployment"
            )
        return data
    for coding in reversed(codings):
        data = _decompress(data, coding, max_bytes)
    if codings and len(data) > MAX_JSON_BYTES and body.looks_like_json(data):
        raise TooLarge(f"a decompressed JSON body must have at most {MAX_JSON_BYTES} bytes, got {len(data)}")
    return data


def find_image(data: str | bytes) -> bytes | None:
    """Return the bytes of an image that is a base64 text, a data URL or bytes; None for other data.

    Raises:
        UnsupportedImage: text that begins like an image and is not base64.
    """
    start = data[:64].encode("utf-8", "replace") if isinstance(data, str) else data[:64]
    if isinstance(data, bytes) and _is_image(start):
        return data
    text_start = start.lstrip()
    if text_start[:5].lower() == DATA_URL.encode() or _is_image(_decoded_start(text_start)):
        return _image_of_text(data if isinstance(data, str) else data.decode("ascii", "replace"))
    return None


def image_bytes(data: str | bytes, media_type: str) -> bytes:
    """Return the bytes of an image that may have arrived as base64 text or as a data URL.

    Args:
        data: body that is neither JSON nor a form.
        media_type: of the body.

    Returns:
        The image; bytes that are not recognized are returned unchanged.

    Raises:
        UnsupportedImage: text that is no image; the message names the cause and what to send.
    """
    image = find_image(data)
    if image is not None:
        return image
    start = data[:64].encode("utf-8", "replace") if isinstance(data, str) else data[:64]
    if media_type == URLENCODED and FIELD.match(start.lstrip()):
        raise UnsupportedImage(
            f"the body must not be {URLENCODED}: send a JSON object, a form as multipart/form-data (curl -F), or the "
            "bytes of the image with its own content type (curl --data-binary)"
        )
    if start.startswith(GZIP_MAGIC):
        raise UnsupportedImage("the body is compressed with gzip; it must have the header Content-Encoding: gzip")
    if isinstance(data, bytes):
        return data
    raise UnsupportedImage(
        f"an image must arrive as bytes, got text ({media_type or 'no content type'}): send it with its own content "
        "type, such as image/jpeg (a REST API also needs binaryMediaTypes */*), or send base64 text in a JSON object "
        "as image_data"
    )


def _is_image(start: bytes) -> bool:
    place, brand = AVIF_SIGNATURE
    return start.startswith(SIGNATURES) or start[place] == brand


def _decoded_start(text: bytes) -> bytes:
    """Return the first bytes of a base64 text; b"" for other text."""
    digits = b"".join(text.split())[:BASE64_START].translate(URL_SAFE)
    try:
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)
    except ValueError:
        return b""


def _image_of_text(text: str) -> bytes:
    """Decode base64 text that begins like an image."""
    if text.lstrip()[: len(DATA_URL)].lower() == DATA_URL:
        header, comma, text = text.partition(",")
        if not (comma and header.strip().lower().endswith(";base64")):
            raise UnsupportedImage("a data: URL must be data:image/...;base64,..., got one without base64")
    try:
        return decode_base64(text, "body")
    except BadRequest as error:
        raise UnsupportedImage(f"{error}; base64 text of an image can also be sent as image_data") from error


def _decompress(data: bytes, coding: str, max_bytes: int) -> bytes:
    wbits = WBITS[coding]
    if coding == GZIP and not data.startswith(GZIP_MAGIC):
        return data
    if coding == DEFLATE and not _has_zlib_header(data):
        if data.startswith(SIGNATURES) or body.looks_like_json(data):
            return data
        wbits = RAW_DEFLATE
    decompressor = zlib.decompressobj(wbits)
    try:
        plain = decompressor.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise BadRequest(f"body must be {coding}, as its Content-Encoding says, got broken data") from error
    if len(plain) > max_bytes:
        raise TooLarge(f"the decompressed body must have at most {max_bytes} bytes (MAX_OBJECT_BYTES), got more")
    if not decompressor.eof or decompressor.unused_data:
        problem = "data after its end" if decompressor.eof else "data that is cut off"
        raise BadRequest(f"body must be {coding}, as its Content-Encoding says, got {problem}")
    return plain


def _has_zlib_header(data: bytes) -> bool:
    """Return whether the first two bytes are the header of RFC 1950."""
    return len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
