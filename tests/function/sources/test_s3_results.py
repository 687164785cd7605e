"""Order of results: whatever the order of the events, the result of the newest object of a key stays."""

import io
import itertools
import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

import pytest
from PIL import Image

from function import sources
from function.errors import Forbidden, NotFound, TransientError
from function.model import Model
from function.service import Service
from function.settings import Settings
from function.sources import s3_objects
from function.sources.s3_objects import S3Object
from function.sources.s3_results import Order
from function.storage import Properties
from tests.conftest import encode
from tests.support.fake_s3 import FakeS3

BUCKET, KEY = "photos", "in/a b.png"
RESULT, ANNOTATED = f"results/{KEY}.json", f"results/{KEY}.jpg"
SEQUENCERS = ["0055AED6DCD90281E5", "0055AED6DCD90281E50A", "0055AED6DCD90281E6", "0056"]  # in their order


class Upload(NamedTuple):
    """Version of an object that was uploaded."""

    version_id: str
    sequencer: str | None
    second: int  # of its Last-Modified


def image(width: int) -> bytes:
    """An image whose width tells it from others in its result."""
    return encode(Image.new("RGB", (width, 8), (114, 114, 114)))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    s3 = FakeS3()
    s3.install(monkeypatch)
    return s3


@pytest.fixture
def respond(s3: FakeS3, served: Model) -> Callable[..., Any]:
    """The response to an event; keyword arguments are environment variables."""

    def call(sample: Any, **environ: str) -> Any:
        service = Service(served, Settings.from_env(environ), "id-1")
        return json.loads(json.dumps(sources.find(sample).respond(sample, service), allow_nan=False))

    return call


def upload(s3: FakeS3, uploads: Sequence[Upload], key: str = KEY) -> None:
    """Put versions with widths from 8 pixels on."""
    for number, (version_id, _, second) in enumerate(uploads):
        s3.put(BUCKET, key, image(8 + number), second, version_id)


def s3_event(version: Upload, key: str = KEY) -> dict[str, Any]:
    described = {"key": key.replace(" ", "+"), "versionId": version.version_id, "eTag": "0", "size": 1}
    if version.sequencer is not None:
        described["sequencer"] = version.sequencer
    s3 = {"bucket": {"name": BUCKET}, "object": described}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]}


def eventbridge_event(version: Upload) -> dict[str, Any]:
    described = {"key": KEY, "version-id": version.version_id, "etag": "0", "sequencer": version.sequencer}
    detail = {"bucket": {"name": BUCKET}, "object": described}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def sqs_event(*bodies: Any) -> dict[str, Any]:
    messages = [
        {"messageId": str(number), "eventSource": "aws:sqs", "body": json.dumps(body)}
        for number, body in enumerate(bodies)
    ]
    return {"Records": messages}


def sns_event(version: Upload) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(s3_event(version))}}]}


def sns_in_sqs(version: Upload) -> dict[str, Any]:
    return sqs_event({"Type": "Notification", "Message": json.dumps(s3_event(version))})


def batch_event(version: Upload) -> dict[str, Any]:
    task = {"taskId": "t", "s3Key": KEY.replace(" ", "+"), "s3VersionId": version.version_id, "s3Bucket": BUCKET}
    return {"invocationSchemaVersion": "2.0", "invocationId": "i", "tasks": [task]}


PATHS: dict[str, Callable[[Upload], dict[str, Any]]] = {
    "s3": s3_event,
    "eventbridge": eventbridge_event,
    "sqs": lambda version: sqs_event(s3_event(version)),
    "eventbridge in sqs": lambda version: sqs_event(eventbridge_event(version)),
    "sns": sns_event,
    "sns in sqs": sns_in_sqs,
    "s3 batch": batch_event,
}
VERSIONS = [Upload("c", SEQUENCERS[0], 10), Upload("a", SEQUENCERS[1], 20), Upload("b", SEQUENCERS[2], 30)]
ORDERS = list(itertools.permutations(range(3)))
WITH_DUPLICATE = sorted(set(itertools.permutations((0, 0, 1, 2))) | set(itertools.permutations((0, 1, 2, 2))))


