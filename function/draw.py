"""Detections drawn on their picture, for eyes: the response body in, a picture out.

Labels use Pillow's bitmap font, enlarged, so that no font library has to be shipped.
"""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

COLOURS = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#008080", "#9a6324", "#808000")
LINE_SHARE = 1 / 320  # of the longer side
FONT_PIXELS = 11  # height of Pillow's bitmap font
LABEL_LINES = 7  # label height in line widths


def annotate(picture: Image.Image, detections: Sequence[dict[str, Any]]) -> Image.Image:
    """Draw boxes and labels.

    Args:
        picture: the upright RGB picture that was analysed.
        detections: the `detections` of the response, in pixels of that picture.

    Returns:
        A new picture of the same size; with no detections, a copy.
    """
    drawn = picture.copy()
    line = max(2, round(max(drawn.size) * LINE_SHARE))
    for detection in reversed(detections):  # the best one ends on top
        _draw(drawn, detection, line)
    return drawn


def _draw(drawn: Image.Image, detection: dict[str, Any], line: int) -> None:
    box = detection["box_2d"]
    left, top, right, bottom = (round(box[side]) for side in ("x_min", "y_min", "x_max", "y_max"))
    colour = COLOURS[detection["class_id"] % len(COLOURS)]
    canvas = ImageDraw.Draw(drawn)
    canvas.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=line)
    label = _label(f"{detection['class_name']} {detection['confidence']:.2f}", line)
    label_top = top - label.height - line if top >= label.height + line else top
    frame = (left, label_top, left + label.width + 2 * line, label_top + label.height + line)
    canvas.rectangle(frame, fill=colour)
    drawn.paste("white", (left + line, label_top + line // 2), label)


def _label(text: str, line: int) -> Image.Image:
    """The text as a mask, mode L."""
    font = ImageFont.load_default_imagefont()
    text = text.encode("latin-1", "replace").decode("latin-1")  # all that the bitmap font has
    width = max(1, round(font.getlength(text)))
    mask = Image.new("L", (width, FONT_PIXELS))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    height = LABEL_LINES * line
    return mask.resize((round(width * height / FONT_PIXELS), height), Image.Resampling.BICUBIC)
