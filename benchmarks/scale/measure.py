"""Times of the zips for the simulation: scripts/serve.py with several environments, and boto3 as the client."""

from __future__ import annotations

import base64
import itertools
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import NotMeasured
from benchmarks.models import ROOT

ENVIRONMENTS = 4
IMAGES = 200
SAMPLES = ROOT / "example" / "samples"
ENDS_WITHIN_S = 30
DURATION = re.compile(r"\tDuration: ([0-9.]+) ms")  # of the line REPORT
INIT = re.compile(r"\tInit Duration: ([0-9.]+) ms")
SETTINGS: dict[str, Any] = {
    "region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local",
}  # fmt: skip


class Call(NamedTuple):
    """One call: images with a result, seconds for the client, of the function, and of the init phase (0: warm)."""

    images: int
    client_s: float
    function_s: float
    init_s: float


class Times(NamedTuple):
    """Times in seconds: of one image in a warm environment, of an init phase, of a call outside the function."""

    image_s: float
    init_s: float
    client_s: float


class Measurement(NamedTuple):
    """Calls, and the seconds from the first to the last."""

    calls: Sequence[Call]
    seconds: float


def mean(calls: Sequence[Call]) -> Times:
    """Return the mean times of calls. In a cold start, the server also unpacks the zips, which counts for nothing."""
    images = sum(call.images for call in calls)
    starts = [call.init_s for call in calls if call.init_s]
    outside = [call.client_s - call.function_s for call in calls if not call.init_s]
    return Times(
        sum(call.function_s for call in calls) / images, statistics.fmean(starts or [0.0]),
        max(0.0, statistics.fmean(outside or [0.0])),
    )  # fmt: skip


@contextmanager
def serving(dist: Path, environments: int = ENVIRONMENTS) -> Iterator[str]:
    """Serve the zips and yield the URL.

    Raises:
        NotMeasured: the server did not start.
    """
    command = [str(ROOT / "scripts" / "serve.py"), "--dist", str(dist), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, *command, "--concurrency", str(environments)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        url = re.search(r"http://[^/ ]+", process.stdout.readline())
        if not url:
            raise NotMeasured(f"{dist} must have zips that start; `scripts/serve.py --dist {dist}` says why not")
        yield url[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=ENDS_WITHIN_S)


def run(url: str, images: int, batch: int, concurrency: int = ENVIRONMENTS) -> Measurement:
    """Call the function for a number of images, the samples of the example again and again.

    Raises:
        NotMeasured: an image has no result.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 10}, max_pool_connections=concurrency)
    client = boto3.Session().client("lambda", endpoint_url=url, config=config, **SETTINGS)
    samples = [base64.b64encode(path.read_bytes()).decode() for path in sorted(SAMPLES.glob("*.jpg"))]
    numbers = iter(range(images))
    batches = iter(lambda: list(itertools.islice(numbers, batch)), [])

    def call(chosen: list[int]) -> Call:
        event = {"images": [{"image_data": samples[number % len(samples)]} for number in chosen]}
        payload = json.dumps(event).encode()
        began = time.monotonic()
        response = client.invoke(FunctionName="yolo:live", LogType="Tail", Payload=payload)
        body = response["Payload"].read()
        return _parsed(response, body, len(chosen), time.monotonic() - began)

    began = time.monotonic()
    with ThreadPoolExecutor(concurrency) as executor:
        calls = list(executor.map(call, batches))
    seconds = time.monotonic() - began
    client.close()
    return Measurement(calls, seconds)


def _parsed(response: dict[str, Any], payload: bytes, images: int, client_s: float) -> Call:
    document = json.loads(payload)
    results = json.loads(document["body"])["results"] if document.get("statusCode") == 200 else []
    if len(results) != images or not all("error" not in result for result in results):
        raise NotMeasured(f"a call for {images} images must have as many results, got {payload[:200]!r}")
    log = base64.b64decode(response["LogResult"]).decode()
    duration, init = DURATION.search(log), INIT.search(log)
    if not duration:
        raise NotMeasured(f"the log of a call must have the line REPORT, got {log[-200:]!r}")
    return Call(images, client_s, float(duration[1]) / 1000, float(init[1]) / 1000 if init else 0.0)
