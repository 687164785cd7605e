"""Gray images and bands against Ultralytics' own `imread`, with the flags of `yolo predict` for other channels."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from function.preprocess import image, letterbox, multiband
from tests.conftest import encode
from tests.export.conftest import export_python  # noqa: F401
from tests.support.export_commands import probe
from tests.support.tiff_files import BLACK_IS_ZERO, DEFLATE, NO_COMPRESSION, PLANAR, RGB, pages, tiff

pytestmark = pytest.mark.torch

LIMIT = 1_000_000  # px
CMYK, UNASSOCIATED, ASSOCIATED = 5, 2, 1
RNG = np.random.default_rng(34)
RGBA = RNG.integers(0, 256, (37, 53, 4), dtype=np.uint8)
COLORS = Image.fromarray(np.ascontiguousarray(RGBA[..., :3]))
BANDS = RNG.integers(0, 256, (37, 53, 10), dtype=np.uint8)
DEEP = (BANDS.astype(np.uint16) << 8) | RNG.integers(0, 256, BANDS.shape, dtype=np.uint16)
READ = """
    import cv2, numpy as np
    from pathlib import Path
    from ultralytics.utils.patches import imread
    for path in sorted(Path(sys.argv[1]).glob("*.*")):
        np.save(path.with_suffix(".npy"), imread(str(path), flags=getattr(cv2, sys.argv[2])))
    print(json.dumps(cv2.__version__))
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(png: bytes, added: bytes) -> bytes:
    return png[:33] + added + png[33:]  # behind the header


def color_files() -> Iterator[tuple[str, bytes]]:
    for subsampling, progressive, orientation in itertools.product((0, 2), (False, True), (1, 3, 6)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"subsampling": subsampling, "progressive": progressive, "exif": exif}
        yield f"{subsampling}-{progressive}-{orientation}.jpg", encode(COLORS, "JPEG", **options)
    for mode, kind, suffix in (
        ("RGB", "JPEG", "jpg"),
        ("L", "JPEG", "jpg"),
        ("CMYK", "JPEG", "jpg"),
        ("CMYK", "TIFF", "tif"),
    ):
        yield f"{mode}-{kind}.{suffix}", encode(COLORS.convert(mode), kind)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        plain = encode(Image.fromarray(RGBA).convert(mode), "PNG")
        yield f"{mode}-plain.png", plain
        yield f"{mode}-srgb.png", with_chunk(plain, chunk(b"sRGB", b"\0"))
        for gamma in (30_000, 45_455, 95_100, 100_000, 104_000, 220_000):
            yield f"{mode}-{gamma}.png", with_chunk(plain, chunk(b"gAMA", struct.pack(">I", gamma)))
    yield "gray-16.png", encode(Image.fromarray(DEEP[..., 0]), "PNG")
    for mode, kind in itertools.product(("RGB", "P", "L", "1"), ("BMP", "TIFF", "GIF")):
        yield f"{mode}-{kind}.{kind[:3].lower()}", encode(COLORS.convert(mode), kind)
    for mode in ("RGB", "RGBA"):
        for lossless in (True, False):
            drawn = Image.fromarray(RGBA).convert(mode)
            yield f"{mode}-{lossless}.webp", encode(drawn, "WEBP", lossless=lossless, exact=True)
        yield f"{mode}-avif.avif", encode(Image.fromarray(RGBA).convert(mode), "AVIF")
    for extra in ((0,), (ASSOCIATED,), (UNASSOCIATED,)):
        yield f"alpha-{extra}.tif", tiff(RGBA, RGB, extra)
    for photometric in (0, BLACK_IS_ZERO):
        yield f"gray16-{photometric}.tif", tiff(DEEP[..., :1], photometric)


