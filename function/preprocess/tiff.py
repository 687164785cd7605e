"""TIFF files whose bands are read as OpenCV reads them, or refused with their description.

Pillow finds the reader in a table of layouts, by the tags of the file. The table lacks files of several bands that are
declared as gray, as GDAL writes them. Pillow's reader of uncompressed planar files takes one byte per sample, whatever
its depth. So the tags are replaced by those of a layout that Pillow reads rightly; its decoder reads the file's own.

Source: TIFF 6.0; Pillow 13.0 `TiffImageFile._setup`, TiffImagePlugin.py; OpenCV 5.0 imgcodecs/src/grfmt_tiff.cpp.
"""

from typing import Any, NamedTuple

from PIL import TiffImagePlugin

from function.errors import UnsupportedImage

BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, SAMPLES_PER_PIXEL = 258, 259, 262, 277  # TIFF 6.0, section 8
ORIENTATION, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 274, 278, 322, 323  # TIFF 6.0, sections 8 and 15
PLANAR, EXTRA_SAMPLES, SAMPLE_FORMAT = 284, 338, 339  # TIFF 6.0, sections 8, 18 and 19
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, YCBCR = 0, 1, 2, 5, 6  # of PHOTOMETRIC
GRAY = {WHITE_IS_ZERO, BLACK_IS_ZERO}
COLORS = {RGB: 3, CMYK: 4}  # bands that are not extra
NAMES = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIE L*a*b*"}
SAMPLE_FORMATS = {1: "unsigned integer", 2: "signed integer", 3: "floating-point"}
UNSIGNED = 1
SEPARATE = 2  # planar: all pixels of a band, then those of the next one
UNKNOWN, ASSOCIATED, UNASSOCIATED = 0, 1, 2  # extra bands; the last two are alpha
ALPHA = {ASSOCIATED, UNASSOCIATED}
UNCOMPRESSED, OLD_JPEG, JPEG, PACK_BITS = 1, 6, 7, 32773
NOT_READ = {"I", "F", "LAB"}  # modes of Pillow: integers and floating-point numbers of 32 bits, CIE L*a*b*
MAX_BANDS = 6  # of Pillow's table
MAX_GRAY_BANDS = 4  # of OpenCV; the colors of five and more have no usual order


class Layout(NamedTuple):
    """The bands of a file."""

    photometric: int
    bands: int
    extra: tuple[int, ...]  # meaning of the bands that are not colors
    planar: bool


class TiffImage(TiffImagePlugin.TiffImageFile):
    """A TIFF file, opened.

    Attributes:
        bits: per sample, in the file.
        layout: of the file.
        inverted: the decoded levels are those of the file, and white is zero.
        unassociated_alpha: the last channel is an alpha that libtiff multiplies the colors by.
        orientation: as in EXIF; the decoded pixels are as stored.
        coded_sizes_wh: the size of its tiles, which are decoded as a whole, in pixels.
    """

    bits = 8
    layout = Layout(RGB, 3, (), planar=False)
    inverted = False
    unassociated_alpha = False
    orientation = 1
    coded_sizes_wh: tuple[tuple[int, int], ...] = ()

    def _setup(self) -> None:
        """Choose the reader, when the tags are read.

        Raises:
            UnsupportedImage: a layout or a compression that is not read.
        """
        tags = self.tag_v2
        bits, layout, compression = _bits(tags), _layout(tags), _number(tags, COMPRESSION, UNCOMPRESSED)
        description = _describe(layout, bits, tags)
        if layout.bands > MAX_BANDS:
            raise UnsupportedImage(description)
        self.bits, self.layout = bits, layout
        orientation = tags.get(ORIENTATION)
        self.orientation = orientation if isinstance(orientation, int) else 1
        if TILE_WIDTH in tags:
            self.coded_sizes_wh = ((_number(tags, TILE_WIDTH, 1), _number(tags, TILE_LENGTH, 1)),)
        if compression not in {OLD_JPEG, JPEG}:
            readable = _readable(layout, bits) if _all_unsigned(tags) else layout
            if readable is None:
                raise UnsupportedImage(description)
            if compression == UNCOMPRESSED and (layout.planar or layout.photometric == YCBCR):
                tags[COMPRESSION] = PACK_BITS  # Pillow leaves a file that it takes for a compressed one to libtiff
            self.inverted = layout.photometric == WHITE_IS_ZERO != readable.photometric and not layout.planar
            self.unassociated_alpha = UNASSOCIATED in readable.extra
            _replace(tags, readable)
        try:
            super()._setup()
        except KeyError as error:
            raise UnsupportedImage(f"TIFF compression must be one that libtiff reads, got {compression}") from error
        except SyntaxError as error:
            raise UnsupportedImage(description) from error
        if self.mode in NOT_READ:
            raise UnsupportedImage(description)

    def load_end(self) -> None:
        """Leave the pixels as stored: Pillow would read all directories of the file for the orientation."""
        self._size = self.im.size


