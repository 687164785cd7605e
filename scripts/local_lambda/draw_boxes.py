"""Program that draws the detections with the shipped code, on the target Python inside the sandbox.

Standard input: one line of JSON (`max_pixels`, `body` of the response), then the bytes of the image. Standard output:
a JPEG.
"""

import io
import json
import sys

import bootstrap  # type: ignore[import-not-found]  # in the same folder, /var/runtime, which is not a package

JPEG_QUALITY = 90


def main() -> None:
    """Read an image from standard input and write the annotated image to standard output."""
    bootstrap.set_search_path(sys.argv.pop())
    from function import draw
    from function.preprocess import multiband

    header = json.loads(sys.stdin.buffer.readline())
    pixels = multiband.drawable(sys.stdin.buffer.read(), header["body"], header["max_pixels"])
    annotated = draw.annotate(pixels, header["body"])
    jpeg = io.BytesIO()
    annotated.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    sys.stdout.buffer.write(jpeg.getvalue())


if __name__ == "__main__":
    main()
