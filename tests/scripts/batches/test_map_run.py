"""`batch.py --via map` with real boto3: a state machine that is executed, S3 of moto, and the real function."""

import base64
import io
import json
import signal
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from function import storage
from function.errors import TransientError
from tests.conftest import Context
from tests.scripts.batches.bulk_world import GOLDEN, IMAGES, SOURCES, World

pytestmark = pytest.mark.slow


def directly(handler: ModuleType, name: str) -> dict[str, Any]:
    """Return the response of a direct call for an image of tests/golden, without its times."""
    data = base64.b64encode((GOLDEN / name).read_bytes()).decode()
    response = handler.lambda_handler({"images": [{"image_data": data, "image_name": name}]}, Context())
    (result,) = json.loads(response["body"])["results"]
    del result["timing_ms"]
    return dict(result)


def raises_for(*names: str) -> Callable[[Any], None]:
    def before(payload: Any) -> None:
        if any((item.get("Key") or item["key"]).endswith(names) for item in payload["Items"]):
            raise TransientError("503 of S3")

    return before


def test_rows_equal_those_of_direct_calls(world: World, handler: ModuleType) -> None:
    finished = world.via_map("--images-per-call", "2", "--concurrency", "7")
    assert finished.returncode == 0, finished.stderr
    assert world.by_source() == {
        f"s3://photos/in/{name}": {"source": f"s3://photos/in/{name}", **directly(handler, name)} for name in IMAGES
    }
    assert [len(payload["Items"]) for payload in world.function.payloads] == [2, 2, 1]
    assert world.api.machine.runs[0].concurrency == 7


def test_second_command_starts_nothing(world: World) -> None:
    world.via_map()
    before = world.out.read_bytes()
    finished = world.via_map()
    assert (finished.returncode, world.out.read_bytes()) == (0, before)
    assert len(world.api.executions) == 1


def test_new_images_are_in_a_manifest_of_a_second_execution(world: World) -> None:
    world.via_map()
    world.s3.put_object(Bucket="photos", Key="in/new.png", Body=(GOLDEN / "alpha.png").read_bytes())
    assert world.via_map().returncode == 0
    assert [item["key"] for item in world.function.payloads[-1]["Items"]] == ["in/new.png"]
    assert set(world.by_source()) == {*SOURCES, "s3://photos/in/new.png"}


def test_options_and_manifest_reach_the_function(world: World) -> None:
    manifest = world.folder / "images.csv"
    manifest.write_text("bucket,key\n" + "".join(f"photos,in/{name}\n" for name in IMAGES[:2]))
    finished = world.via_map("--conf", "0.999", source=str(manifest))
    assert finished.returncode == 0, finished.stderr
    assert {source: row["detection_count"] for source, row in world.by_source().items()} == dict.fromkeys(
        SOURCES[:2], 0
    )
    (payload,) = world.function.payloads
    assert payload["BatchInput"] == {"bucket": "photos", "conf": "0.999"}


def test_other_objects_are_left_out_and_broken_images_are_errors(world: World) -> None:
    world.s3.put_object(Bucket="photos", Key="in/notes.txt", Body=b"text")
    world.s3.put_object(Bucket="photos", Key="in/", Body=b"")
    world.s3.put_object(Bucket="photos", Key="in/broken.jpg", Body=b"no image")
    finished = world.via_map("--json")
    assert finished.returncode == 1
    broken = world.by_source()["s3://photos/in/broken.jpg"]
    assert (broken["type"], set(broken)) == ("UnsupportedImage", {"source", "error", "type"})
    assert set(world.by_source()) == {*SOURCES, "s3://photos/in/broken.jpg"}
    summary = json.loads(finished.stdout)
    assert summary["left_out"] == {".txt": 1, "folders": 1}
    assert summary["run"]["usd"] > 0


def test_images_of_a_failed_batch_are_error_rows_and_the_same_command_tries_them_again(world: World) -> None:
    world.function.before = raises_for("gray.jpg")
    finished = world.via_map("--images-per-call", "1")
    assert finished.returncode == 1
    assert "ExceedToleratedFailureThreshold" in finished.stderr
    assert world.by_source()["s3://photos/in/gray.jpg"]["type"] == "TransientError"
    world.function.before = lambda _: None
    finished = world.via_map("--images-per-call", "1")
    assert finished.returncode == 0, finished.stderr
    assert set(world.by_source()) == set(SOURCES)
    assert not [row for row in world.by_source().values() if "error" in row]
    assert len(world.api.executions) == 2


