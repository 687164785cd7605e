"""Colors of the classes: the same class id has the same color in every image."""

from math import cos, radians, sin

Rgb = tuple[int, int, int]

FIXED = (  # far apart, also for the first few; the next ones fill the gaps between them
    (0xE6, 0x19, 0x4B), (0x00, 0x82, 0xC8), (0xF5, 0x82, 0x31), (0x3C, 0xB4, 0x4B), (0x91, 0x1E, 0xB4),
    (0x00, 0x80, 0x80), (0x9A, 0x63, 0x24), (0x80, 0x80, 0x00), (0xF0, 0x32, 0xE6), (0x46, 0xF0, 0xF0),
    (0xFF, 0xE1, 0x19), (0x00, 0x00, 0x90), (0xFA, 0xBE, 0xD4), (0xBF, 0xEF, 0x45), (0x80, 0x00, 0x00),
    (0xDC, 0xBE, 0xFF),
)  # fmt: skip
COUNT = 96
GOLDEN_ANGLE = 137.508  # degrees: successive hues stay far apart, however many there are
LIGHTNESS = (0.62, 0.78, 0.48)  # OKLCH, in turn
CHROMA = 0.16
ENOUGH_CONTRAST = 4.0  # black has more than 5 on a color on which white has less
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def _from_oklch(lightness: float, chroma: float, hue: float) -> Rgb:
    """Return a color of the perceptual space OKLCH as sRGB, cut to its gamut; the hue is in degrees.

    Source: bottosson.github.io/posts/oklab, 2020-12-23.
    """
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (round(255 * _encoded(min(max(value, 0.0), 1.0))) for value in linear)
    return red, green, blue


def _encoded(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _decoded(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(color: Rgb) -> float:
    """Return the relative luminance, 0 to 1.

    Source: WCAG 2.2, "relative luminance".
    """
    red, green, blue = map(_decoded, color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_color(color: Rgb) -> Rgb:
    """Return white where its contrast is enough, which looks better on strong colors, and otherwise black."""
    return WHITE if 1.05 / (luminance(color) + 0.05) >= ENOUGH_CONTRAST else BLACK


RGB = FIXED + tuple(
    _from_oklch(LIGHTNESS[number % len(LIGHTNESS)], CHROMA, GOLDEN_ANGLE * number)
    for number in range(COUNT - len(FIXED))
)
COLORS = tuple("#{:02x}{:02x}{:02x}".format(*color) for color in RGB)


def of_class(class_id: int) -> Rgb:
    """Return the color of a class; after the last color the first follows."""
    return RGB[class_id % COUNT]
