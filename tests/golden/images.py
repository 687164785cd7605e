"""The golden pictures: `python -m tests.golden.images` draws them again into this folder.

Each is here for one thing that readers get wrong; README.md lists them. The photographs come out of a scikit-image
wheel, once: `--photographs WHEEL`.
"""

import argparse
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from example.images import Plan, make
from example.placement import hang

FOLDER = Path(__file__).resolve().parent
SEED = 20265  # of no split of the data set, and not that of the samples
QUALITY = 85  # of lossy files
CLEAN = 0.15  # little noise: a lossless file stays small

# What is taken out of the wheel, as what, and how. All three are free of rights; README.md names the photographers.
PHOTOGRAPHS = {
    "skimage/data/clock_motion.png": "photo-clock.png",
    "skimage/data/chelsea.png": "photo-cat.jpg",
    "skimage/data/coffee.png": "photo-coffee.jpg",
}
ORIENTATION = 0x0112  # EXIF tag


class Drawn(NamedTuple):
    """A picture that is drawn here: its file, and what makes its bytes."""

    name: str
    make: Callable[[], bytes]


def drawn() -> tuple[Drawn, ...]:
    """Every picture but the photographs."""
    return (
        Drawn("exif-6.jpg", lambda: _turned("JPEG", 6, 1)),
        Drawn("exif-5.webp", lambda: _turned("WEBP", 5, 2)),
        Drawn("gray.jpg", lambda: _saved(_scene(3, 640, (4, 3)).convert("L"), "JPEG")),
        Drawn("alpha.png", lambda: _saved(_with_alpha(_scene(4, 480, (4, 3))), "PNG")),
        Drawn("palette-transparent.png", lambda: _palette(_scene(5, 480, (3, 2)))),
        Drawn("cmyk.jpg", lambda: _saved(_cmyk(_scene(6, 600, (3, 2))), "JPEG")),
        Drawn("gray-16.png", lambda: _saved(_sixteen(_scene(7, 400, (1, 1))), "PNG")),
        Drawn("lossy.webp", lambda: _saved(_scene(8, 720, (9, 16)), "WEBP")),
        Drawn("small.bmp", lambda: _saved(_scene(9, 240, (4, 3), 1), "BMP")),
        Drawn("first-frame.gif", lambda: _gif(_scene(10, 400, (3, 2)))),
        Drawn("lzw.tif", lambda: _saved(_scene(11, 400, (4, 3)), "TIFF", compression="tiff_lzw")),
        Drawn("tiny-150x100.jpg", lambda: _saved(_scene(12, 150, (3, 2), 1), "JPEG")),
        Drawn("strip-1200x300.jpg", lambda: _saved(_scene(13, 1200, (4, 1), 4), "JPEG")),
        Drawn("flat-333x777.png", lambda: _saved(Image.new("RGB", (333, 777), (96, 128, 140)), "PNG")),
        Drawn("photo-coffee-dials.jpg", lambda: _saved(_hung("photo-coffee.jpg", 17), "JPEG")),
    )


def _scene(index: int, long_side: int, shape: tuple[int, int], dials: int = 3) -> Image.Image:
    return make(SEED, index, Plan(long_side, shape, dials, 0.4, (0.16, 0.34), CLEAN)).image


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    lossy = {"quality": QUALITY} if kind in {"JPEG", "WEBP"} else {}
    image.save(buffer, kind, **lossy, **options)
    return buffer.getvalue()


def _turned(kind: str, orientation: int, index: int) -> bytes:
    """Stored lying, with the EXIF orientation that sets it upright: 600 x 800 pixels."""
    stored = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90}[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return _saved(_scene(index, 800, (3, 4)).transpose(stored), kind, exif=exif)


def _with_alpha(image: Image.Image) -> Image.Image:
    """Half of it transparent; the colors underneath are what a reader that drops alpha sees."""
    width, height = image.size
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    image.putalpha(Image.fromarray(ramp))
    return image


def _palette(image: Image.Image) -> bytes:
    """200 colors, a third of them more or less transparent."""
    small = image.quantize(200, dither=Image.Dither.NONE)
    return _saved(small, "PNG", transparency=bytes(min(255, 4 * i) for i in range(200)))


def _cmyk(image: Image.Image) -> Image.Image:
    """Half of the gray in the black channel, as a printer would have it."""
    ink = 255 - np.asarray(image).astype(np.int32)  # (H, W, 3)
    black = ink.min(axis=2, keepdims=True) // 2
    colors = (ink - black) * 255 // (255 - black)
    channels = np.concatenate([colors, black], axis=2).astype(np.uint8)
    return Image.merge("CMYK", [Image.fromarray(np.ascontiguousarray(channels[..., i])) for i in range(4)])


def _sixteen(image: Image.Image) -> Image.Image:
    gray: NDArray[np.uint16] = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return Image.fromarray(gray)


def _gif(image: Image.Image) -> bytes:
    """Two frames; the first counts."""
    frames = [frame.quantize(64, dither=Image.Dither.NONE) for frame in (image, Image.new("RGB", image.size))]
    return _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=500)


def _hung(photograph: str, index: int) -> Image.Image:
    """A photograph with a gauge and a clock on it."""
    with Image.open(FOLDER / photograph) as source:
        image = source.convert("RGB")
    rng = np.random.default_rng((SEED, index))
    taken: list[NDArray[np.float64]] = []
    for class_id in (0, 1):
        dial = hang(rng, image, class_id, taken, (0.2, 0.3))
        taken += [dial.box_xyxy] if dial is not None else []
    return image


def unpack(wheel: Path) -> None:
    """Takes the photographs out of a scikit-image wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for member, name in PHOTOGRAPHS.items():
            content = archive.read(member)
            if not name.endswith(".png"):
                with Image.open(io.BytesIO(content)) as image:
                    content = _saved(image.convert("RGB"), "JPEG")
            (FOLDER / name).write_bytes(content)


def main() -> None:
    """Draws the golden pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.images", description=main.__doc__)
    parser.add_argument("--photographs", type=Path, metavar="WHEEL", help="a scikit-image wheel to take them from")
    wheel = parser.parse_args().photographs
    if wheel:
        unpack(wheel)
    for picture in drawn():
        content = picture.make()
        (FOLDER / picture.name).write_bytes(content)
        sys.stdout.write(f"{picture.name:<26} {len(content):>8,} bytes\n")


if __name__ == "__main__":
    main()
