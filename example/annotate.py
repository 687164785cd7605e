"""Image of the README: `python -m example.annotate` draws annotated.jpg again, with the results of the built zips.

If there are weights of a model that reads gauges, the zips have it too, and each gauge is drawn with its reading.
"""

import argparse
import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from function import draw
from scripts import manifest
from scripts.local_lambda.emulator import LocalLambda

EXAMPLE = Path(__file__).resolve().parent
ROOT = EXAMPLE.parent
DIST = ROOT / "build" / "example" / "annotate"
WEIGHTS, READER = EXAMPLE / "best.pt", EXAMPLE / "reading" / "gauge.pt"
SAMPLE, ANNOTATED = EXAMPLE / "samples" / "dense-1280x960.jpg", EXAMPLE / "annotated.jpg"
READ = {"READ_CLASSES": "gauge", "READ_SCALE": "0:10 bar", "READ_MAX_CROPS": "20"}  # more gauges than the image has
QUALITY = 72  # of the JPEG: the file is a part of the repository


def build(dist: Path, reader: Path = READER) -> None:
    """Build the zips of the detector, with the model that reads gauges if its weights exist.

    Args:
        dist: folder of the zips.
        reader: weights of the second model.

    Raises:
        CalledProcessError: the build failed; it printed the reason.
    """
    second = ["--read-model", str(reader)] if reader.is_file() else []
    command = [str(ROOT / "scripts" / "build_zip.sh"), str(WEIGHTS), *second, "--out", str(dist)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def respond(dist: Path, image: bytes) -> dict[str, Any]:
    """Return the response of the zips to an image.

    Args:
        dist: folder of the zips.
        image: encoded.

    Raises:
        LocalLambdaError: the zips cannot be run.
        ValueError: the response is an error.
    """
    with LocalLambda(dist, env=READ if manifest.has_reader(dist) else {}) as function:
        invocation = function.invoke({"image_data": base64.b64encode(image).decode()})
    if invocation.error or invocation.response["statusCode"] != 200:
        raise ValueError(f"the zips must return detections, got {invocation.error or invocation.response['body']}")
    body: dict[str, Any] = json.loads(invocation.response["body"])
    return body


def annotate(image: bytes, body: dict[str, Any]) -> bytes:
    """Return the image with the detections of a response, and their readings, as JPEG."""
    with Image.open(io.BytesIO(image)) as opened:
        drawn = draw.annotate(opened.convert("RGB"), body)
    output = io.BytesIO()
    drawn.save(output, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return output.getvalue()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m example.annotate", description=main.__doc__)
    command.add_argument("--dist", type=Path, metavar="DIR", help="zips of the example (default: build them)")
    command.add_argument(
        "--out", type=Path, default=ANNOTATED, metavar="FILE", help="image (default: example/annotated.jpg)"
    )
    return command


def main(arguments: list[str]) -> None:
    """Build the zips of the example, unless some are named, and draw the image of the README from their results."""
    options = parser().parse_args(arguments)
    if options.dist is None:
        build(DIST)
    image = SAMPLE.read_bytes()
    options.out.write_bytes(annotate(image, respond(options.dist or DIST, image)))


if __name__ == "__main__":
    main(sys.argv[1:])