def stored_version(s3: FakeS3) -> str:
    return str(s3.json(RESULT)["source"]["version_id"])


@pytest.mark.parametrize("path", PATHS)
def test_result_of_the_newest_version_stays_in_every_order(
    path: str, served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    for order in [*ORDERS, *WITH_DUPLICATE]:
        s3 = FakeS3()
        s3.install(monkeypatch)
        upload(s3, VERSIONS)
        for number in order:
            sample = PATHS[path](VERSIONS[number])
            sources.find(sample).respond(sample, Service(served, Settings.from_env({}), "id-1"))
        assert (stored_version(s3), s3.json(RESULT)["image_dimensions"]["width"]) == ("b", 10), order


@pytest.mark.parametrize("paths", list(itertools.permutations(["s3", "eventbridge in sqs", "s3 batch"])))
def test_result_of_the_newest_version_stays_across_paths(
    paths: Sequence[str], respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS)
    for path, number in zip(paths, (2, 0, 1), strict=True):
        respond(PATHS[path](VERSIONS[number]))
    assert stored_version(s3) == "b"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_versions_of_one_second_are_ordered_by_their_sequencers(
    order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    versions = [Upload(name, text, 10) for name, text in zip("dcba", SEQUENCERS, strict=True)]
    upload(s3, versions)
    for number in order:
        respond(s3_event(versions[number]))
    assert stored_version(s3) == "a"


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_time_of_the_object_counts_more_than_its_sequencer(
    order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    versions = [Upload("b", "02", 10), Upload("a", "01", 20)]
    upload(s3, versions)
    for number in order:
        respond(s3_event(versions[number]))
    assert stored_version(s3) == "a"


def test_sequencer_is_compared_without_its_case(respond: Callable[..., Any], s3: FakeS3) -> None:
    versions = [Upload("b", "00AF", 10), Upload("a", "00b0", 10)]
    upload(s3, versions)
    for number in (1, 0):
        respond(s3_event(versions[number]))
    assert stored_version(s3) == "a"


@pytest.mark.parametrize("order", ORDERS)
def test_current_version_is_the_newest_of_one_second_without_sequencers(
    order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    versions = [Upload("c", None, 10), Upload("a", None, 10), Upload("b", None, 10)]
    upload(s3, versions)
    for number in order:
        respond(batch_event(versions[number]))
    assert stored_version(s3) == "b"


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_versions_of_one_second_are_ordered_by_version_id_if_nothing_else_differs(
    order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, [Upload("b", None, 10), Upload("a", None, 10), Upload("newer", None, 20)])
    for number in order:
        respond(s3_event(Upload("ba"[number], "00AA", 10)))
    assert stored_version(s3) == "b"


@pytest.mark.parametrize("key", ["Key", "late event"])
def test_late_event_of_a_bucket_without_versions_keeps_the_result_of_what_is_there(
    key: str, respond: Callable[..., Any], s3: FakeS3
) -> None:
    events = [{"Items": [{"bucket": BUCKET, "Key": KEY}]}, s3_event(Upload("", SEQUENCERS[0], 0))]
    s3.put(BUCKET, KEY, image(8), 10)
    respond(events[0])
    s3.put(BUCKET, KEY, image(9), 20)
    for event in events if key == "Key" else reversed(events):
        respond(event)
    assert s3.json(RESULT)["image_dimensions"]["width"] == 9


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"other": "1"},
        {"source-last-modified": "soon", "source-sequencer": "x"},
        {"source-last-modified": "2999-99-99T99:99:99Z"},
        {"source-last-modified": "2999-02-30T00:00:00Z", "source-sequencer": "FFFF", "source-etag": "e"},
        {"source-last-modified": "2999-01-01T25:00:00Z", "source-etag": "e"},
        {"source-sequencer": "FFFF"},
        {"source-sequencer": "FFFF", "source-version-id": "v9"},
        {"source-sequencer": "FFFF", "source-etag": "\u00e4"},
    ],
)
def test_result_without_a_readable_order_is_replaced(
    metadata: dict[str, str], respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS)
    s3.objects[BUCKET, RESULT] = b"not JSON"
    s3.metadata[BUCKET, RESULT] = metadata
    respond(s3_event(VERSIONS[0]))
    assert stored_version(s3) == "c"


def test_result_has_the_order_of_its_object_in_its_metadata(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[2]), ANNOTATE="1")
    expected = {
        "source-last-modified": "2026-11-27T00:00:30Z",
        "source-sequencer": SEQUENCERS[2],
        "source-version-id": "b",
        "source-etag": s3.json(RESULT)["source"]["etag"],
    }
    assert s3.metadata[BUCKET, RESULT] == s3.metadata[BUCKET, ANNOTATED] == expected


