"""Soak test: a small real run, and the detection of every kind of violation by its check."""

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.local_lambda.invocation import Invocation
from scripts.soak import check, fixtures, s3_server, sqs_queue
from scripts.soak.fixtures import SoakObject
from scripts.soak.sqs_queue import MAX_RECEIVES, Batch, DeliveryReport
from tests.conftest import ROOT

SAMPLES = ROOT / "example" / "samples"
OBJECTS = fixtures.plan(100, SAMPLES)
FAULTY = [item for item in OBJECTS if item.fault]


def invocation(response: Any, error: dict[str, Any] | None = None) -> Invocation:
    return Invocation(response, error, 1.0, None, "", "id-1")


def result(item: SoakObject) -> bytes:
    source = {"bucket": fixtures.BUCKET, "key": item.key, "version_id": item.version_id, "etag": item.etag}
    body = {"error": "broken", "type": "UnsupportedImage"} if item.broken else {"detections": [], "detection_count": 0}
    return json.dumps(body | {"source": source}).encode()


def problems(
    change: Callable[[dict[str, bytes]], object] = dict,
    dead: tuple[str, ...] = (),
    failed: tuple[str, ...] = tuple(item.key for item in FAULTY),
    met: tuple[str, ...] = tuple(item.fault_path for item in FAULTY),
) -> list[str]:
    """Return the problems of a run that is correct except for the arguments."""
    results = {item.result_key: result(item) for item in OBJECTS}
    change(results)
    report = DeliveryReport([Batch(tuple(item.key for item in OBJECTS), 1.0, failed)], list(dead))
    return list(check.problems(OBJECTS, results, report, dict.fromkeys(met, 3)))


def test_one_of_fifty_objects_is_broken_one_has_a_fault_and_one_an_older_version() -> None:
    replaced = [item for item in OBJECTS if item.older is not None]
    assert sum(item.broken for item in OBJECTS) == len(FAULTY) == len(replaced) == 2
    assert not any(item.broken and item.fault for item in OBJECTS)
    assert not any(item.broken or item.fault for item in replaced)
    assert len({item.key for item in OBJECTS}) == 100


def test_correct_run_has_no_problems() -> None:
    assert problems() == []


def test_classification_is_a_valid_result() -> None:
    good, best = OBJECTS[0], {"class": "cat", "class_id": 3, "confidence": 0.75}
    source = json.loads(result(good))["source"]
    classified, unfinished = ({**best, **more, "source": source} for more in ({"top": [best]}, {}))
    assert problems(lambda results: results.update({good.result_key: json.dumps(classified).encode()})) == []
    assert len(problems(lambda results: results.update({good.result_key: json.dumps(unfinished).encode()}))) == 1


def test_every_kind_of_wrong_result_is_a_problem() -> None:
    good, broken = OBJECTS[0], next(item for item in OBJECTS if item.broken)
    extra = f"{fixtures.RESULT_PREFIX}extra.json"
    assert problems(lambda results: results.pop(good.result_key)) == [f"{good.key!r} has no result"]
    assert problems(lambda results: results.update({extra: b"{}"})) == [f"{extra!r} is not the result of an object"]
    assert len(problems(lambda results: results.update({good.result_key: result(OBJECTS[1])}))) == 1
    success = result(broken._replace(broken=False))
    assert len(problems(lambda results: results.update({broken.result_key: success}))) == 1
    assert problems(dead=(good.key,)) == [f"{good.key!r} went to the dead-letter queue"]


def test_unreported_or_unmet_fault_is_a_problem() -> None:
    key = FAULTY[0].key
    assert problems(failed=(FAULTY[1].key,)) == [f"{key!r} met a fault that was not reported"]
    assert problems(met=(FAULTY[1].fault_path,)) == [f"{key!r} did not meet its fault"]
    assert len(problems(failed=tuple(item.key for item in OBJECTS))) == len(OBJECTS) - len(FAULTY)


