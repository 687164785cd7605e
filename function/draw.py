"""Annotated images: detections or the class of a response drawn on the image.

Labels use an enlarged copy of Pillow's bitmap font, so the zip contains no font library.
"""

from typing import Any

from PIL import Image, ImageDraw, ImageFont

COLORS = ("#e6194b", "#0082c8", "#f58231", "#3cb44b", "#911eb4", "#008080", "#9a6324", "#808000")
LINE_SHARE = 1 / 320  # of the longer side
FONT_PIXELS = 11  # height of Pillow's bitmap font
LABEL_LINES = 7  # label height in line widths
MASK_ALPHA = 96  # 0..255: opacity of a mask
KEYPOINT_THRESHOLD = 0.5  # a keypoint with a lower confidence is drawn hollow


def annotate(image: Image.Image, body: dict[str, Any]) -> Image.Image:
    """Draw boxes, masks, keypoints and labels, or the class of the image, on a copy.

    Args:
        image: the upright RGB image that was analyzed.
        body: the response, with coordinates in pixels of that image.

    Returns:
        A new image of the same size; without detections an unchanged copy.
    """
    annotated = image.copy()
    draw(annotated, body)
    return annotated


def draw(annotated: Image.Image, body: dict[str, Any]) -> None:
    """Draw as `annotate` does, on the image itself."""
    line = max(2, round(max(annotated.size) * LINE_SHARE))
    if "class" in body:
        color = COLORS[body["class_id"] % len(COLORS)]
        _draw_label(annotated, f"{body['class']} {body['confidence']:.2f}", (0, 0), color, line)
    for detection in reversed(body.get("detections", [])):  # the best detection is drawn last, on top
        _draw_detection(annotated, detection, line)


def _draw_detection(annotated: Image.Image, detection: dict[str, Any], line: int) -> None:
    box = detection["box_2d"]
    left, top, right, bottom = (round(box[side]) for side in ("x_min", "y_min", "x_max", "y_max"))
    color = COLORS[detection["class_id"] % len(COLORS)]
    _draw_mask(annotated, detection.get("segments", []), color)
    canvas = ImageDraw.Draw(annotated)
    if "corners" in detection:
        corners = [(corner["x"], corner["y"]) for corner in detection["corners"]]
        canvas.line([*corners, *corners[:2]], fill=color, width=line, joint="curve")
        left, top = (round(side) for side in min(corners, key=lambda corner: corner[1]))  # the label's position
    else:
        canvas.rectangle((left, top, max(left, right), max(top, bottom)), outline=color, width=line)
    for keypoint in detection.get("keypoints", []):
        visible = keypoint.get("confidence", 1) >= KEYPOINT_THRESHOLD
        canvas.circle((keypoint["x"], keypoint["y"]), 2 * line, fill=color if visible else None, outline="white")
    _draw_label(annotated, f"{detection['class_name']} {detection['confidence']:.2f}", (left, top), color, line)


def _draw_mask(annotated: Image.Image, polygons: list[list[list[float]]], color: str) -> None:
    """Draw a mask as a transparent layer that is no larger than the mask."""
    for polygon in polygons:
        left, top = (int(min(side)) for side in zip(*polygon, strict=True))
        right, bottom = (int(max(side)) + 1 for side in zip(*polygon, strict=True))
        layer = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(layer).polygon([(x - left, y - top) for x, y in polygon], fill=MASK_ALPHA)
        annotated.paste(color, (left, top), layer)


def _draw_label(annotated: Image.Image, text: str, corner: tuple[int, int], color: str, line: int) -> None:
    """Draw a label above a corner, or below it if there is no room above."""
    left, top = corner
    label = _label(text, line)
    label_top = top - label.height - line if top >= label.height + line else top
    frame = (left, label_top, left + label.width + 2 * line, label_top + label.height + line)
    ImageDraw.Draw(annotated).rectangle(frame, fill=color)
    annotated.paste("white", (left + line, label_top + line // 2), label)


def _label(text: str, line: int) -> Image.Image:
    """Return the text as a mask image (mode L)."""
    font = ImageFont.load_default_imagefont()
    text = text.encode("latin-1", "replace").decode("latin-1")  # the bitmap font has no other characters
    width = max(1, round(font.getlength(text)))
    mask = Image.new("L", (width, FONT_PIXELS))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    height = LABEL_LINES * line
    return mask.resize((round(width * height / FONT_PIXELS), height), Image.Resampling.BICUBIC)