@pytest.mark.parametrize("sequencer", ["ä", "", "x" * 9, "0" * 3000, 5, None, [], "00\r\nx-amz-acl: public-read"])
def test_sequencer_that_is_not_hexadecimal_is_left_out(sequencer: Any, respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(Upload("b", sequencer, 30)))
    assert "source-sequencer" not in s3.metadata[BUCKET, RESULT]


def test_row_of_an_older_version_says_that_it_was_skipped(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[2]))
    assert respond(s3_event(VERSIONS[0])) == {"results": [{"key": KEY, "skipped": s3_objects.SUPERSEDED}]}
    (task,) = respond(batch_event(VERSIONS[1]))["results"]
    assert (task["resultCode"], task["resultString"]) == ("Succeeded", f"skipped: {s3_objects.SUPERSEDED}")


def test_annotated_image_of_the_newest_version_stays(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    for number in (2, 0, 1):
        respond(s3_event(VERSIONS[number]), ANNOTATE="1")
    assert Image.open(io.BytesIO(s3.objects[BUCKET, ANNOTATED])).width == 10


def test_image_with_a_long_comment_is_annotated(respond: Callable[..., Any], s3: FakeS3) -> None:
    gif = encode(Image.new("RGB", (64, 48), (114, 114, 114)), "GIF", comment=b"a place " * 10_000)
    s3.put(BUCKET, KEY, gif, 1, VERSIONS[0].version_id)
    respond(s3_event(VERSIONS[0]), ANNOTATE="1")
    assert s3.written_keys == [ANNOTATED, RESULT]
    assert b"a place" not in s3.objects[BUCKET, ANNOTATED]


def test_drawing_ends_at_the_deadline_however_much_time_is_left(
    s3: FakeS3, served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        ends = monotonic() + 5
        while monotonic() < ends:
            pass

    upload(s3, VERSIONS[:1])
    monkeypatch.setattr("function.draw.draw", slow)
    monkeypatch.setattr("function.service.WATCHED_S", 0)
    monkeypatch.setattr("function.service.WATCHED_RUNS", 0)
    monkeypatch.setattr(Service, "slowest_s", 0.05)
    service = Service(served, Settings.from_env({"ANNOTATE": "1"}), "id-1", lambda: 1500)
    with pytest.raises(Exception, match="was stopped"):
        sources.find(s3_event(VERSIONS[0])).respond(s3_event(VERSIONS[0]), service)
    assert monotonic() - service.started < 4
    assert not s3.written_keys


def test_second_delivery_writes_nothing(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    for _ in range(2):
        respond(s3_event(VERSIONS[2]), ANNOTATE="1")
    assert s3.written_keys == [ANNOTATED, RESULT]


def test_first_result_of_an_object_needs_one_request(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    operations: list[str] = []
    s3.before = lambda operation, *_: operations.append(operation)
    respond(s3_event(VERSIONS[2]))
    assert operations == ["read", "write"]


def test_object_that_is_processed_again_replaces_its_own_result(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[2]))
    s3.objects[BUCKET, RESULT] = b"of an earlier model"
    respond(batch_event(VERSIONS[2]))
    assert stored_version(s3) == "b"
    assert s3.metadata[BUCKET, RESULT]["source-sequencer"] == SEQUENCERS[2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
@pytest.mark.parametrize("problem", ["broken", "too large", "forbidden"])
def test_error_of_the_newest_version_stays(
    problem: str, order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS[:1])
    s3.put(BUCKET, KEY, b"x" * (10_000 if problem == "too large" else 9), 20, "a")
    for number in order:
        if problem == "forbidden":
            s3.errors = {("read", BUCKET, KEY): Forbidden("403")} if number else {}
        respond(s3_event(VERSIONS[number]), MAX_OBJECT_BYTES="5000")
    types = {"broken": "UnsupportedImage", "too large": "TooLarge", "forbidden": "Forbidden"}
    assert s3.json(RESULT)["type"] == types[problem]


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
@pytest.mark.parametrize("problem", ["broken", "too large", "forbidden"])
def test_error_of_an_older_version_does_not_stay(
    problem: str, order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    s3.put(BUCKET, KEY, b"x" * (10_000 if problem == "too large" else 9), 10, "c")
    s3.put(BUCKET, KEY, image(9), 20, "a")
    for number in order:
        if problem == "forbidden":
            s3.errors = {} if number else {("read", BUCKET, KEY): Forbidden("403")}
        respond(s3_event(VERSIONS[number]), MAX_OBJECT_BYTES="5000")
    assert s3.json(RESULT)["image_dimensions"]["width"] == 9


def test_unreadable_object_without_a_sequencer_keeps_the_result_and_reports_the_error(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[1]))
    s3.errors["read", BUCKET, KEY] = Forbidden("403")
    assert respond({"bucket": BUCKET, "Key": KEY}) == {"key": KEY, "error": "403", "type": "Forbidden"}
    assert stored_version(s3) == "a"


@pytest.mark.parametrize("order", ORDERS)
def test_result_of_a_missing_version_gives_way_to_every_other(
    order: Sequence[int], respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS[:2])
    for number in order:
        s3.errors = {("read", BUCKET, KEY): NotFound("no such version")} if number == 2 else {}
        respond(s3_event(VERSIONS[number]))
    assert stored_version(s3) == "a"


def test_role_that_cannot_read_results_replaces_them_with_a_warning(
    respond: Callable[..., Any], s3: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[2]))
    s3.errors["head", BUCKET, RESULT] = Forbidden("403 s3:GetObject")
    with caplog.at_level(logging.WARNING):
        respond(s3_event(VERSIONS[0]))
    assert stored_version(s3) == "c"
    assert "cannot be read: 403 s3:GetObject" in caplog.text


def during(s3: FakeS3, operation: str, action: Callable[[], object], times: int = 1) -> None:
    """Run an action just before the first operations on the result, as another function would."""
    remaining = itertools.repeat(action, times)

    def before(name: str, _: str, key: str) -> None:
        if (name, key) == (operation, RESULT) and (following := next(remaining, None)):
            following()

    s3.before = before


@pytest.mark.parametrize("operation", ["read", "write", "head"])
@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(range(3), 2)))
def test_newest_of_two_concurrent_deliveries_stays(
    operation: str, first: int, second: int, respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS)
    s3.objects[BUCKET, RESULT] = b"of an earlier release"
    during(s3, operation, lambda: respond(s3_event(VERSIONS[second])))
    respond(s3_event(VERSIONS[first]))
    s3.before = lambda *_: None
    if operation == "read":  # the object is read, not the result: one after the other
        respond(s3_event(VERSIONS[second]))
    assert stored_version(s3) == VERSIONS[max(first, second)].version_id


def test_older_version_gives_up_when_the_newer_is_written_between_its_requests(
    respond: Callable[..., Any], s3: FakeS3
) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[0]))
    later = iter([lambda: None, lambda: respond(s3_event(VERSIONS[2]))])
    during(s3, "write", lambda: next(later, lambda: None)(), times=2)
    respond(s3_event(VERSIONS[1]))
    assert stored_version(s3) == "b"


