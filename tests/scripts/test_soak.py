"""The soak: a small one for real, and that its count sees what is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.local_lambda.invocation import Invocation
from scripts.soak import check, fixtures, sqs_queue
from scripts.soak.fixtures import Placed
from scripts.soak.sqs_queue import MAX_RECEIVES, Delivered, Round
from tests.conftest import ROOT

SAMPLES = ROOT / "example" / "samples"
OBJECTS = fixtures.plan(100, SAMPLES)
FAULTY = [one for one in OBJECTS if one.fault]


def invocation(response: Any, error: dict[str, Any] | None = None) -> Invocation:
    return Invocation(response, error, 1.0, None, "", "id-1")


def left(one: Placed) -> bytes:
    source = {"bucket": fixtures.BUCKET, "key": one.key, "version_id": None, "etag": one.etag}
    body = {"error": "broken", "type": "UnsupportedImage"} if one.broken else {"detections": [], "detection_count": 0}
    return json.dumps(body | {"source": source}).encode()


def found(
    change: Callable[[dict[str, bytes]], object] = dict,
    dead: tuple[str, ...] = (),
    failed: tuple[str, ...] = tuple(one.key for one in FAULTY),
    met: tuple[str, ...] = tuple(one.fault_path for one in FAULTY),
) -> list[str]:
    """The problems of a run that went right but for the arguments."""
    results = {one.result_key: left(one) for one in OBJECTS}
    change(results)
    done = Delivered([Round(tuple(one.key for one in OBJECTS), 1.0, failed)], list(dead))
    return list(check.problems(OBJECTS, results, done, dict.fromkeys(met, 3)))


def test_one_in_fifty_is_broken_and_another_one_in_fifty_meets_a_fault() -> None:
    assert sum(one.broken for one in OBJECTS) == len(FAULTY) == 2
    assert not any(one.broken and one.fault for one in OBJECTS)
    assert len({one.key for one in OBJECTS}) == 100


def test_a_run_that_went_right_has_no_problems() -> None:
    assert found() == []


def test_a_class_is_a_result_as_boxes_are() -> None:
    good, best = OBJECTS[0], {"class": "cat", "class_id": 3, "confidence": 0.75}
    source = json.loads(left(good))["source"]
    classified, unfinished = ({**best, **more, "source": source} for more in ({"top": [best]}, {}))
    assert found(lambda results: results.update({good.result_key: json.dumps(classified).encode()})) == []
    assert len(found(lambda results: results.update({good.result_key: json.dumps(unfinished).encode()}))) == 1


def test_every_kind_of_loss_is_a_problem() -> None:
    good, broken = OBJECTS[0], next(one for one in OBJECTS if one.broken)
    extra = f"{fixtures.RESULT_PREFIX}extra.json"
    assert found(lambda results: results.pop(good.result_key)) == [f"{good.key!r} has no result"]
    assert found(lambda results: results.update({extra: b"{}"})) == [f"{extra!r} is no object's result"]
    assert len(found(lambda results: results.update({good.result_key: left(OBJECTS[1])}))) == 1
    assert len(found(lambda results: results.update({broken.result_key: left(broken._replace(broken=False))}))) == 1
    assert found(dead=(good.key,)) == [f"{good.key!r} went to the dead-letter queue"]


def test_a_fault_that_was_swallowed_or_not_met_is_a_problem() -> None:
    key = FAULTY[0].key
    assert found(failed=(FAULTY[1].key,)) == [f"{key!r} met a fault that was not reported"]
    assert found(met=(FAULTY[1].fault_path,)) == [f"{key!r} did not meet its fault"]
    assert len(found(failed=tuple(one.key for one in OBJECTS))) == len(OBJECTS) - len(FAULTY)


def test_a_failed_message_comes_again_until_it_is_done() -> None:
    seen: list[str] = []

    def invoke(event: Any) -> Invocation:
        keys = [message["messageId"] for message in event["Records"]]
        seen.extend(keys)
        return invocation({"batchItemFailures": [{"itemIdentifier": key} for key in keys if seen.count(key) < 2]})

    done = sqs_queue.deliver(OBJECTS[:3], 2, invoke, lambda _: None)
    assert sorted(seen) == sorted(2 * [one.key for one in OBJECTS[:3]])
    assert done.dead == []
    assert done.reported == {one.key for one in OBJECTS[:3]}


@pytest.mark.parametrize(
    "answer",
    [
        invocation(None, {"errorType": "Sandbox.Timedout"}),
        invocation({"statusCode": 400}),
        invocation({"batchItemFailures": [{"itemIdentifier": "of another batch"}]}),
    ],
    ids=["error", "another shape", "unknown id"],
)
def test_what_a_queue_does_not_understand_fails_the_whole_batch_until_it_is_dead(answer: Invocation) -> None:
    done = sqs_queue.deliver(OBJECTS[:2], 2, lambda _: answer, lambda _: None)
    assert len(done.rounds) == MAX_RECEIVES
    assert sorted(done.dead) == sorted(one.key for one in OBJECTS[:2])


@pytest.mark.build
@pytest.mark.runtime
def test_forty_objects_come_through_the_zips_with_a_broken_one_and_a_fault(tmp_path: Path, model_path: Path) -> None:
    dist = str(tmp_path / "dist")
    subprocess.run([str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", dist], check=True, timeout=600)
    soak = [sys.executable, str(ROOT / "scripts" / "soak_s3.py"), "--dist", dist, "--objects", "40"]
    done = subprocess.run(soak, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "every object has exactly one result" in done.stdout
    assert "faults injected       1, met by 3 requests" in done.stdout


def test_without_zips_it_says_so(tmp_path: Path) -> None:
    soak = [sys.executable, str(ROOT / "scripts" / "soak_s3.py"), "--dist", str(tmp_path), "--objects", "1"]
    done = subprocess.run(soak, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "build.json is missing" in done.stderr.splitlines()[-1]
