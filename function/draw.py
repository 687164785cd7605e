"""What was found, drawn on its picture, for eyes: the response body in, a picture out.

Labels use Pillow's bitmap font, enlarged, so that no font library has to be shipped.
"""

from typing import Any

from PIL import Image, ImageDraw, ImageFont

COLORS = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#008080", "#9a6324", "#808000")
LINE_SHARE = 1 / 320  # of the longer side
FONT_PIXELS = 11  # height of Pillow's bitmap font
LABEL_LINES = 7  # label height in line widths
MASK_ALPHA = 96  # of 255: how much of its color a mask lays over the picture
KEYPOINT_THRESHOLD = 0.5  # a keypoint below this confidence is drawn hollow


def annotate(picture: Image.Image, body: dict[str, Any]) -> Image.Image:
    """Draw boxes, masks, keypoints and labels, or what the whole picture is.

    Args:
        picture: the upright RGB picture that was analysed.
        body: the response, in pixels of that picture.

    Returns:
        A new picture of the same size; with nothing found, a copy.
    """
    drawn = picture.copy()
    line = max(2, round(max(drawn.size) * LINE_SHARE))
    if "class" in body:
        color = COLORS[body["class_id"] % len(COLORS)]
        _write(drawn, f"{body['class']} {body['confidence']:.2f}", (0, 0), color, line)
    for detection in reversed(body.get("detections", [])):  # the best one ends on top
        _draw(drawn, detection, line)
    return drawn


def _draw(drawn: Image.Image, detection: dict[str, Any], line: int) -> None:
    box = detection["box_2d"]
    left, top, right, bottom = (round(box[side]) for side in ("x_min", "y_min", "x_max", "y_max"))
    color = COLORS[detection["class_id"] % len(COLORS)]
    _veil(drawn, detection.get("segments", []), color)
    canvas = ImageDraw.Draw(drawn)
    if "corners" in detection:
        corners = [(corner["x"], corner["y"]) for corner in detection["corners"]]
        canvas.line([*corners, *corners[:2]], fill=color, width=line, joint="curve")
        left, top = (round(side) for side in min(corners, key=lambda corner: corner[1]))  # the label's place
    else:
        canvas.rectangle((left, top, max(left, right), max(top, bottom)), outline=color, width=line)
    for point in detection.get("keypoints", []):
        center = (point["x"], point["y"])
        canvas.circle(
            center, 2 * line, fill=color if point.get("confidence", 1) >= KEYPOINT_THRESHOLD else None, outline="white"
        )
    _write(drawn, f"{detection['class_name']} {detection['confidence']:.2f}", (left, top), color, line)


def _veil(drawn: Image.Image, polygons: list[list[list[float]]], color: str) -> None:
    """A mask as a transparent layer, no larger than the mask."""
    for polygon in polygons:
        left, top = (int(min(side)) for side in zip(*polygon, strict=True))
        right, bottom = (int(max(side)) + 1 for side in zip(*polygon, strict=True))
        veil = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(veil).polygon([(x - left, y - top) for x, y in polygon], fill=MASK_ALPHA)
        drawn.paste(color, (left, top), veil)


def _write(drawn: Image.Image, text: str, corner: tuple[int, int], color: str, line: int) -> None:
    """A label above a corner, or below it where there is no room."""
    left, top = corner
    label = _label(text, line)
    label_top = top - label.height - line if top >= label.height + line else top
    frame = (left, label_top, left + label.width + 2 * line, label_top + label.height + line)
    ImageDraw.Draw(drawn).rectangle(frame, fill=color)
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
