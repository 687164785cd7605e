"""The metrics and the fields of the line of metrics against docs/metrics.md."""

import json
import re

from function import metrics
from function.errors import Forbidden, InternalError, NotFound
from function.results import Inference, InferenceTiming, Reading
from tests.docs import pages
from tests.function.test_metrics import WARM, prediction_of

PAGE = pages.DOCS / "metrics.md"
ENVELOPE = {"_aws", "level", "timestamp", metrics.DIMENSION}


def in_tables() -> set[str]:
    cells = (cell for _, cell in pages.table_cells(PAGE))
    return {code[1] for cell in cells for code in pages.INLINE_CODE.findall(cell)}


def test_every_metric_is_documented() -> None:
    assert set(metrics.UNITS) <= in_tables()


def test_every_field_of_the_line_is_documented() -> None:
    many = prediction_of(*(f"class {number}" for number in range(metrics.MAX_CLASSES + 1)))
    read = many._replace(readings=(Reading("4.2 bar", "a.b", 800.0),))
    results = [many, read, Inference({}, InferenceTiming(1, 2, 3)), NotFound("x"), InternalError("y"), Forbidden("z")]
    fields = set(json.loads(metrics.line(WARM._replace(init_ms=1.0), results))) - ENVELOPE
    general = {re.sub(r"^Errors\.NotFound$", "Errors.<type>", name) for name in fields}
    general = {re.sub(r"^Detections\..*", "Detections.<class>", name) for name in general}
    assert general <= in_tables()


def test_documented_price_is_that_of_the_number_of_metrics() -> None:
    rows = re.findall(r"^\| .* \| at most (\d+)[^|]* \| ([\d.]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 3
    assert [float(price) for _, price in rows] == [round(0.3 * int(count), 2) for count, _ in rows]
