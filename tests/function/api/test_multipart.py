"""Fields of forms: file names, boundaries and transfer encodings as clients write them, and broken forms."""

import base64

import pytest

from function.api import multipart
from function.errors import BadRequest, UnsupportedImage
from tests.function.sources.test_http import form

CONTENT_TYPE = "multipart/form-data; boundary=x"


def only_part(headers: str, content: bytes = b"1") -> multipart.Part:
    body = b"--x\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    (part,) = multipart.parts(body, CONTENT_TYPE)
    return part


def test_file_name_may_have_quotation_marks_and_any_script() -> None:
    content, content_type = form(("image", r"Druck \"A\" 圧力.png", b"1"), boundary="a'b+c")
    (part,) = multipart.parts(content, content_type)
    assert part.file_name == 'Druck "A" 圧力.png'


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("filename=a.png", "a.png"),
        ('filename="a; name=b.png"', "a; name=b.png"),
        ("filename=\"x.png\"; filename*=utf-8''%E6%9D%B1.png", "東.png"),
        ("filename*=UTF-8'en'a%20b.png", "a b.png"),
        ("filename*=iso-8859-1''caf%E9.png; filename=cafe.png", "café.png"),
        ("filename*=\"utf-8''%e2%82%ac.png\"", "€.png"),
        ("filename=a.png; filename*=no-charset''b.png", "a.png"),
        ("filename=a.png; filename*=broken", "a.png"),
        ('filename="=?utf-8?B?5p2x5LqsLmpwZw==?="', "東京.jpg"),
        ('filename="=?UTF-8?Q?caf=C3=A9_1.png?="', "café 1.png"),
        ('filename="=?utf-8?B?5p2x?= =?utf-8?B?5Lqs?="', "東京"),
        ('filename="=?no-charset?B?5p2x?="', "=?no-charset?B?5p2x?="),
        ('filename=""', ""),
        ("x=y", None),
    ],
)
def test_file_name_is_read_in_every_notation(parameters: str, expected: str | None) -> None:
    assert only_part(f"Content-Disposition: form-data; name=image; {parameters}").file_name == expected


@pytest.mark.parametrize("quoted", [False, True])
def test_boundary_may_be_quoted(quoted: bool) -> None:
    content, content_type = form(("image", "a.png", b"1"), boundary="x y" if quoted else "xy")
    if quoted:
        content_type = 'Multipart/Form-Data; charset=utf-8; Boundary="x y"'
    assert multipart.parts(content, content_type)[0].content == b"1"


@pytest.mark.parametrize("before", [b"\r\n", b"preamble\r\n", b"--\r\n"])
def test_text_before_and_behind_the_parts_is_ignored(before: bytes) -> None:
    content, content_type = form(("image", "a.png", b"1"))
    assert [part.content for part in multipart.parts(before + content + b"epilogue", content_type)] == [b"1"]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", base64.b64encode(bytes(range(256)))),
        ("BASE64", base64.encodebytes(bytes(range(256))).replace(b"\n", b"\r\n")),
        ("binary", bytes(range(256))),
        ("8bit", bytes(range(256))),
        ("quoted-printable", b"".join(b"=%02X" % byte for byte in range(256))),
    ],
)
def test_content_transfer_encoding_is_undone(encoding: str, content: bytes) -> None:
    headers = f"content-transfer-encoding: {encoding}\r\nContent-Disposition: form-data; name=image; filename=a"
    assert only_part(headers, content).content == bytes(range(256))


def test_unknown_content_transfer_encoding_is_refused_by_name() -> None:
    headers = "Content-Disposition: form-data; name=image; filename=a\r\nContent-Transfer-Encoding: x-uuencode"
    with pytest.raises(UnsupportedImage, match=r"Content-Transfer-Encoding must be .*, got 'x-uuencode'"):
        only_part(headers)


