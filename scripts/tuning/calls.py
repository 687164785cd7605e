"""Calls of a version of the deployed function."""

from __future__ import annotations

from collections.abc import Callable

from scripts.aws.session import Aws
from scripts.client import calls, images, report_line
from scripts.client.connection import Connection
from scripts.client.endpoint import by_name
from scripts.client.images import Image
from scripts.result_table import error as describe_error
from scripts.tuning.measurement import Row, Sample, in_turn, row


def measure(
    aws: Aws, function: str, architecture: str, memory: int, found: list[Image], request: dict[str, str], cold: int,
    warm: int,
) -> Row:  # fmt: skip
    """Return the result of one version: first calls at the same time, which all start cold, then one after the other.

    Args:
        aws: the session.
        function: NAME:VERSION of a version that was never called.
        architecture: of the version.
        memory: MB of the version.
        found: images to send.
        request: options of each request.
        cold: number of first calls.
        warm: number of further calls; each image is sent at least once.

    Raises:
        DeployError: credentials or region are missing or wrong.
    """
    connection = Connection(by_name(aws, function), max(cold, 1))

    def call(image: Image) -> Sample:
        try:
            reply = connection.call(images.event(image, request))
        except OSError as error:
            return Sample(f"{image.source} cannot be read: {error.strerror}")
        failure = (
            "" if reply.status == 200 else describe_error(reply.status, reply.body) or f"{reply.status} {reply.body}"
        )
        line = report_line.parse(reply.log)
        return Sample(
            f"{image.name}: {failure}" if failure else "", line.duration_ms, line.billed_ms, line.init_ms,
            line.max_memory_mb,
        )  # fmt: skip

    samples = [sample for _, sample in calls.run(call, in_turn(found, cold)[:cold], cold)] if cold else []
    for image in in_turn(found, warm):
        samples += _in_thread(call, image)
        if samples[-1].init_ms is not None:  # Lambda chose a new execution environment
            samples += _in_thread(call, image)
    return row(architecture, memory, samples)


def _in_thread(call: Callable[[Image], Sample], image: Image) -> list[Sample]:
    """Return the result of one call; Ctrl-C ends the wait for it."""
    return [sample for _, sample in calls.run(call, [image], 1)]
