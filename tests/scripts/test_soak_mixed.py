"""Mixed soak test: its plan has every source and fault, its checks find every kind of violation, a short run passes."""

import base64
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from function import sources
from scripts.local_lambda.invocation import Invocation
from scripts.soak import calls, check, events, images, mixed_run, plan, responses, samples
from scripts.soak.calls import Call, Item
from scripts.soak.choice import Choice
from scripts.soak.fault_proxy import Fault, FaultyProxy
from scripts.soak.fixtures import BUCKET
from scripts.soak.samples import Sample
from tests.conftest import ROOT

KNOWN = images.make(ROOT / "example" / "samples")
CYCLE = len(plan.ALL) * plan.EVERY  # numbers after which kinds and positions of faults repeat
ALL_FAULTS = 3 * len(plan.OBJECTS) * len(plan.FAULTS) * plan.EVERY
CALLS = [plan.call(number, KNOWN, 1) for number in range(CYCLE)]
FAULTY = [plan.call(number, KNOWN, 1) for number in range(plan.FAULT_AT, ALL_FAULTS, plan.EVERY)]
REFERENCES = {image.name: {"detections": [{"id": image.name}], "detection_count": len(image.name)} for image in KNOWN}
ERRORS = ("text.jpg", "header.jpg", "second-half.jpg", "truncated.png", "truncated.webp", "bomb.png")
SOAK = [sys.executable, str(ROOT / "scripts" / "soak.py")]


def invocation(response: Any, error: dict[str, Any] | None = None) -> Invocation:
    return Invocation(response, error, 1.0, None, "", "id-1")


def http(status: int, body: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": json.dumps(body)}


def page(content_type: str, text: str, encoded: bool = False) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"Content-Type": content_type}, "body": text, "isBase64Encoded": encoded}


def annotated(item: Item) -> dict[str, Any]:
    data = {"content_type": "image/jpeg", "width": 1, "height": 1, "data": encoded("image/jpeg")}
    return item_body(item) | ({} if item.error else {"annotated_image": data})


def encoded(content_type: str) -> str:
    return base64.b64encode(responses.STARTS[content_type] + b"...").decode()


def item_body(item: Item) -> dict[str, Any]:
    if item.error:
        return {"error": "text", "type": item.error[0], "request_id": "id-1"}
    return {**REFERENCES[item.image.name], "image_name": "any", "timing_ms": {"read": random.random()}}


def object_row(item: Item) -> dict[str, Any]:
    if item.error:
        return {"key": item.key, "error": "text", "type": item.error[0]}
    count = REFERENCES[item.image.name]["detection_count"]
    return {"key": item.key, "detection_count": count, "result": f"s3://{BUCKET}/{item.stored.result_key}"}


def task(item: Item) -> dict[str, Any]:
    failed = "TemporaryFailure" if item.is_reported else "PermanentFailure"
    text = f"{item.error[0]}: text" if item.error else "2 objects found"
    return {"taskId": item.key, "resultCode": failed if item.error else "Succeeded", "resultString": text}


def right(call: Call) -> Invocation:
    """Return the invocation that the documentation promises for a call."""
    items = call.items
    if call.form == "raised":
        return invocation(None, {"errorType": call.error[0], "errorMessage": "text"})
    reported = [{"itemIdentifier": item.key} for item in items if item.is_reported]
    status = responses.STATUS[items[0].error[0]] if items and items[0].error else 200
    made: dict[str, Callable[[], Any]] = {
        "http": lambda: http(status, item_body(items[0])),
        "images": lambda: http(200, {"results": [item_body(item) for item in items]}),
        "refused": lambda: http(responses.STATUS[call.error[0]], {"error": "text", "type": call.error[0]}),
        "health": lambda: http(200, {"status": "ok"}),
        "warm": lambda: {"warm": True},
        "rows": lambda: {"results": [object_row(item) for item in items]},
        "row": lambda: object_row(items[0]),
        "batch": lambda: {"batchItemFailures": reported},
        "tasks": lambda: {"results": [task(item) for item in items]},
        "html": lambda: page("text/html; charset=utf-8", "<!doctype html>"),
        "annotated": lambda: http(status, annotated(items[0])),
        **{form: lambda: http(200, dict.fromkeys(responses.DESCRIBED[call.form])) for form in responses.DESCRIBED},
    }
    for form in responses.STARTS:
        is_error = bool(items and items[0].error)
        made[form] = made["http"] if is_error else lambda: page(call.form, encoded(call.form), encoded=True)
    return invocation(made[call.form]())