def test_content_that_is_not_in_its_transfer_encoding_is_a_bad_request() -> None:
    headers = "Content-Disposition: form-data; name=image; filename=a\r\nContent-Transfer-Encoding: base64"
    with pytest.raises(BadRequest, match="base64"):
        only_part(headers, b"\x89PNG")


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"\r\n--", b"--x7", b"a\r\n--xx", b"\r\n--x\n", b"\x00\xff" * 100_000]
)
def test_content_of_a_part_is_kept_byte_by_byte(content: bytes) -> None:
    body, content_type = form(("image", "a.png", content))
    assert multipart.parts(body, content_type)[0].content == content


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", CONTENT_TYPE),
        (b"--x\r\n", CONTENT_TYPE),
        (form(("a", "b", b"c"))[0], "multipart/form-data"),
        (form(("a", "b", b"c"))[0], "multipart/form-data; boundary=another"),
        (form(("a", "b", b"c"), boundary="y" * 5000)[0], "multipart/form-data; boundary=" + "y" * 5000),
        (form(("a", "b", b"c"))[0][:-8], "multipart/form-data; boundary=----x7"),
        (b"--x\r\nno header\r\n--x--", CONTENT_TYPE),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nc\r\n--x--", CONTENT_TYPE),
        (b"--x\r\nContent-Type: image/png\r\n\r\nc\r\n--x--", CONTENT_TYPE),
        (b"--x\r\n" + b"a: b\r\n" * 5000 + b"\r\n\r\n--x--", CONTENT_TYPE),
        (b"--x\r\n" * 5000 + b"--x--", CONTENT_TYPE),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 5000 + b"--x--", CONTENT_TYPE),
    ],
)
def test_broken_form_is_a_bad_request(content: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest):
        multipart.parts(content, content_type)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ('filename*0="lo"; filename*1="ng.jpg"', "long.jpg"),
        ("filename*0*=UTF-8''%E6%9D%B1; filename*1*=%E4%BA%AC.jpg", "東京.jpg"),
        ("filename*0*=UTF-8''%E6%9D%B1; filename*1=a%20.jpg", "東a%20.jpg"),
        ("filename*=foo''a%20b.jpg", "a b.jpg"),
        ("filename*=a.jpg", "a.jpg"),
    ],
)
def test_file_name_in_parts_or_with_an_unknown_charset_is_read(parameters: str, expected: str) -> None:
    assert only_part(f"Content-Disposition: form-data; name=image; {parameters}").file_name == expected


@pytest.mark.parametrize("text", ["-_-_", "QUI", "QUJ\r\nD", "QUI="])
def test_base64_part_may_be_url_safe_or_unpadded(text: str) -> None:
    headers = "Content-Disposition: form-data; name=image\r\nContent-Transfer-Encoding: base64"
    plain = "".join(text.split())
    assert only_part(headers, text.encode()).content == base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))


@pytest.mark.parametrize("content", [b"!!!!", b"QUJDR", b"\x89PNG\xff", b"QUJD QUJD"])
def test_broken_base64_part_has_an_error_in_our_words(content: bytes) -> None:
    headers = "Content-Disposition: form-data; name=image\r\nContent-Transfer-Encoding: base64"
    with pytest.raises(BadRequest, match="a part with Content-Transfer-Encoding base64 must be base64, got") as caught:
        only_part(headers, content)
    assert "padding" not in str(caught.value)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_missing_boundary_has_the_remedy(content_type: str) -> None:
    with pytest.raises(BadRequest, match="do not set the content type"):
        multipart.parts(b"--x--", content_type)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [("filename*=utf-8''a%FFb.png", "a\ufffdb.png"), ("filename*=us-ascii''%E9.png", "\ufffd.png")],
)
def test_bytes_that_are_no_text_in_a_file_name_are_replaced(parameters: str, expected: str) -> None:
    part = only_part(f'content-disposition: form-data; name="image"; {parameters}')
    assert part.file_name == expected
