"""Text from the outlines of the font: every script of the font, and a visible sign for the others."""

import json
import unicodedata
from itertools import pairwise

import numpy as np
import pytest

from function.draw import text
from scripts.glyphs import outlines

OUTLINES = json.loads((outlines.TARGET).read_text("utf-8"))
ALPHABETS = {
    "Latin": "ABCabcxyzÄÖÜßéèêñøåČŠŽčšžŁłĞğıİŐőĂăẾếỘộ",
    "Greek": "ΑΒΓΔΩαβγδωάέήίόύώς",
    "Cyrillic": "АБВЯабвяЁёЇїЄєҐґЉљЂђЎў",
    "digits and signs": "0123456789.,:;!?%&()/+-°²€$£…",
}


def ink(letters: str, em: float = 40) -> int:
    return int((np.asarray(text.mask(letters, em)) > 128).sum())


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_font_has_the_alphabet(alphabet: str) -> None:
    assert [letter for letter in ALPHABETS[alphabet] if letter not in OUTLINES] == []


def test_every_character_except_a_space_has_ink() -> None:
    without = {letter for letter in OUTLINES if not ink(letter, 60)}
    assert without == {letter for letter in OUTLINES if unicodedata.category(letter) == "Zs"}


@pytest.mark.parametrize("letter", ["圧", "ع", "अ", "한", "🙂", "\u0300", "\u200b", "\U0010ffff"])
def test_other_characters_are_frames_that_differ(letter: str) -> None:
    assert ink(letter) > 100
    assert text.mask(letter, 40).tobytes() != text.mask("計", 40).tobytes()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Z\u030clut\u030c", "Žluť"),  # separate accents
        ("ＡＢ１", "AB1"),  # wide letters
        ("ﬁt", "fit"),
        ("a\n\tb\u00a0 c\u3000", "a b c"),
        ("圧力計", "圧力計"),
        ("", ""),
    ],
)
def test_text_is_written_with_the_characters_of_the_font_where_it_can_be(written: str, shown: str) -> None:
    assert text.known(written) == shown


@pytest.mark.parametrize("em", [9, 16, 40, 90])
@pytest.mark.parametrize("letters", ["gauge 0.95", "Ấg 1", "圧 0.5", " "])
def test_mask_has_the_size_that_was_stated(letters: str, em: float) -> None:
    assert text.mask(letters, em).size == text.size(letters, em)


def test_hole_of_a_letter_is_empty() -> None:
    pixels = np.asarray(text.mask("O", 100))
    assert pixels[pixels.shape[0] // 3, pixels.shape[1] // 2] == 0


def test_edges_are_smooth() -> None:
    assert len(set(np.asarray(text.mask("o", 20)).ravel().tolist())) >= 8


def test_lowercase_letters_have_a_sharp_upper_edge() -> None:
    """The letter begins with a full row of pixels: the size is a whole number of pixels for the height of an x."""
    pixels = np.asarray(text.mask("n", 5 * text.EM / text.X_HEIGHT), dtype=int)
    column = pixels[:, pixels.sum(axis=0).argmax()]
    assert max(abs(first - second) for first, second in pairwise(column)) >= 200


def test_glyph_of_a_font_is_written_as_differences() -> None:
    points, flags = [(0, 0), (100, 0), (100, 200), (0, 200)], [1, 0, 1, 1]
    assert outlines.glyph(150, points, [3], flags, 1024) == [150, [0, 0, 201, 0, 0, 200, -200, 0]]


def test_characters_are_those_of_the_font_without_controls_and_combining_marks() -> None:
    assert list(outlines.characters({0x41, 0x7F, 0xAD, 0x300, 0x44F, 0x5727})) == ["A", "я"]
