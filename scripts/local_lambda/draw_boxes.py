"""Draws what was found with the shipped code: runs on the target Python inside the enclosure, like the function itself.

Standard input: one line of JSON (`max_pixels`, `body`, the answer), then the picture's bytes. Standard output: a JPEG.
"""

import io
import json
import sys

import bootstrap  # type: ignore[import-not-found]  # beside it in /var/runtime, no package there

JPEG_QUALITY = 90


def main() -> None:
    """One picture from standard input to standard output."""
    bootstrap.set_search_path(sys.argv.pop())
    from function import draw
    from function.preprocess import image

    header = json.loads(sys.stdin.buffer.readline())
    picture = image.read(sys.stdin.buffer.read(), header["max_pixels"])
    annotated = draw.annotate(picture, header["body"])
    jpeg = io.BytesIO()
    annotated.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    sys.stdout.buffer.write(jpeg.getvalue())


if __name__ == "__main__":
    main()
