"""Distance of the colors of classes from each other, and contrast of the text on them."""

import itertools

import numpy as np
import pytest

from function import draw
from function.draw import colors

NEAR, FIRST = 5, 16
MIN_NEAR = 0.07  # of OKLab; black and white have a distance of 1, and 0.02 is just visible


def oklab(color: tuple[int, int, int]) -> np.ndarray:
    """Source: bottosson.github.io/posts/oklab, the direction from sRGB."""
    share = np.array(color) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_lms @ linear)


def distance(first: int, second: int) -> float:
    return float(np.linalg.norm(oklab(colors.of_class(first)) - oklab(colors.of_class(second))))


def test_first_colors_are_far_apart() -> None:
    assert min(distance(*pair) for pair in itertools.combinations(range(FIRST), 2)) >= MIN_NEAR


@pytest.mark.parametrize("class_id", range(colors.COUNT - NEAR))
def test_neighboring_classes_have_colors_that_differ(class_id: int) -> None:
    assert min(distance(class_id, class_id + step) for step in range(1, NEAR + 1)) >= MIN_NEAR


def test_no_color_occurs_twice() -> None:
    assert len(set(colors.RGB)) == colors.COUNT == len(draw.COLORS)


def test_colors_of_the_first_eight_classes_are_those_of_earlier_versions() -> None:
    expected = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#008080", "#9a6324", "#808000")
    assert draw.COLORS[:8] == expected


@pytest.mark.parametrize("color", colors.RGB)
def test_text_on_a_color_has_contrast(color: tuple[int, int, int]) -> None:
    """WCAG 2.2 wants 3 for large or bold text."""
    light, dark = sorted((colors.luminance(color), colors.luminance(colors.text_color(color))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4


@pytest.mark.parametrize(("color", "luminance"), [((0, 0, 0), 0), ((255, 255, 255), 1), ((255, 0, 0), 0.2126)])
def test_luminance_is_that_of_wcag(color: tuple[int, int, int], luminance: float) -> None:
    assert colors.luminance(color) == pytest.approx(luminance)