def _readable(layout: Layout, bits: int) -> Layout | None:
    """Return the layout to read the bands by, with bits per sample of 8 or 16; None if there is none."""
    photometric, bands, extra, planar = layout
    if photometric in COLORS:
        alpha = photometric == RGB and bits == 8 and extra[:1] == (UNASSOCIATED,)
        return _with_extra(photometric, COLORS[photometric], bands, planar, alpha)
    if photometric not in GRAY:
        return layout if not planar else None
    if bands == 1:
        return layout._replace(photometric=BLACK_IS_ZERO if bits > 8 else photometric)
    if bands == 2:
        return _with_extra(BLACK_IS_ZERO, 1, bands, planar, alpha=False)
    is_rgb = not ALPHA & set(extra[:-1] if bands == MAX_GRAY_BANDS else extra)
    if photometric == BLACK_IS_ZERO and bands <= MAX_GRAY_BANDS and is_rgb:
        return _with_extra(RGB, COLORS[RGB], bands, planar, alpha=False)
    return None


def _with_extra(photometric: int, colors: int, bands: int, planar: bool, alpha: bool) -> Layout:
    """Return a layout that skips the extra bands; the decoder leaves out the last planes of a planar file by itself."""
    extra = (UNASSOCIATED,) * alpha + (UNKNOWN,) * (0 if planar else bands - colors - alpha)
    return Layout(photometric, colors + len(extra), extra, planar=False)


def _replace(tags: Any, layout: Layout) -> None:
    tags[PHOTOMETRIC] = layout.photometric
    tags[SAMPLES_PER_PIXEL] = layout.bands
    tags[EXTRA_SAMPLES] = layout.extra
    tags[PLANAR] = SEPARATE if layout.planar else 1


def _layout(tags: Any) -> Layout:
    bands = _number(tags, SAMPLES_PER_PIXEL, 1)
    extra = tags.get(EXTRA_SAMPLES, ())
    planar = bands > 1 and _number(tags, PLANAR, 1) == SEPARATE
    return Layout(_number(tags, PHOTOMETRIC, WHITE_IS_ZERO), bands, extra if isinstance(extra, tuple) else (), planar)


def _describe(layout: Layout, bits: int, tags: Any) -> str:
    """Return the message of the error for a file that is not read."""
    formats = tags.get(SAMPLE_FORMAT, (UNSIGNED,))
    number = SAMPLE_FORMATS.get(formats[0] if isinstance(formats, tuple) and formats else 0, "complex or undefined")
    bands = f"{layout.bands} band{'s' * (layout.bands > 1)} of {bits}-bit {number}"
    color = NAMES.get(layout.photometric, f"photometric interpretation {layout.photometric}")
    planar = ", planar" * layout.planar
    return f"image pixels must be gray, palette, RGB or CMYK of up to 16 bits, got {bands} ({color}{planar})"


def _all_unsigned(tags: Any) -> bool:
    formats = tags.get(SAMPLE_FORMAT, (UNSIGNED,))
    return isinstance(formats, tuple) and set(formats) == {UNSIGNED}


def _bits(tags: Any) -> int:
    """Return the bits per sample of the first band; Pillow refuses bands that differ."""
    bits = tags.get(BITS_PER_SAMPLE, (1,))
    if not isinstance(bits, tuple) or not bits or not isinstance(bits[0], int):
        raise SyntaxError("invalid bits per sample")
    return bits[0]


def _number(tags: Any, tag: int, default: int) -> int:
    value = tags.get(tag, default)
    if not isinstance(value, int):
        raise SyntaxError(f"tag {tag} is not a number")
    return value