def first(source: str, is_wanted: Callable[[Call], bool] = lambda _: True) -> Call:
    return next(call for call in CALLS if call.source == source and is_wanted(call))


def is_readable(call: Call) -> bool:
    return bool(call.items) and not any(item.error for item in call.items)


def problems(call: Call, got: Invocation) -> list[str]:
    return list(responses.problems(call, got, REFERENCES))


def changed(call: Call, old: str, new: str) -> Invocation:
    """Return the right response of a call with one text replaced everywhere."""
    got = right(call)
    text = json.dumps(got.response)
    assert old in text, text
    return got._replace(response=json.loads(text.replace(old, new)))


def sample(at: int, **fields: float) -> Sample:
    noise = random.Random(at).uniform(-1, 1)
    values: dict[str, Any] = {
        "invocations": at * 20, "pid": 7, "rss_mb": 140 + 3 * noise, "descriptors": 7 + (noise > 0), "threads": 2,
        "tmp_files": 0, "tmp_mb": 0.0, "probe_ms": 14 * (1 + 0.2 * noise), "yardstick_ms": 20.0,
    }  # fmt: skip
    return Sample(**{**values, **fields})


def series(make: Callable[[int], Sample], count: int = 40) -> list[str]:
    return list(samples.problems([make(at) for at in range(count)]))


def test_an_invocation_with_a_number_is_always_the_same() -> None:
    assert [plan.call(number, KNOWN, 1) for number in range(300)] == CALLS[:300]


def test_another_seed_chooses_other_images() -> None:
    assert [plan.call(number, KNOWN, 2) for number in range(50)] != CALLS[:50]


def test_every_source_of_the_function_has_an_event() -> None:
    assert {sources.find(call.event) for call in CALLS} >= {*sources.SOURCES}


def test_an_unknown_event_is_sent() -> None:
    assert {sources.find(call.event) for call in FAULTY} - {*sources.SOURCES}


def test_every_front_end_gets_images() -> None:
    assert {call.source for call in CALLS} >= {*events.FRONT_ENDS}


def test_every_image_is_sent() -> None:
    assert {item.image.name for call in CALLS for item in call.items} == {image.name for image in KNOWN}


def test_broken_images_state_their_errors() -> None:
    assert {image.name for image in KNOWN if image.error} == {*ERRORS}


def test_keys_of_objects_are_unique() -> None:
    keys = [item.key for call in CALLS for item in call.items if item.key]
    assert len(keys) == len(set(keys))


def test_one_invocation_in_fifty_has_a_fault() -> None:
    faults = [number for number in range(1000) if plan.has_fault(number)]
    assert len(faults) == 20
    assert all(not plan.call(number, KNOWN, 1).fault for number in set(range(1000)) - set(faults))


def test_every_source_of_objects_meets_every_fault_of_reading() -> None:
    met = {(call.source.removesuffix(" 1.0").removesuffix(" 2.0"), call.fault) for call in FAULTY if call.fault}
    reading = [fault for fault in plan.FAULTS if fault.method == "GET"]
    names = {make(Choice(0, random.Random(0), KNOWN, plan.READABLE)).source for make in plan.OBJECTS}
    names = {name.removesuffix(" 1.0").removesuffix(" 2.0") for name in names}
    assert met >= {(name, fault) for name in names for fault in reading}


def test_every_broken_event_is_sent() -> None:
    broken = {make(Choice(0, random.Random(0), KNOWN, plan.READABLE)).source for make in plan.BROKEN}
    assert {call.source for call in FAULTY if not call.fault} == broken


@pytest.mark.parametrize("number", range(len(plan.ALL)))
def test_the_documented_response_has_no_problems(number: int) -> None:
    assert problems(CALLS[number], right(CALLS[number])) == []


@pytest.mark.parametrize("number", range(plan.FAULT_AT, 45 * plan.EVERY, plan.EVERY))
def test_the_documented_response_to_a_fault_has_no_problems_and_a_success_has(number: int) -> None:
    call = plan.call(number, KNOWN, 1)
    assert problems(call.with_fault(), right(call.with_fault())) == []
    if call.fault and not call.fault.delay_s:
        assert len(problems(call.with_fault(), right(call))) >= 1


@pytest.mark.parametrize("number", range(len(plan.ALL)))
def test_an_invocation_that_fails_is_a_problem(number: int) -> None:
    failed = invocation(None, {"errorType": "Sandbox.Timedout", "errorMessage": "timed out"})
    assert len(problems(CALLS[number], failed)) == 1