def test_results_that_a_failed_batch_wrote_are_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = storage.read

    def fails(bucket: str, key: str, *rest: Any) -> Any:
        if key == "in/gray.jpg":
            raise TransientError("503 of S3")
        return read(bucket, key, *rest)

    monkeypatch.setattr(storage, "read", fails)
    assert world.via_map().returncode == 1
    found = world.by_source()
    assert set(found) == set(SOURCES)
    assert [source for source, row in found.items() if "error" in row] == ["s3://photos/in/gray.jpg"]


def test_ctrl_c_leaves_the_execution_and_the_same_command_follows_it(world: World) -> None:
    arguments = ("s3://photos/in/", "--out", world.out, "--via", "map")
    with world.start(*arguments) as process:
        while "ListMapRuns" not in world.api.requests:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on without this process" in errors and "stop-execution" in errors
    assert world.via_map().returncode == 0
    assert set(world.by_source()) == set(SOURCES)
    assert len(world.api.executions) == 1


def test_kill_between_the_start_and_the_rows_loses_nothing(world: World) -> None:
    with world.start("s3://photos/in/", "--out", world.out, "--via", "map") as process:
        while "StartExecution" not in world.api.requests:
            time.sleep(0.01)
        process.kill()
    assert world.via_map().returncode == 0
    assert set(world.by_source()) == set(SOURCES)
    assert len(world.api.executions) == 1


def test_overwrite_starts_another_execution(world: World) -> None:
    world.via_map()
    assert world.via_map("--overwrite").returncode == 0
    assert len(world.api.executions) == 2
    assert set(world.by_source()) == set(SOURCES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--function", "other"), "stateMachine:other-bulk does not exist; `sam deploy --parameter-overrides Bulk=on"),
        (("--state-machine", "arn:aws:states:us-east-1:123456789012:stateMachine:x"), "stateMachine:x does not exist"),
    ],
)
def test_missing_state_machine_says_how_to_make_it(arguments: tuple[str, ...], message: str, world: World) -> None:
    finished = world.via_map(*arguments)
    assert finished.returncode == 2
    assert message in finished.stderr


def test_folder_and_another_bucket_are_refused(world: World) -> None:
    assert "got a folder" in world.via_map(source=str(world.folder)).stderr
    assert "SOURCE must be in s3://photos" in world.via_map(source="s3://other/in/").stderr


def test_stopped_execution_keeps_its_rows_and_the_same_command_does_the_rest(world: World) -> None:
    def stop(_: Any) -> None:
        (execution,) = world.api.executions.values()
        execution.is_stopped = len(world.function.payloads) == 2

    world.function.before = stop
    finished = world.via_map("--images-per-call", "2")
    assert finished.returncode == 1 and "ended with ABORTED" in finished.stderr
    assert set(world.by_source()) > set(SOURCES[:4])  # the others are errors of images that were not begun
    world.function.before = lambda _: None
    assert world.via_map("--images-per-call", "2").returncode == 0
    assert not [row for row in world.by_source().values() if "error" in row]
    assert [item["key"] for item in world.function.payloads[-1]["Items"]] == ["in/small.bmp"]


def test_files_that_lack_images_are_no_success(world: World) -> None:
    write = world.api.machine._s3.upload_fileobj

    def cut(body: Any, bucket: str, key: str) -> None:
        write(io.BytesIO(b"" if key.endswith("SUCCEEDED_0.jsonl") else body.read()), bucket, key)

    world.api.machine._s3.upload_fileobj = cut
    finished = world.via_map()
    assert finished.returncode == 1 and "lack 5 of its images" in finished.stderr


def test_prefix_without_images_is_an_error(world: World) -> None:
    finished = world.via_map(source="s3://photos/in/none/")
    assert finished.returncode == 2 and "must have images, got none" in finished.stderr
