"""Detection: boxes of gauges and clocks, around the rim, clipped to the image."""

from example.images import NAMES as NAMES
from example.images import Plan, draw_scene
from example.tasks.labeled_image import LabeledImage


def make(seed: int, index: int, plan: Plan) -> LabeledImage:
    """Return the image of a seed and an index; a label is the class and the box of the rim."""
    scene = draw_scene(seed, index, plan)
    return LabeledImage(scene.image, scene.label_text())
