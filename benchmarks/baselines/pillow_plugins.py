"""The same function with every format's plugin loaded, as `Image.open` does for one that it does not know."""

from PIL import Image

Image.init()

from function.handler import lambda_handler  # noqa: E402  (the order is the point)

__all__ = ["lambda_handler"]
