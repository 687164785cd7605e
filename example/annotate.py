"""Image of the README: `python -m example.annotate` draws annotated.jpg again, with the results of the built zips.

The zips have the detector and the model that reads gauges.
"""

import argparse
import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts import environments
from scripts.local_lambda.emulator import LocalLambda
from scripts.local_lambda.errors import LocalLambdaError, NotRunnable

EXAMPLE = Path(__file__).resolve().parent
ROOT = EXAMPLE.parent
DIST = ROOT / "build" / "example" / "annotate"
WEIGHTS = EXAMPLE / "best.pt"
SAMPLE, ANNOTATED = EXAMPLE / "samples" / "dense-1280x960.jpg", EXAMPLE / "annotated.jpg"
READ = {"READ_CLASSES": "gauge", "READ_SCALE": "0:100 %", "READ_MAX_CROPS": "20"}  # more gauges than the image has
NO_PACKAGES = "packages are missing; run this with the Python that `python3 scripts/environments.py dev` prints"
FAILED, USAGE = 1, 2  # exit codes
QUALITY = 72  # of the JPEG: the file is a part of the repository


def build(dist: Path) -> None:
    """Build the zips of the detector and the reader in a folder.

    Raises:
        CalledProcessError: the build failed; it printed the reason.
    """
    from example.tasks.training_configs import READER  # imported here: it needs packages

    command = [str(ROOT / "scripts" / "build_zip.sh"), str(WEIGHTS), "--read-model", str(READER), "--out", str(dist)]
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
    with LocalLambda(dist, env=READ) as function:
        invocation = function.invoke({"image_data": base64.b64encode(image).decode()})
    if invocation.error or invocation.response["statusCode"] != 200:
        raise ValueError(f"the zips must return detections, got {invocation.error or invocation.response['body']}")
    body: dict[str, Any] = json.loads(invocation.response["body"])
    return body


def annotate(image: bytes, body: dict[str, Any]) -> bytes:
    """Return the image with the detections of a response, and their readings, as JPEG."""
    from PIL import Image

    from function import draw

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


def main(arguments: list[str]) -> int:
    """Build the zips of the example, unless some are named, and draw the image of the README from their results."""
    command = parser()
    options = command.parse_args(arguments)
    if not options.out.parent.is_dir() or options.out.is_dir():
        command.error(f"--out must be a file in an existing folder, got {options.out}")
    if not environments.has_packages():
        return _fail(NO_PACKAGES, USAGE)
    try:
        if options.dist is None:
            build(DIST)
        image = SAMPLE.read_bytes()
        options.out.write_bytes(annotate(image, respond(options.dist or DIST, image)))
    except subprocess.CalledProcessError:
        return _fail("the zips could not be built; the reason is above", FAILED)
    except (OSError, NotRunnable) as error:
        return _fail(error, USAGE)
    except (LocalLambdaError, ValueError) as error:
        return _fail(error, FAILED)
    return 0


def _fail(reason: object, code: int) -> int:
    sys.stderr.write(f"annotate: {' '.join(str(reason).split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