def band_files() -> Iterator[tuple[str, bytes]]:
    for big_endian, compression, rows in itertools.product((False, True), (NO_COMPRESSION, DEFLATE), (None, 5)):
        options = {"big_endian": big_endian, "compression": compression, "rows": rows}
        name = f"{'mm' if big_endian else 'ii'}-{compression}-{rows}"
        for photometric in (0, BLACK_IS_ZERO):
            yield f"10-8-{photometric}-{name}.tif", pages(BANDS, photometric, **options)
            yield f"10-16-{photometric}-{name}.tif", pages(DEEP, photometric, **options)
        for extra in ((), (0,), (ASSOCIATED,), (UNASSOCIATED,)):
            yield f"4-16-{extra}-{name}.tif", tiff(DEEP[..., :4], RGB, extra, **options)
            for planar in (1, PLANAR):
                yield f"4-8-{extra}-{planar}-{name}.tif", tiff(BANDS[..., :4], RGB, extra, planar, **options)
    for orientation in range(1, 9):
        yield f"10-turned{orientation}.tif", pages(BANDS, t274=orientation)
        yield f"4-turned{orientation}.tif", tiff(BANDS[..., :4], RGB, (0,), t274=orientation)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        for bands in (2, 5):
            buffer = io.BytesIO()
            first, *others = (Image.fromarray(np.ascontiguousarray(BANDS[..., band])) for band in range(bands))
            first.save(buffer, "TIFF", save_all=True, append_images=others, compression=compression)
            yield f"{bands}-{compression}.tif", buffer.getvalue()
    for mode in ("RGBA", "LA"):
        yield f"4-{mode}.png", encode(Image.fromarray(RGBA).convert(mode), "PNG")


def expected(files: dict[str, bytes], flag: str, python: Path, folder: Path) -> dict[str, np.ndarray]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    probe(python, READ, folder, flag)
    return {name: np.load((folder / name).with_suffix(".npy")) for name in files}


def test_gray_pixels_equal_those_of_ultralytics(export_python: Path, tmp_path: Path) -> None:  # noqa: F811
    files = dict(color_files())
    grays = expected(files, "IMREAD_GRAYSCALE", export_python, tmp_path)
    read = {name: image.read_reduced(content, LIMIT, None, None, True).image for name, content in files.items()}
    assert {gray.mode for gray in read.values()} == {"L"}
    assert [name for name, gray in grays.items() if not np.array_equal(np.asarray(read[name])[..., None], gray)] == []


def test_bands_equal_those_of_ultralytics(export_python: Path, tmp_path: Path) -> None:  # noqa: F811
    files = dict(band_files())
    stacks = expected(files, "IMREAD_UNCHANGED", export_python, tmp_path)
    channels = {name: int(name.partition("-")[0]) for name in files}
    assert {name: stack.shape[2] for name, stack in stacks.items()} == channels
    read = {name: multiband.read(content, channels[name], LIMIT) for name, content in files.items()}
    assert [name for name, stack in stacks.items() if not np.array_equal(read[name], stack)] == []


RESIZE = """
    import cv2, numpy as np
    from pathlib import Path
    from ultralytics.data.augment import LetterBox
    for path in sorted(Path(sys.argv[1]).glob("*-?.npy")):
        height, width, auto = (int(part) for part in path.stem.split("-")[1:4])
        boxed = LetterBox((height, width), auto=bool(auto), stride=32)(image=np.load(path))
        np.save(path.with_suffix(".boxed.npy"), boxed)
    print(json.dumps(cv2.__version__))
"""


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 10])
def test_letterbox_of_bands_equals_that_of_ultralytics(channels: int, export_python: Path, tmp_path: Path) -> None:  # noqa: F811
    for index, size in enumerate([(100, 70), (640, 480), (97, 311), (64, 64)]):
        pixels = RNG.integers(0, 256, (*size, channels), dtype=np.uint8)
        for height, width, auto in ((64, 64, 1), (160, 96, 0), (50, 35, 0)):
            np.save(tmp_path / f"{index}-{height}-{width}-{auto}.npy", pixels)
    probe(export_python, RESIZE, tmp_path)
    for path in sorted(tmp_path.glob("*-?.npy")):
        height, width, auto = (int(part) for part in path.stem.split("-")[1:4])
        pixels = np.load(path)
        geometry = letterbox.fit((pixels.shape[1], pixels.shape[0]), (height, width), 32, bool(auto))
        tensor = letterbox.to_tensor(pixels, geometry._replace(channels=channels))
        boxed = np.load(path.with_suffix(".boxed.npy"))
        np.testing.assert_array_equal(np.rint(tensor[0] * 255), boxed.transpose(2, 0, 1), err_msg=path.stem)
