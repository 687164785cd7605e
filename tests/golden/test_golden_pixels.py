"""Pixels of unusual files against Ultralytics' own `imread`, which `yolo predict` reads images with."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from function.preprocess import image
from tests.conftest import encode
from tests.export.conftest import export_python  # noqa: F401
from tests.support.apng_files import OVER, SOURCE, Frame, apng
from tests.support.export_commands import probe
from tests.support.tiff_files import BLACK_IS_ZERO, DEFLATE, NO_COMPRESSION, PLANAR, RGB, tiff

pytestmark = pytest.mark.torch

LIMIT = 1_000_000  # px
CMYK, UNASSOCIATED, ASSOCIATED = 5, 2, 1
RNG = np.random.default_rng(21)
RGBA = RNG.integers(0, 256, (37, 53, 4), dtype=np.uint8)
READ = """
    import cv2, numpy as np
    from pathlib import Path
    from ultralytics.utils.patches import imread
    for path in sorted(Path(sys.argv[1]).glob("*.*")):
        np.save(path.with_suffix(".npy"), imread(str(path))[..., ::-1])
    print(json.dumps(cv2.__version__))
"""


def tiff_files() -> Iterator[tuple[str, bytes]]:
    """Every layout that OpenCV reads rightly: planar files of 16 bits and gray files of colors are not among them."""
    deep = (RGBA.astype(np.uint16) << 8) | RNG.integers(0, 256, RGBA.shape, dtype=np.uint16)
    for big_endian, compression, rows in itertools.product((False, True), (NO_COMPRESSION, DEFLATE), (None, 5)):
        options = {"big_endian": big_endian, "compression": compression, "rows": rows}
        name = f"{'mm' if big_endian else 'ii'}-{compression}-{rows}"
        for extra in ((), (0,), (ASSOCIATED,), (UNASSOCIATED,)):
            yield f"rgba16-{extra}-{name}.tif", tiff(deep, RGB, extra, **options)
            for planar in (1, PLANAR):
                yield f"rgba8-{extra}-{planar}-{name}.tif", tiff(RGBA, RGB, extra, planar, **options)
            yield f"la8-{extra}-{name}.tif", tiff(RGBA[..., 1:3], BLACK_IS_ZERO, extra, **options)
            yield f"la8-white-{extra}-{name}.tif", tiff(RGBA[..., 1:3], 0, extra, **options)
        for planar in (1, PLANAR):
            yield f"rgb8-{planar}-{name}.tif", tiff(RGBA[..., :3], RGB, (), planar, **options)
            yield f"cmyk8-{planar}-{name}.tif", tiff(RGBA, CMYK, (), planar, **options)
            yield f"la8-planar{planar}-{name}.tif", tiff(RGBA[..., 1:3], BLACK_IS_ZERO, (0,), planar, **options)
        for photometric in (0, BLACK_IS_ZERO):
            yield f"gray16-{photometric}-{name}.tif", tiff(deep[..., :1], photometric, **options)


def apng_files() -> Iterator[tuple[str, bytes]]:
    first, second = RGBA[:20, :30], RGBA[10:30, 20:50]
    default = RGBA[15:35, 10:40]
    for channels, blend, frames in itertools.product((1, 2, 3, 4), (SOURCE, OVER), (1, 2)):
        animation = [Frame(pixels[..., :channels], blend=blend) for pixels in (first, second)][:frames]
        name = f"{channels}-{blend}-{frames}.png"
        yield f"animation-{name}", apng(animation)
        yield f"default-{name}", apng(animation, default[..., :channels])
        part = Frame(first[:9, :11, :channels], 3, 4, blend=blend)
        yield f"part-{name}", apng([part, *animation][:frames], default[..., :channels])


def avif_files() -> Iterator[tuple[str, bytes]]:
    drawn = Image.fromarray(np.kron(RGBA[:9, :12], np.ones((8, 8, 1), np.uint8)))
    for mode, quality in itertools.product(("RGB", "RGBA", "L"), (60, 100)):
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            yield (
                f"{mode}-{quality}-{orientation}.avif",
                encode(drawn.convert(mode), "AVIF", quality=quality, exif=exif),
            )


@pytest.mark.parametrize("files", [tiff_files, apng_files, avif_files], ids=["TIFF", "APNG", "AVIF"])
def test_pixels_equal_those_of_ultralytics(
    files: Callable[[], Iterator[tuple[str, bytes]]],
    export_python: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    contents = dict(files())
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    probe(export_python, READ, tmp_path)
    different = [
        name
        for name, content in contents.items()
        if not np.array_equal(image.read(content, LIMIT), np.load((tmp_path / name).with_suffix(".npy")))
    ]
    assert different == []
