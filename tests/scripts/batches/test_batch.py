"""batch.py as users start it, with the real boto3 and a front end that allows ten calls at a time."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from scripts.batches import results_file
from scripts.soak import s3_server
from tests.scripts.batches.conftest import Batch, rows, sources
from tests.support import fake_lambda
from tests.support.fake_lambda import FakeLambda

COUNTS = [pytest.param(1000, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.long)]
MAX_MB = 250


def without_times(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fields = [{name: value for name, value in row.items() if name != "timing_ms"} for row in found]
    return sorted(fields, key=lambda row: str(row["source"]))


def expected(count: int) -> list[dict[str, Any]]:
    return without_times([{"source": source, **fake_lambda.detections(source)} for source in sources(count)])


def loaded(path: Path) -> COCO:
    return COCO(str(path))


def peak_of(process: "subprocess.Popen[str]") -> float:
    """Wait for a process, and return its largest resident memory in MB.

    `ru_maxrss` would begin with that of this process, which starts it.
    """
    peak_kb = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]  # a process that has ended has none
        peak_kb = int(lines[0].split()[1]) if lines else peak_kb
        time.sleep(0.01)
    return peak_kb / 1024


@pytest.mark.parametrize("count", COUNTS)
def test_every_image_has_one_row_through_throttling_errors_and_three_kills(count: int, tmp_path: Path) -> None:
    out, chance = tmp_path / "results.jsonl", random.Random(count)
    with FakeLambda(concurrency=10, seed=count) as api:
        api.keeps_events, api.delay_s = False, 0.02
        batch = Batch(api, tmp_path)
        command = (batch.manifest(count), "--out", out, "--concurrency", 25)
        for share in sorted(chance.uniform(0.05, 0.9) for _ in range(3)):
            with batch.start(*command) as process:
                while process.poll() is None and not (out.exists() and out.read_bytes().count(b"\n") > share * count):
                    time.sleep(0.01)
                process.kill()
                process.communicate()
            assert process.returncode == -signal.SIGKILL
        done = batch.run(*command)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert without_times(rows(out)) == expected(count)
    assert api.most == 10
    # A killed process has at most 25 calls of 8 images in flight, whose responses nobody reads.
    assert sum(api.images.values()) < 1.2 * count + 3 * 25 * 8


@pytest.mark.parametrize("count", COUNTS)
def test_two_runs_give_the_same_csv_and_coco_and_need_little_memory(count: int, tmp_path: Path) -> None:
    files: dict[str, list[bytes]] = {"csv": [], "coco": []}
    for seed in (1, 2):  # other errors, and another order of arrival
        folder = tmp_path / str(seed)
        folder.mkdir()
        with FakeLambda(seed=seed) as api:
            api.keeps_events = False
            batch = Batch(api, folder)
            with batch.start(batch.manifest(count), "--out", folder / "r.csv", "--concurrency", 16) as process:
                peak_mb = peak_of(process)
            assert process.returncode == 0
            assert 20 < peak_mb < MAX_MB
            calls = api.statuses.total()
            done = batch.run(batch.manifest(count), "--out", folder / "r.json", "--format", "coco")
            assert done.returncode == 0, done.stderr
            assert api.statuses.total() == calls  # no image is predicted again for another format
        files["csv"].append((folder / "r.csv").read_bytes())
        files["coco"].append((folder / "r.json").read_bytes())
    assert files["csv"][0] == files["csv"][1]
    assert files["coco"][0] == files["coco"][1]
    coco = loaded(tmp_path / "1" / "r.json")
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == sources(count)
    assert len(coco.getAnnIds()) == sum(row["detection_count"] for row in expected(count))


@pytest.mark.slow
def test_prefix_of_a_bucket_is_listed_over_its_pages(batch: Batch) -> None:
    with s3_server.s3() as url:
        client = s3_server.client(url)
        client.create_bucket(Bucket="photos")
        for source in [*sources(1001), "s3://photos/in/notes.json", "s3://photos/out/other.jpg"]:
            client.put_object(Bucket="photos", Key=source.removeprefix("s3://photos/"), Body=b"x")
        client.close()
        batch.environment["AWS_ENDPOINT_URL_S3"] = url
        out = batch.folder / "r.jsonl"
        done = batch.run("s3://photos/in/", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["images"], document["rows"], document["left_out"]) == (1001, 1001, {".json": 1})
    assert without_times(rows(out)) == expected(1001)


def test_images_with_an_error_are_rows_and_the_exit_code_is_1(batch: Batch) -> None:
    def result(name: str) -> dict[str, Any]:
        return fake_lambda.error("UnsupportedImage") if name.endswith("3.jpg") else fake_lambda.detections(name)

    batch.api.handler = lambda event: fake_lambda.respond(event, result)
    out = batch.folder / "r.jsonl"
    done = batch.run(batch.manifest(20), "--out", out)
    assert done.returncode == 1
    assert "2 errors (UnsupportedImage 2)" in done.stdout
    failed = [row for row in rows(out) if "error" in row]
    assert sorted(failed, key=str) == [
        {"source": f"s3://photos/in/0000{number}3.jpg", "error": "a message", "type": "UnsupportedImage"}
        for number in (0, 1)
    ]
    calls = batch.api.statuses.total()
    assert batch.run(batch.manifest(20), "--out", out).returncode == 1
    assert batch.api.statuses.total() == calls, "4xx is final"


@pytest.mark.slow
def test_transient_errors_are_rows_at_the_end_and_tried_again_by_the_next_run(batch: Batch) -> None:
    broken = True

    def result(name: str) -> dict[str, Any]:
        is_error = broken and name.endswith("13.jpg")
        return fake_lambda.error("DeadlineExceeded") if is_error else fake_lambda.detections(name)

    batch.api.handler = lambda event: fake_lambda.respond(event, result)
    out = batch.folder / "r.jsonl"
    assert batch.run(batch.manifest(20), "--out", out).returncode == 1
    assert rows(out)[-1]["type"] == "DeadlineExceeded"
    assert len(rows(out)) == 20
    assert batch.api.images["s3://photos/in/000013.jpg"] == 5
    broken = False
    done = batch.run(batch.manifest(20), "--out", out)
    assert (done.returncode, done.stderr) == (0, "1 images had a transient error in the last run and are tried again\n")
    assert without_times(rows(out)) == expected(20)
    assert batch.api.images["s3://photos/in/000001.jpg"] == 1


@pytest.mark.slow
def test_image_that_crashes_the_function_does_not_cost_its_neighbors_their_results(batch: Batch) -> None:
    def respond(event: dict[str, Any]) -> dict[str, Any]:
        if any(image["s3"].endswith("05.jpg") for image in event["images"]):
            raise ConnectionAbortedError
        return fake_lambda.respond(event)

    batch.api.handler = respond
    out = batch.folder / "r.jsonl"
    assert batch.run(batch.manifest(16), "--out", out).returncode == 1
    failed = [row for row in rows(out) if "error" in row]
    assert [row["source"] for row in failed] == ["s3://photos/in/000005.jpg"]
    assert len(rows(out)) == 16


def test_ctrl_c_keeps_the_rows_and_says_how_to_go_on(batch: Batch) -> None:
    batch.api.delay_s = 0.2
    out = batch.folder / "r.jsonl"
    command = (batch.manifest(500), "--out", out, "--concurrency", 4)
    with batch.start(*command) as process:
        while not (out.exists() and out.stat().st_size):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    count = len(rows(out))
    assert f"interrupted; {count} of 500 images have a row" in errors
    assert f"scripts/batch.py {command[0]} --out" in errors.splitlines()[-1]
    assert "Traceback" not in output + errors
    batch.api.delay_s = 0
    assert batch.run(*command).returncode == 0
    assert without_times(rows(out)) == expected(500)


def test_folder_is_sent_as_image_data_and_a_file_above_the_limit_is_a_row(batch: Batch) -> None:
    photos = batch.folder / "photos"
    (photos / "sub").mkdir(parents=True)
    for name, size in {"a.jpg": 10, "sub/b c.png": 700_000, "large.jpg": 4_800_000, "note.txt": 3}.items():
        (photos / name).write_bytes(bytes(size))
    done = batch.run("photos", "--out", "r.jsonl")
    found = {row["source"]: row for row in rows(batch.folder / "r.jsonl")}
    assert done.returncode == 1
    assert sorted(found) == ["photos/a.jpg", "photos/large.jpg", "photos/sub/b c.png"]
    assert found["photos/large.jpg"]["type"] == "TooLarge"
    assert "S3" in found["photos/large.jpg"]["error"]
    sent = {image["image_name"]: len(image["image_data"]) for event in batch.api.events for image in event["images"]}
    assert sent == {"a.jpg": 16, "b c.png": 933_336}
    assert "left out: 1 .txt" in done.stdout


def test_options_of_the_request_are_beside_the_images(batch: Batch) -> None:
    batch.run(batch.manifest(3), "--out", "r.jsonl", "--conf", "0.4", "--option", "masks=rle", "--images-per-call", 2)
    assert [len(event["images"]) for event in batch.api.events] == [1, 2]
    assert {event["conf"] for event in batch.api.events} == {"0.4"}
    assert {event["masks"] for event in batch.api.events} == {"rle"}


def test_estimate_needs_no_file_and_stops_after_two_calls(batch: Batch) -> None:
    done = batch.run(batch.manifest(10_000), "--estimate", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["images"], len(batch.api.events)) == (0, 10_000, 2)
    measured, found = document["measured"], document["estimate"]
    # 80 ms billed for 8 images, 1,769 MB and ARM: 10,000 images are 1,250 calls.
    assert measured["billed_s"] == pytest.approx(0.01)
    assert found["lambda_usd"] == pytest.approx(100 * 1769 / 1024 * 0.0000133334 + 1250 * 2e-7)
    assert found["s3_usd"] == pytest.approx(0.004)
    assert [path.name for path in batch.folder.iterdir()] == ["images.txt"]


def test_second_process_on_the_same_file_is_refused(batch: Batch) -> None:
    batch.manifest(10)
    with results_file.ResultsFile(batch.folder / "r.jsonl", {}):
        done = batch.run("images.txt", "--out", "r.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is written by another process" in done.stderr


@pytest.mark.parametrize("other", [["--conf", "0.3"], ["--function", "yolo:2"]])
def test_file_of_another_run_is_kept_unless_overwrite_is_set(batch: Batch, other: list[str]) -> None:
    batch.manifest(10)
    assert batch.run("images.txt", "--out", "r.jsonl").returncode == 0
    before = (batch.folder / "r.jsonl").read_bytes()
    done = batch.run("images.txt", "--out", "r.jsonl", *other)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert (batch.folder / "r.jsonl").read_bytes() == before
    assert batch.run("images.txt", "--out", "r.jsonl", *other, "--overwrite").returncode == 0