def test_result_that_is_deleted_between_two_requests_is_written(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    respond(s3_event(VERSIONS[0]))
    during(s3, "head", lambda: s3.objects.pop((BUCKET, RESULT)))
    respond(s3_event(VERSIONS[1]))
    assert stored_version(s3) == "a"


def test_result_that_others_write_all_the_time_fails_the_message(respond: Callable[..., Any], s3: FakeS3) -> None:
    upload(s3, VERSIONS)
    texts = (str(number).encode() for number in itertools.count())
    during(s3, "write", lambda: s3.objects.update({(BUCKET, RESULT): next(texts)}), times=1000)
    with pytest.raises(TransientError, match="other writes changed the result"):
        respond(s3_event(VERSIONS[1]))


class UnreliableS3(FakeS3):
    """S3 whose requests fail at random, also after they took effect."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.failures = 0

    def read(self, *arguments: Any) -> Any:
        self._fail(0.05)
        return super().read(*arguments)

    def head(self, *arguments: Any) -> Properties | None:
        self._fail(0.05)
        return super().head(*arguments)

    def write(self, *arguments: Any, **options: Any) -> bool:
        self._fail(0.05)
        is_written = super().write(*arguments, **options)
        self._fail(0.05)  # the response is lost
        if is_written and options.get("only_new") and self.chance.random() < 0.05:
            return super().write(*arguments, **options)  # botocore repeats a request whose response was lost
        return is_written

    def _fail(self, probability: float) -> None:
        if self.chance.random() < probability:
            self.failures += 1
            raise TransientError("503")


class Queue:
    """Queue of messages in random order, with concurrent functions that start at any request of another."""

    def __init__(self, s3: FakeS3, respond: Callable[[Any], Any], messages: list[Any], chance: random.Random) -> None:
        self.messages = messages
        self.depth = 0
        self._respond = respond
        self._chance = chance
        chance.shuffle(messages)
        s3.before = self._maybe_deliver

    def deliver(self) -> None:
        """Deliver a batch; messages that fail come again, at any time."""
        batch = [self.messages.pop() for _ in range(min(len(self.messages), self._chance.randint(1, 3)))]
        self.depth += 1
        failed = self._respond(sqs_event(*batch))["batchItemFailures"]
        self.depth -= 1
        for item in failed:
            self.messages.insert(self._chance.randint(0, len(self.messages)), batch[int(item["itemIdentifier"])])

    def _maybe_deliver(self, *_: str) -> None:
        if self.messages and self.depth < 3 and self._chance.random() < 0.15:
            self.deliver()


def interleaving(seed: int) -> Iterator[tuple[str, list[Upload]]]:
    """Yield keys with two or three versions; their ids and sequencers are no order of their times."""
    chance = random.Random(seed)
    for key in ("in/1.png", "in/2.png", "in/3.png")[: chance.randint(1, 3)]:
        seconds = sorted(chance.choices(range(3), k=chance.randint(2, 3)))  # some in one second
        names = chance.sample("abcdefgh", k=len(seconds))
        sequencers = sorted(f"{chance.randrange(16**4):04X}" + chance.choice(["", "0A", "1"]) for _ in seconds)
        sequencers = sorted({text.rstrip("0") or "1" for text in sequencers}, key=lambda text: text.ljust(9, "0"))
        yield key, [Upload(*values) for values in zip(names, sequencers, seconds, strict=False)]


@pytest.mark.parametrize("tens", range(10))
def test_random_interleavings_of_versions_duplicates_and_failures_leave_the_newest_result(
    tens: int, served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 0
    for seed in range(100 * tens, 100 * tens + 100):
        chance = random.Random(seed)
        s3 = UnreliableS3(chance)
        s3.install(monkeypatch)
        service = Service(served, Settings.from_env({}), "id-1")
        messages = []
        newest = {}
        for key, uploads in interleaving(seed):
            for number, (version_id, _, second) in enumerate(uploads):
                is_image = seed % 10 == 0 and number % 2  # a prediction takes most of the time
                s3.put(BUCKET, key, image(8 + number) if is_image else b"broken %d" % number, second, version_id)
            messages += [s3_event(version, key) for version in chance.choices(uploads, k=2) + uploads]
            newest[f"results/{key}.json"] = uploads[-1].version_id
        queue = Queue(s3, lambda event, service=service: sources.find(event).respond(event, service), messages, chance)
        while queue.messages:
            queue.deliver()
        results = {key: s3.json(key) for _, key in s3.objects if key.startswith("results/")}
        assert {key: result["source"]["version_id"] for key, result in results.items()} == newest, seed
        failures += s3.failures
    assert failures > 100


def test_order_survives_its_metadata() -> None:
    order = Order("2026-11-27T00:00:00Z", "00AF", "v/1+2==", "0" * 32)
    assert Order.from_metadata(order.metadata()) == order


@pytest.mark.parametrize(
    ("requested", "existing", "expected"),
    [
        ("a%2Bb.png", ["a+b.png"], "a+b.png"),
        ("a%2Bb.png", ["a+b.png", "a%2Bb.png"], "a%2Bb.png"),
        ("a+b.png", ["a b.png"], "a b.png"),
        ("a+b.png", ["a b.png", "a+b.png"], "a+b.png"),
        ("a+b%20c.png", ["a+b c.png"], "a+b c.png"),
        ("%D8%B5.png", ["ص.png"], "ص.png"),
        ("100%.png", [], "100%.png"),
        ("a%2Bb.png", [], "a%2Bb.png"),
        ("a.png", [], "a.png"),
    ],
)
def test_key_of_a_list_is_decoded_only_if_it_does_not_exist_as_it_is(
    requested: str, existing: Sequence[str], expected: str, s3: FakeS3, served: Model
) -> None:
    s3.objects |= {(BUCKET, key): b"" for key in existing}
    service = Service(served, Settings.from_env({}), "id-1")
    assert s3_objects.with_existing_key(S3Object(BUCKET, requested), service).key == expected


def test_key_without_encoded_characters_needs_no_request(s3: FakeS3, served: Model) -> None:
    s3.errors["head", BUCKET, "a b.png"] = AssertionError("a request")
    s3.errors["head", BUCKET, "results/a+b.png"] = AssertionError("a request")
    service = Service(served, Settings.from_env({}), "id-1")
    for key in ("a b.png", "results/a+b.png"):
        assert s3_objects.with_existing_key(S3Object(BUCKET, key), service).key == key


def test_transient_error_while_a_key_is_looked_up_is_raised(s3: FakeS3, served: Model) -> None:
    s3.errors["head", BUCKET, "a+b.png"] = TransientError("503")
    with pytest.raises(TransientError):
        s3_objects.with_existing_key(S3Object(BUCKET, "a+b.png"), Service(served, Settings.from_env({}), "id-1"))


@pytest.mark.parametrize(("hours", "is_known"), [(0, True), (23, True), (25, False)])
def test_result_of_an_object_that_is_newer_than_the_result_is_unreadable(hours: int, is_known: bool) -> None:
    order = Order("2026-11-27T10:00:00Z", "00AF", "v1", "e1")
    written_at = datetime(2026, 11, 27, 10, tzinfo=UTC) - timedelta(hours=hours)
    assert any(Order.from_metadata(order.metadata(), written_at)) == is_known