@pytest.mark.parametrize("response", [None, [], "text", {}, {"body": "no JSON"}, {"statusCode": 200, "body": "[]"}])
@pytest.mark.parametrize("number", range(len(plan.ALL)))
def test_another_form_of_the_response_is_a_problem(number: int, response: Any) -> None:
    assert len(problems(CALLS[number], invocation(response))) >= 1


def test_other_boxes_of_a_known_image_are_a_problem() -> None:
    call = first("function url", is_readable)
    assert len(problems(call, changed(call, '\\"detection_count\\": ', '\\"detection_count\\": 1'))) == 1


def test_only_the_time_of_a_reading_may_differ() -> None:
    call = first("function url", is_readable)
    name, body = call.items[0].image.name, item_body(call.items[0])

    def found(**changed: Any) -> list[str]:
        answers = [
            {**body, "detections": [{"reading": {"text": "4.2 bar", "latency_ms": 50.0, **fields}}, {"id": 1}]}
            for fields in ({}, changed)
        ]
        references = {**REFERENCES, name: responses.result(answers[0])}
        return list(responses.problems(call, invocation(http(200, answers[1])), references))

    assert found(latency_ms=70.0) == []
    assert len(found(text="4.3 bar")) == 1


def test_an_image_that_another_status_refuses_is_a_problem() -> None:
    call = first("function url", lambda call: call.items[0].error == images.UNSUPPORTED)
    assert len(problems(call, changed(call, '"statusCode": 415', '"statusCode": 400'))) == 1
    assert len(problems(call, changed(call, "UnsupportedImage", "BadRequest"))) == 1


def test_a_missing_result_of_several_images_is_a_problem() -> None:
    call = first("images")
    got = right(call)
    rows = json.loads(got.response["body"])["results"]
    assert len(problems(call, got._replace(response=http(200, {"results": rows[:-1]})))) == 1


def test_results_of_several_images_in_another_order_are_a_problem() -> None:
    call = first("images", lambda call: len({item.image.name for item in call.items}) == len(call.items))
    got = right(call)
    rows = json.loads(got.response["body"])["results"]
    assert len(problems(call, got._replace(response=http(200, {"results": rows[::-1]})))) >= 1


def test_a_row_of_another_object_is_a_problem() -> None:
    call = first("s3", is_readable)
    assert len(problems(call, changed(call, '"key": "in/', '"key": "out/'))) == 1
    assert len(problems(call, changed(call, '"detection_count": ', '"detection_count": 1'))) == 1
    assert len(problems(call, changed(call, "s3://", "s4://"))) == 1


def test_a_message_that_is_reported_without_a_fault_is_a_problem() -> None:
    call = first("sqs")
    failures = [{"itemIdentifier": call.items[0].key}]
    assert len(problems(call, invocation({"batchItemFailures": failures}))) == 1


def test_a_task_with_another_result_code_is_a_problem() -> None:
    call = first("s3 batch 2.0", is_readable)
    assert len(problems(call, changed(call, "Succeeded", "TemporaryFailure"))) == 1


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        ("page", "<!doctype html>", "<svg>"),
        ("docs", "text/html", "text/plain"),
        ("openapi", "paths", "path"),
        ("model", "sha256", "sha1"),
        ("upload", "max_bytes", "bytes"),
        ("wrong key", "401", "200"),
        ("wrong key", "Unauthorized", "Forbidden"),
        ("list, accept", "406", "200"),
    ],
)
def test_another_response_of_an_endpoint_is_a_problem(source: str, old: str, new: str) -> None:
    call = first(source)
    assert len(problems(call, changed(call, old, new))) == 1


def test_bytes_that_are_no_annotated_image_are_a_problem() -> None:
    for source in ("annotated", "annotated, accept"):
        for call in (found for found in CALLS if found.source == source and is_readable(found)):
            start = encoded("image/png" if call.form == "image/png" else "image/jpeg")
            assert len(problems(call, changed(call, start, "AAAA"))) == 1


def test_boxes_of_an_annotated_image_are_those_of_the_image() -> None:
    call = first("annotated", is_readable)
    assert len(problems(call, changed(call, '\\"detection_count\\": ', '\\"detection_count\\": 1'))) == 1


def test_every_kind_of_annotated_image_is_accepted_and_broken_images_are_sent_too() -> None:
    calls_of = [call for call in CALLS if call.source == "annotated, accept"]
    assert {call.form for call in calls_of} == {*responses.STARTS}
    assert any(item.error for call in calls_of for item in call.items)