def test_result_of_the_older_version_is_a_problem() -> None:
    replaced = next(item for item in OBJECTS if item.older is not None)
    older = result(replaced._replace(data=replaced.older or b"", version_id="1"))
    assert len(problems(lambda results: results.update({replaced.result_key: older}))) == 1


def test_event_of_the_older_version_comes_after_that_of_the_newest_or_before_it() -> None:
    delivered: list[tuple[str, str, str]] = []

    def invoke(event: Any) -> Invocation:
        for message in event["Records"]:
            body = json.loads(message["body"])
            body = json.loads(body["Message"]) if "Message" in body else body
            described = body["detail"]["object"] if "detail" in body else body["Records"][0]["s3"]["object"]
            version_id = described.get("versionId") or described.get("version-id")
            if version_id:
                delivered.append((message["messageId"], version_id, described["sequencer"]))
        return invocation({"batchItemFailures": []})

    objects = [
        item._replace(version_id="new", older_version_id="old") if item.older is not None else item for item in OBJECTS
    ]
    sqs_queue.deliver(objects, 10, invoke, lambda _: None)
    assert [version_id for _, version_id, _ in delivered] == ["new", "old", "old", "new"]
    assert len({message_id for message_id, _, _ in delivered}) == 4
    sequencers = {version_id: sequencer for _, version_id, sequencer in delivered}
    assert sequencers["old"] < sequencers["new"]


def test_failed_message_is_delivered_again_until_it_succeeds() -> None:
    seen: list[str] = []

    def invoke(event: Any) -> Invocation:
        keys = [message["messageId"] for message in event["Records"]]
        seen.extend(keys)
        return invocation({"batchItemFailures": [{"itemIdentifier": key} for key in keys if seen.count(key) < 2]})

    report = sqs_queue.deliver(OBJECTS[:3], 2, invoke, lambda _: None)
    assert sorted(seen) == sorted(2 * [item.key for item in OBJECTS[:3]])
    assert report.dead == []
    assert report.reported == {item.key for item in OBJECTS[:3]}


@pytest.mark.parametrize(
    "failing",
    [
        invocation(None, {"errorType": "Sandbox.Timedout"}),
        invocation({"statusCode": 400}),
        invocation({"batchItemFailures": [{"itemIdentifier": "of another batch"}]}),
    ],
    ids=["error", "another shape", "unknown id"],
)
def test_invalid_response_fails_the_whole_batch_until_it_is_dead(failing: Invocation) -> None:
    report = sqs_queue.deliver(OBJECTS[:2], 2, lambda _: failing, lambda _: None)
    assert len(report.batches) == MAX_RECEIVES
    assert sorted(report.dead) == sorted(item.key for item in OBJECTS[:2])


@pytest.mark.parametrize("name", ["soak.py", "soak_s3.py"])
def test_python_without_packages_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    command = [str(tmp_path / "venv" / "bin" / "python"), str(ROOT / "scripts" / name), "--dist", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith(s3_server.NOT_INSTALLED.format(name="pillow"))


@pytest.mark.build
@pytest.mark.runtime
def test_forty_objects_pass_through_the_zips_with_a_broken_image_and_a_fault(tmp_path: Path, model_path: Path) -> None:
    dist = str(tmp_path / "dist")
    subprocess.run([str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", dist], check=True, timeout=600)
    soak = [sys.executable, str(ROOT / "scripts" / "soak_s3.py"), "--dist", dist, "--objects", "40"]
    done = subprocess.run(soak, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "every object has exactly one result" in done.stdout
    assert "faults injected       1, met by 3 requests" in done.stdout
    assert "objects               40, 1 of them broken, 1 with an older version" in done.stdout


def test_missing_zips_are_reported(tmp_path: Path) -> None:
    soak = [sys.executable, str(ROOT / "scripts" / "soak_s3.py"), "--dist", str(tmp_path), "--objects", "1"]
    done = subprocess.run(soak, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "build.json is missing" in done.stderr.splitlines()[-1]
