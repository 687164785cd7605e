"""Encodings of request bodies: compressed bodies, and images that arrive as text. Loaded only for such a request."""

import binascii
import re
import zlib
from urllib.parse import unquote_to_bytes

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
MIB = 1024 * 1024
MAX_JSON_BYTES = 32 * MIB  # decompressed
MEMORY_PER_BYTE = 16  # of the function: a body is copied, and its text can have four bytes per character
MEMORY_PER_JSON_BYTE = 50  # the objects of a JSON text need up to 32 times its size

URLENCODED = "application/x-www-form-urlencoded"
STRIPPED_START = 64  # among as many bytes of an image are zeros
STRIPPED_BYTES = 2048  # among as many bytes of an image are line breaks
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
AVIF_SIGNATURE = slice(4, 8), b"ftyp"
NO_DIGIT = rb"(?s)[^A-Za-z0-9+/_-].*"  # and what follows it
START_BYTES = 96  # of a body; percent-encoded, they hold every signature too
BASE64_START = 24  # digits that hold every signature
WRAPPER = rb"""(?:\xef\xbb\xbf)?\s*(?:(?:bytearray\()?b?["'])?"""  # before base64 text, in place of it alone
MAX_MEMBERS = 100  # of a gzip body; each costs a copy of the rest
URL_SAFE = bytes.maketrans(b"-_", b"+/")
DATA_URL = "data:"
URLENCODED_ERROR = (
    f"the body must not be {URLENCODED}: send the bytes of the image with its own content type "
    "(curl --data-binary @a.jpg -H 'Content-Type: image/jpeg', not curl -d), a JSON object, or a form as "
    "multipart/form-data (curl -F)"
)


def decompress(data: str | bytes, header: str, max_bytes: int, memory_mb: int | None = None) -> str | bytes:
    """Return a body without the codings that the header `Content-Encoding` names.

    A front end may have decompressed the body and left the header: a body that is not compressed is returned unchanged.

    Args:
        data: the body; text if the front end did not encode it in base64.
        header: gzip, deflate, or both with a comma between them.
        max_bytes: limit of the decompressed body; nothing beyond it is decompressed.
        memory_mb: of the function, which lowers the limits; None: no other limit.

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
    max_json = MAX_JSON_BYTES
    if memory_mb is not None:
        max_bytes = min(max_bytes, memory_mb * MIB // MEMORY_PER_BYTE)
        max_json = min(max_json, memory_mb * MIB // MEMORY_PER_JSON_BYTE)
    for coding in reversed(codings):
        data = _decompress(data, coding, max_bytes)
    if codings and len(data) > max_json and body.looks_like_json(data):
        raise TooLarge(f"a decompressed JSON body must have at most {max_json} bytes, got {len(data)}")
    return data


def find_image(data: str | bytes) -> bytes | None:
    """Return the bytes of an image that is a base64 text, a data URL or bytes; None for other data.

    Raises:
        UnsupportedImage: text that begins like an image and is not base64.
    """
    start = _start(data)
    if isinstance(data, bytes) and _is_image(start):
        return data
    plain = unquote_to_bytes(re.sub(rb"^" + WRAPPER, b"", start))
    if plain[:5].lower() == DATA_URL.encode() or _is_image(_decoded_start(plain)):
        return _image_of_text(data if isinstance(data, str) else data.decode("utf-8", "replace"))
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
    if media_type == URLENCODED:
        return _urlencoded_image(data)
    image = find_image(data)
    if image is not None:
        return image
    if isinstance(data, bytes):
        return data
    raise UnsupportedImage(
        f"an image must arrive as bytes, got text ({media_type or 'no content type'}): send it with its own content "
        "type, such as image/jpeg (a REST API also needs binaryMediaTypes */*), or send base64 text in a JSON object "
        "as image_data"
    )


def _urlencoded_image(data: str | bytes) -> bytes:
    """Return the image of a body with the content type that `curl -d` and `curl --data-binary` send by default."""
    try:
        image = find_image(data)
    except UnsupportedImage as error:
        raise UnsupportedImage(f"{URLENCODED_ERROR}. As base64, its problem is: {error}") from error
    text = data if isinstance(data, str) else data.decode("ascii") if data.isascii() else ""
    if text.endswith("=") and len("".join(text.split())) % 4:  # not the end of base64, but a name without a value
        raise UnsupportedImage(URLENCODED_ERROR)
    if image is None:
        if isinstance(data, bytes) and not body.may_be_text(data):
            return data
        raise UnsupportedImage(URLENCODED_ERROR)
    if isinstance(data, bytes) and _has_no_line_breaks(data):
        raise UnsupportedImage(f"the image has no line breaks, `curl -d` removes them: {URLENCODED_ERROR}")
    return image


def _has_no_line_breaks(data: bytes) -> bool:
    """Return whether the line breaks of an image in bytes were removed."""
    if not _is_image(data[:START_BYTES]) or b"\n" in data or b"\r" in data:
        return False
    has_no_zeros = len(data) >= STRIPPED_START and b"\0" not in data  # `curl -d` removes these too
    return len(data) >= STRIPPED_BYTES or has_no_zeros or data.startswith(b"\x89PNG\x1a")


def _start(data: str | bytes) -> bytes:
    return data[:START_BYTES].encode("utf-8", "replace") if isinstance(data, str) else data[:START_BYTES]


def _is_image(start: bytes) -> bool:
    place, brand = AVIF_SIGNATURE
    return start.startswith(SIGNATURES) or start[place] == brand


def _decoded_start(text: bytes) -> bytes:
    """Return the first bytes of a base64 text; b"" for other text."""
    digits = re.sub(NO_DIGIT, b"", b"".join(text.split()))[:BASE64_START].translate(URL_SAFE)
    try:
        return binascii.a2b_base64(digits[: len(digits) // 4 * 4], strict_mode=True)
    except ValueError:
        return b""


def _image_of_text(text: str) -> bytes:
    """Decode base64 text that begins like an image."""
    text = text.removeprefix("\ufeff")
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
    members: list[bytes] = []
    rest, room = data, max_bytes
    while not members or (coding == GZIP and rest.startswith(GZIP_MAGIC) and len(members) < MAX_MEMBERS):
        decompressor = zlib.decompressobj(wbits)
        try:
            members.append(decompressor.decompress(rest, room + 1))
        except zlib.error as error:
            raise BadRequest(f"body must be {coding}, as its Content-Encoding says, got broken data") from error
        room -= len(members[-1])
        if room < 0:
            raise TooLarge(
                f"the decompressed body must have at most {max_bytes} bytes (MAX_OBJECT_BYTES, memory), got more"
            )
        if not decompressor.eof:
            raise BadRequest(f"body must be {coding}, as its Content-Encoding says, got data that is cut off")
        rest = decompressor.unused_data
    if rest.strip(b"\0"):  # programs may pad a gzip file with zeros
        raise BadRequest(f"body must be {coding}, as its Content-Encoding says, got data after its end")
    return members[0] if len(members) == 1 else b"".join(members)


def _has_zlib_header(data: bytes) -> bool:
    """Return whether the first two bytes are the header of RFC 1950."""
    return len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
