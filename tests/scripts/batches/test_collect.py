"""`batch.py --collect` with real boto3: results that the real function wrote to S3 for events."""

import json
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import Context
from tests.scripts.batches.bulk_world import IMAGES, SOURCES, World

pytestmark = pytest.mark.slow


def notify(handler: ModuleType, *keys: str) -> None:
    """Let the function process notifications of S3."""
    s3 = [{"bucket": {"name": "photos"}, "object": {"key": key}} for key in keys]
    records = [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": part} for part in s3]
    handler.lambda_handler({"Records": records}, Context())


@pytest.fixture
def results(world: World, handler: ModuleType) -> World:
    """World with a result of each image and of a broken one."""
    world.s3.put_object(Bucket="photos", Key="in/broken.jpg", Body=b"no image")
    notify(handler, *(f"in/{name}" for name in IMAGES), "in/broken.jpg")
    return world


def collect(world: World, *arguments: object, prefix: str = "results/") -> Any:
    return world.run("--collect", f"s3://photos/{prefix}", "--out", world.out, *arguments)


def test_rows_are_those_of_a_map_run(results: World) -> None:
    finished = collect(results)
    assert finished.returncode == 1, finished.stderr  # one image is broken
    collected = results.by_source()
    assert set(collected) == {*SOURCES, "s3://photos/in/broken.jpg"}
    assert collected["s3://photos/in/broken.jpg"]["type"] == "UnsupportedImage"
    results.out = results.folder / "map.jsonl"
    results.via_map()
    assert collected == results.by_source()


def test_other_objects_are_left_out(results: World) -> None:
    results.via_map()  # leaves files of a map run below the same prefix
    results.out = results.folder / "collected.jsonl"
    for key, body in (("a.json", b"{}"), ("b.json", b"[1]"), ("c.json", b"cut {"), ("in/gray.jpg.jpg", b"drawn")):
        results.s3.put_object(Bucket="photos", Key=f"results/{key}", Body=body)
    copied = results.s3.get_object(Bucket="photos", Key="results/in/gray.jpg.json")["Body"].read()
    results.s3.put_object(Bucket="photos", Key="results/copy.json", Body=copied)
    summary = json.loads(collect(results, "--json").stdout)
    assert set(results.by_source()) == {*SOURCES, "s3://photos/in/broken.jpg"}
    assert summary["left_out"] == {"no results": 7}


def test_same_command_goes_on_with_the_results_that_have_no_row(results: World, handler: ModuleType) -> None:
    collect(results)
    before = results.out.read_bytes()
    results.s3.copy_object(Bucket="photos", Key="in/new.jpg", CopySource="photos/in/gray.jpg")
    notify(handler, "in/new.jpg")
    summary = json.loads(collect(results, "--json").stdout)
    assert summary["run"]["images"] == 1
    assert results.out.read_bytes().startswith(before)
    assert set(results.by_source()) == {*SOURCES, "s3://photos/in/broken.jpg", "s3://photos/in/new.jpg"}


def test_longer_prefix_collects_a_part(results: World) -> None:
    assert collect(results, prefix="results/in/c").returncode == 0
    assert set(results.by_source()) == {"s3://photos/in/cmyk.jpg"}


def test_formats_are_sorted_and_two_runs_give_the_same_bytes(results: World) -> None:
    written = []
    for number in range(2):
        out = results.folder / f"{number}.csv"
        assert results.run("--collect", "s3://photos/results/", "--out", out).returncode == 1
        written.append(out.read_bytes())
    assert written[0] == written[1]
    sources = [line.split(b",")[0].decode() for line in written[0].splitlines()[1:]]
    assert sources == sorted(sources) and set(sources) == {*SOURCES, "s3://photos/in/broken.jpg"}


def test_empty_prefix_and_missing_bucket_are_errors(world: World) -> None:
    finished = collect(world)
    assert finished.returncode == 2
    assert "s3://photos/results/ must have results of images, got 0 other objects" in finished.stderr
    finished = world.run("--collect", "s3://nowhere/results/", "--out", world.out)
    assert finished.returncode == 2 and "NoSuchBucket" in finished.stderr
