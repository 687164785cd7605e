"""From the points of a dial to the text of its reading."""

import math

from function.arrays import Floats
from function.errors import ReadingFailed
from function.reading_settings import Scale

POINTS = ("center", "needle tip", "scale start", "scale end")  # the keypoints of the pose model, in this order
MIN_CONFIDENCE = 0.5  # of each point; ultralytics 8.4.190 draws points above it, utils/plotting.py `kpts`
MIN_DISTANCE = 0.05  # of a point from the center, as a share of the farthest: a shorter needle has no direction
MIN_SWEEP = 15  # degrees, of the scale
MAX_OUTSIDE = 0.1  # of the sweep: a needle may rest on a pin outside the scale, and reads as the nearer end
DECIMALS_SHARE = 100  # a reading has the fewest decimals that show this many steps of its scale
SHARE = Scale(0, 1, "")


def read(points: Floats, scale: Scale | None) -> str:
    """Return the reading of a dial, such as `4.2 bar`; without a scale the share of the scale, such as `0.42`.

    The scale goes clockwise from its start to its end. A needle in the gap between end and start reads as the nearer
    end if it is at most a tenth of the scale away from it.

    Args:
        points: (4, 2 or 3) `POINTS`: x and y in pixels, and a confidence 0..1 if the model has it.
        scale: values at the ends of the scale, or None.

    Raises:
        ReadingFailed: a point is not visible, the points have no direction, or the needle points far off the scale.
    """
    if points.shape[1] > 2:
        _check_confidence(points[:, 2])
    start, end, unit = scale or SHARE
    value = start + share(points) * (end - start)
    decimals = max(0, math.ceil(-math.log10(abs(end - start) / DECIMALS_SHARE)))
    number = f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no -0
    return f"{number} {unit}".rstrip()


def share(points: Floats) -> float:
    """Return the position of the needle on the scale, 0..1; arguments and errors as for `read`."""
    center, *ends = points[:, :2].astype(float)
    vectors = [end - center for end in ends]
    lengths = [math.hypot(*vector) for vector in vectors]
    for name, length in zip(POINTS[1:], lengths, strict=True):
        if length <= MIN_DISTANCE * max(lengths):
            raise ReadingFailed(f"the {name} must be away from the center of the dial, got both at one place")
    needle, start, end = (math.degrees(math.atan2(y, x)) for x, y in vectors)  # clockwise: y points down
    sweep, position = (end - start) % 360, (needle - start) % 360
    if sweep < MIN_SWEEP:
        raise ReadingFailed(f"scale start and end must be at least {MIN_SWEEP} degrees apart, got {sweep:.0f}")
    if position <= sweep:
        return position / sweep
    beyond_end, before_start = position - sweep, 360 - position
    if min(beyond_end, before_start) > MAX_OUTSIDE * sweep:
        outside = min(beyond_end, before_start)
        raise ReadingFailed(f"the needle must point at the scale, got {outside:.0f} degrees outside of it")
    return 1.0 if beyond_end < before_start else 0.0


def _check_confidence(confidences: Floats) -> None:
    for name, confidence in zip(POINTS, confidences.tolist(), strict=True):
        if confidence < MIN_CONFIDENCE:
            raise ReadingFailed(f"the confidence of {name} must be at least {MIN_CONFIDENCE}, got {confidence:.2f}")
