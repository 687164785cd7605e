"""Image files of each format, through the sources that carry them."""

import base64
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tests.fuzz import documented, images, runtime
from tests.fuzz.targets import Target, variant
from tests.fuzz.verdict import check
from tests.support import tiff_files

STARTS = {  # of the files of a format, as function.preprocess.image lists them
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (images.PNG_SIGNATURE,),
    "WEBP": (b"RIFF",),
    "AVIF": (b"ftyp",),
    "BMP": (b"BM",),
    "GIF": (b"GIF8",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
WORDS = {
    "JPEG": (b"\xff\xc0", b"\xff\xc2", b"\xff\xc4", b"\xff\xda", b"\xff\xdd", b"\xff\xe1", b"\xff\xee", b"Exif\0\0"),
    "PNG": (b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"iCCP", b"zTXt", b"IEND"),
    "WEBP": (b"VP8X", b"VP8 ", b"VP8L", b"ANIM", b"ANMF", b"ALPH", b"EXIF"),
    "AVIF": (b"avif", b"avis", b"meta", b"iprp", b"ipco", b"ispe", b"av1C", b"irot", b"imir", b"clap", b"iloc"),
    "BMP": (b"\x28\0\0\0", b"\x7c\0\0\0", b"\x0c\0\0\0", b"\3\0\0\0"),
    "GIF": (b"GIF87a", b"GIF89a", b"\x21\xf9\x04", b"\x2c", b"NETSCAPE2.0"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x03\x01", b"\x52\x01", b"\x1c\x01", b"\x53\x01"),
}
FUNCTION_URL: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/",
    "requestContext": {"domainName": "a.lambda-url.eu-west-1.on.aws", "http": {"method": "POST", "path": "/"}},
    "headers": {"content-type": "application/octet-stream"},
    "isBase64Encoded": True,
}
SHARE_OF_LARGE = 32  # one input in as many may have as many pixels as the default allows


def run(kind: str, data: bytes) -> None:
    """Predict one file: in a JSON object, as a body, as an object of S3 with its annotated image."""
    number = variant(data, 8)
    if kind == "PNG" and number % 2:
        data = images.with_checksums(data)
    is_large = variant(data[::-1], SHARE_OF_LARGE) == 0
    environ = {"FAST_DECODE": str(number % 2)} | ({"MAX_IMAGE_PIXELS": "50000000"} if is_large else {})
    model = ("colors", "classifier", "segments", "gray", "bands")[number % 5]
    if number < 2:
        _run_stored(data, model, environ | {"ANNOTATE": str(number)})
        return
    text = base64.b64encode(data).decode()
    event: dict[str, Any] = FUNCTION_URL | {"body": text} if number < 4 else {"image_data": text}
    check(lambda: runtime.invoke(event, model, **environ), partial(documented.http_response, event), ())


def _run_stored(data: bytes, model: str, environ: dict[str, str]) -> None:
    from function.errors import FunctionError

    event, s3 = {"bucket": runtime.BUCKET, "key": runtime.KEY}, runtime.new_s3(data)

    def documented_row(row: Any) -> None:
        documented.map_response(event, row)
        for address in s3.written:
            if address[1].endswith(".json"):
                documented.stored_result(s3.objects[address])

    with s3.installed():
        check(lambda: runtime.invoke(event, model, **environ), documented_row, (FunctionError,))


def seeds(kind: str) -> Iterator[bytes]:
    """Yield small files of a format, among them one for each of its beginnings."""
    yield from images.seeds(kind)
    if kind == "TIFF":
        pixels = np.asarray(images.drawing((16, 16)))
        for dtype, options in ((np.uint8, {}), (np.uint16, {"planar": 2}), (np.float32, {"tile": 16})):
            yield tiff_files.tiff(pixels.astype(dtype), tiff_files.RGB, big_endian=True, **options)
        bands = np.concatenate([pixels, pixels[..., :1]], axis=2)
        yield tiff_files.pages(bands, compression=tiff_files.DEFLATE)
        yield tiff_files.tiff(bands, planar=2, tile=16)
        yield tiff_files.tiff(bands.astype(np.uint16), compression=tiff_files.DEFLATE, t317=2)
        yield b"MM\0+\0\x08\0\0" + (16).to_bytes(8) + bytes(40)


def _target(kind: str) -> Target:
    return Target(partial(run, kind), partial(seeds, kind), frozenset({f"format:{kind}"}), WORDS[kind])


TARGETS = {f"image-{kind.lower()}": _target(kind) for kind in images.MODES}