def test_requests_with_the_key_without_one_and_with_a_wrong_one_are_sent() -> None:
    refused = [json.dumps(call.event) for call in CALLS if call.error == ("Unauthorized",)]
    assert any("x-api-key" in event for event in refused)
    assert any("x-api-key" not in event and "authorization" not in event for event in refused)
    assert not any(json.dumps(events.KEY) in event for event in refused)
    wanting = [call for call in CALLS if call.form in ("http", "images") and call.source in events.FRONT_ENDS]
    assert all(json.dumps(events.KEY) in json.dumps(call.event) for call in wanting)


def test_constant_resources_with_noise_have_no_problems() -> None:
    assert series(sample) == []


def test_growing_memory_is_a_problem() -> None:
    (problem,) = series(lambda at: sample(at, rss_mb=140 + at * 30 / 40))
    assert problem.startswith("memory")


def test_memory_that_grows_and_shrinks_again_is_no_problem() -> None:
    assert series(lambda at: sample(at, rss_mb=190 if 15 <= at < 25 else 140)) == []


def test_growing_descriptors_and_threads_are_problems() -> None:
    assert len(series(lambda at: sample(at, descriptors=7 + at // 8))) == 1
    assert len(series(lambda at: sample(at, threads=2 + at // 8))) == 1


def test_a_file_that_remains_in_the_temporary_folder_is_a_problem() -> None:
    assert series(lambda at: sample(at, tmp_files=int(at == 20))) == ["the temporary folder has 1 files"]


def test_a_slower_environment_is_a_problem() -> None:
    (problem,) = series(lambda at: sample(at, probe_ms=14 * (1 + at / 40)))
    assert problem.startswith("the probe")


def test_a_slower_machine_is_no_problem() -> None:
    assert series(lambda at: sample(at, probe_ms=14 * (1 + at / 40), yardstick_ms=20 * (1 + at / 40))) == []


def test_a_few_slow_probes_are_no_problem() -> None:
    assert series(lambda at: sample(at, probe_ms=60 if at in (33, 37) else 14)) == []


def test_another_process_is_a_problem() -> None:
    assert series(lambda at: sample(at, pid=7 + at // 20)) == ["the process ended and another was started"]


def test_too_few_samples_are_a_problem() -> None:
    assert len(series(sample, samples.MIN_SAMPLES - 1)) == 1


def test_the_resources_of_a_process_are_read(tmp_path: Path) -> None:
    before = samples.read(os.getpid(), tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(bytes(samples.MB))
    memory = bytearray(os.urandom(32 * samples.MB))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    with (tmp_path / "folder" / "file").open("rb"):
        after = samples.read(os.getpid(), tmp_path)
    stop.set()
    thread.join()
    assert after.descriptors == before.descriptors + 1
    assert after.threads == before.threads + 1
    assert (before.tmp_files, before.tmp_mb) == (0, 0)
    assert (after.tmp_files, after.tmp_mb) == (2, 1)
    assert after.rss_mb - before.rss_mb > 30
    assert len(memory) == 32 * samples.MB


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Iterator["Finished"]:
    """Yield a run that is correct, and its stored results; a test changes one of them."""
    proxy = FaultyProxy("http://127.0.0.1:1")
    run = mixed_run.MixedRun(None, proxy, KNOWN, 1)
    run.references = REFERENCES
    run.objects = [found for call in CALLS[:100] for found in call.objects]
    results: dict[str, bytes] = {}
    names = {image.data: image for image in KNOWN}
    for found in run.objects:
        source = {"bucket": BUCKET, "key": found.key, "version_id": None, "etag": found.etag}
        body = item_body(Item(names[found.data], found.key, names[found.data].error)) | {"source": source}
        results[found.result_key] = json.dumps(body).encode()
        proxy.writes[f"/{BUCKET}/{found.result_key}"] = 1
    monkeypatch.setattr(check, "stored", lambda _: results)
    with proxy.serving():  # closes its socket at the end
        yield run, results


Finished = tuple[mixed_run.MixedRun, dict[str, bytes]]


def test_one_right_result_for_each_object_has_no_problems(finished: Finished) -> None:
    assert list(finished[0].final_problems()) == []


def test_a_missing_result_is_a_problem(finished: Finished) -> None:
    run, results = finished
    results.pop(run.objects[0].result_key)
    assert f"{run.objects[0].key!r} has no result" in list(run.final_problems())


def test_a_result_that_was_written_twice_is_a_problem(finished: Finished) -> None:
    run, _ = finished
    run._proxy.writes[f"/{BUCKET}/{run.objects[0].result_key}"] = 2
    assert list(run.final_problems()) == [f"{run.objects[0].key!r}: its result was written 2 times"]


def test_a_result_without_an_object_is_a_problem(finished: Finished) -> None:
    run, results = finished
    results["results/extra.json"] = b"{}"
    assert list(run.final_problems()) == ["'results/extra.json' is not the result of an object"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"{}"])
def test_a_result_that_is_not_one_is_a_problem(finished: Finished, content: bytes) -> None:
    run, results = finished
    results[run.objects[0].result_key] = content
    assert any(run.objects[0].key in problem for problem in run.final_problems())


def test_a_stored_result_with_other_boxes_is_a_problem(finished: Finished) -> None:
    run, results = finished
    found = next(found for found in run.objects if not found.broken)
    results[found.result_key] = results[found.result_key].replace(b'"detection_count": ', b'"detection_count": 1')
    assert list(run.final_problems()) == [f"{found.key!r}: the stored result differs from that of the image"]


@pytest.fixture
def upstream() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"0123456789")

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if self.path.startswith("/b/new?") else 412)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002  (name of the base class)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_slow_object_arrives_complete_after_its_delay(upstream: str) -> None:
    proxy = FaultyProxy(upstream)
    proxy.faults["/b/slow"] = Fault("GET", 200, "slow", delay_s=0.3)
    with proxy.serving():
        began = time.monotonic()
        with urllib.request.urlopen(f"{proxy.url}/b/slow") as reply:
            assert reply.read() == b"0123456789"
    assert time.monotonic() - began >= 0.3
    assert proxy.met == {"/b/slow": 1}


def test_a_dripping_object_arrives_when_its_fault_is_removed(upstream: str) -> None:
    proxy = FaultyProxy(upstream)
    proxy.faults["/b/drip"] = Fault("GET", 200, "drip", drip_s=0.1)
    with proxy.serving(), urllib.request.urlopen(f"{proxy.url}/b/drip") as reply:
        began = time.monotonic()
        assert reply.read(3) == b"012"
        assert time.monotonic() - began >= 0.15
        proxy.remove_fault("/b/drip")
        assert reply.read() == b"3456789"


def test_the_proxy_counts_the_objects_that_were_written(upstream: str) -> None:
    proxy = FaultyProxy(upstream)
    with proxy.serving():
        for path in ("new", "new", "refused"):
            request = urllib.request.Request(f"{proxy.url}/b/{path}?x-id=PutObject", b"data", method="PUT")
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as error:
                error.close()
    assert proxy.writes == {"/b/new": 2}


@pytest.mark.build
@pytest.mark.runtime
@pytest.mark.alone
def test_two_hundred_mixed_invocations_pass_through_the_zips(tmp_path: Path, model_path: Path) -> None:
    dist = str(tmp_path / "dist")
    subprocess.run([str(ROOT / "scripts" / "build_zip.sh"), str(model_path), "--out", dist], check=True, timeout=600)
    rows = tmp_path / "samples.csv"
    options = ["--dist", dist, "--invocations", "200", "--environments", "2", "--samples", str(rows)]
    done = subprocess.run([*SOAK, *options], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200, 4 of them with a fault" in done.stdout
    assert len(rows.read_text().splitlines()) == 1 + 2 * samples.MIN_SAMPLES


@pytest.mark.parametrize("option", ["--invocations", "--environments", "--objects", "--batch"])
def test_a_number_below_one_is_refused(option: str) -> None:
    done = subprocess.run([*SOAK, option, "0"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"{option} must be at least 1, got 0" in done.stderr


def test_missing_zips_are_reported(tmp_path: Path) -> None:
    options = ["--dist", str(tmp_path), "--invocations", "1"]
    done = subprocess.run([*SOAK, *options], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "build.json is missing" in done.stderr.splitlines()[-1]


def test_the_first_object_of_an_invocation_with_images_in_the_request_meets_the_fault() -> None:
    call = calls.Call("images", "images", {}, (Item(KNOWN[0]), Item(KNOWN[0], "in/a.jpg")), fault=plan.FAULTS[0])
    assert call.fault_path == f"/{BUCKET}/in/a.jpg"
    assert [bool(item.error) for item in call.with_fault().items] == [False, True]
