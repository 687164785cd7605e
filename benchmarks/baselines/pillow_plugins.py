"""The same function with all plugins of Pillow loaded, as `Image.open` does for an unknown format."""

from PIL import Image

Image.init()

from function.handler import lambda_handler  # noqa: E402  (the plugins come first)

__all__ = ["lambda_handler"]
