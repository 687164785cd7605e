"""The golden images: `python -m tests.golden.images` draws them again into this folder.

Each image has a property that decoders often get wrong; README.md lists them. The photographs come from a scikit-image
wheel: `--photographs FILE`.
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

from example.images import Plan, draw_scene
from example.placement import place_dial
from scripts.environments import project_version

FOLDER = Path(__file__).resolve().parent
SEED = 20265  # not used for a split of the data set or for the samples
QUALITY = 85  # of lossy files
LOW_NOISE = 0.15  # keeps lossless files small

# File in the wheel -> file here. All are public domain or CC0; README.md names the photographers.
PHOTOGRAPHS = {
    "skimage/data/clock_motion.png": "photo-clock.png",
    "skimage/data/chelsea.png": "photo-cat.jpg",
    "skimage/data/coffee.png": "photo-coffee.jpg",
}
ORIENTATION = 0x0112  # EXIF tag


class DrawnImage(NamedTuple):
    """An image that this module draws: its file name, and the function that returns its bytes."""

    name: str
    make: Callable[[], bytes]


def drawn_images() -> tuple[DrawnImage, ...]:
    """Return every image except the photographs."""
    return (
        DrawnImage("exif-6.jpg", lambda: _rotated("JPEG", 6, 1)),
        DrawnImage("exif-5.webp", lambda: _rotated("WEBP", 5, 2)),
        DrawnImage("gray.jpg", lambda: _saved(_scene(3, 640, (4, 3)).convert("L"), "JPEG")),
        DrawnImage("alpha.png", lambda: _saved(_with_alpha(_scene(4, 480, (4, 3))), "PNG")),
        DrawnImage("palette-transparent.png", lambda: _palette(_scene(5, 480, (3, 2)))),
        DrawnImage("cmyk.jpg", lambda: _saved(_cmyk(_scene(6, 600, (3, 2))), "JPEG")),
        DrawnImage("gray-16.png", lambda: _saved(_gray_16(_scene(7, 400, (1, 1))), "PNG")),
        DrawnImage("lossy.webp", lambda: _saved(_scene(8, 720, (9, 16)), "WEBP")),
        DrawnImage("small.bmp", lambda: _saved(_scene(9, 240, (4, 3), 1), "BMP")),
        DrawnImage("first-frame.gif", lambda: _gif(_scene(10, 400, (3, 2)))),
        DrawnImage("lzw.tif", lambda: _saved(_scene(11, 400, (4, 3)), "TIFF", compression="tiff_lzw")),
        DrawnImage("tiny-150x100.jpg", lambda: _saved(_scene(12, 150, (3, 2), 1), "JPEG")),
        DrawnImage("strip-1200x300.jpg", lambda: _saved(_scene(13, 1200, (4, 1), 4), "JPEG")),
        DrawnImage("flat-333x777.png", lambda: _saved(Image.new("RGB", (333, 777), (96, 128, 140)), "PNG")),
        DrawnImage("photo-coffee-dials.jpg", lambda: _saved(_with_dials("photo-coffee.jpg", 17), "JPEG")),
    )


def _scene(index: int, long_side: int, shape: tuple[int, int], dials: int = 3) -> Image.Image:
    return draw_scene(SEED, index, Plan(long_side, shape, dials, 0.4, (0.16, 0.34), LOW_NOISE)).image


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    lossy = {"quality": QUALITY} if kind in {"JPEG", "WEBP"} else {}
    image.save(buffer, kind, **lossy, **options)
    return buffer.getvalue()


def _rotated(kind: str, orientation: int, index: int) -> bytes:
    """Return a rotated image with the EXIF orientation that makes it upright: 600 x 800 pixels."""
    stored = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90}[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return _saved(_scene(index, 800, (3, 4)).transpose(stored), kind, exif=exif)


def _with_alpha(image: Image.Image) -> Image.Image:
    """Add a ramp of transparency; a decoder that drops alpha sees the original colors."""
    width, height = image.size
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    image.putalpha(Image.fromarray(ramp))
    return image


def _palette(image: Image.Image) -> bytes:
    """Return a PNG with 200 colors, of which a third are partly transparent."""
    small = image.quantize(200, dither=Image.Dither.NONE)
    return _saved(small, "PNG", transparency=bytes(min(255, 4 * i) for i in range(200)))


def _cmyk(image: Image.Image) -> Image.Image:
    """Convert to CMYK with half of the gray in the black channel, as for printing."""
    ink = 255 - np.asarray(image).astype(np.int32)  # (H, W, 3)
    black = ink.min(axis=2, keepdims=True) // 2
    colors = (ink - black) * 255 // (255 - black)
    channels = np.concatenate([colors, black], axis=2).astype(np.uint8)
    return Image.merge("CMYK", [Image.fromarray(np.ascontiguousarray(channels[..., i])) for i in range(4)])


def _gray_16(image: Image.Image) -> Image.Image:
    gray: NDArray[np.uint16] = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return Image.fromarray(gray)


def _gif(image: Image.Image) -> bytes:
    """Return a GIF with two frames, of which decoders must use the first."""
    frames = [frame.quantize(64, dither=Image.Dither.NONE) for frame in (image, Image.new("RGB", image.size))]
    return _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=500)


def _with_dials(photograph: str, index: int) -> Image.Image:
    """Draw a gauge and a clock on a photograph."""
    with Image.open(FOLDER / photograph) as source:
        image = source.convert("RGB")
    rng = np.random.default_rng((SEED, index))
    taken: list[NDArray[np.float64]] = []
    for class_id in (0, 1):
        dial = place_dial(rng, image, class_id, taken, (0.2, 0.3))
        taken += [dial.box_xyxy] if dial is not None else []
    return image


def unpack(wheel: Path) -> None:
    """Extract the photographs from a scikit-image wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for member, name in PHOTOGRAPHS.items():
            content = archive.read(member)
            if not name.endswith(".png"):
                with Image.open(io.BytesIO(content)) as image:
                    content = _saved(image.convert("RGB"), "JPEG")
            (FOLDER / name).write_bytes(content)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m tests.golden.images", description="Draw the golden images.")
    command.add_argument(
        "--photographs",
        type=Path,
        metavar="FILE",
        help="also extract the photographs from this scikit-image wheel (default: keep the present photographs)",
    )
    command.add_argument(
        "--version", action="version", version=f"%(prog)s {project_version()}", help="print the version and exit"
    )
    return command


def main(arguments: list[str]) -> int:
    """Draw the golden images; return 0."""
    wheel = parser().parse_args(arguments).photographs
    if wheel:
        unpack(wheel)
    for drawn in drawn_images():
        content = drawn.make()
        (FOLDER / drawn.name).write_bytes(content)
        sys.stdout.write(f"{drawn.name:<26} {len(content):>8,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
