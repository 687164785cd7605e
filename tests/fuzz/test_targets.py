"""Every source, front end, route, image format, datatype, task and option has a fuzz target."""

import re
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from function import metadata, request, sources
from function.api import inference_routes
from function.preprocess import image
from function.sources import front_ends, routes
from function.tensors import signature
from scripts.fuzz.targets import STRUCTURED, TARGETS
from tests.fuzz import event_targets, image_targets, runtime, targets, values

LOADED = targets.load()
COVERED = frozenset(part for target in LOADED.values() for part in target.covers)


def covered(kind: str) -> set[str]:
    """Return the parts of a kind that the targets state."""
    return {part.partition(":")[2] for part in COVERED if part.startswith(f"{kind}:")}


def test_the_command_lists_the_targets_of_the_tests() -> None:
    assert list(TARGETS) == list(LOADED)


@pytest.mark.parametrize("name", TARGETS)
def test_the_engine_of_a_target_fits_its_input(name: str) -> None:
    assert (TARGETS[name].engine == STRUCTURED) == (LOADED[name].strategy is not None)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_at_least_two_seeds(name: str) -> None:
    assert len(set(LOADED[name].seeds())) >= 2


def test_every_source_has_a_target() -> None:
    assert covered("source") == {*map(sources.name, sources.SOURCES), "unknown"}


@pytest.mark.parametrize("name", event_targets.FILES)
def test_the_seeds_of_a_target_are_events_of_its_sources(name: str) -> None:
    found = {runtime.event_name(event) for event in event_targets.base_events(name)}
    assert set(event_targets.SOURCES[name]) <= found


def test_every_front_end_has_a_target() -> None:
    known = {value.name for value in vars(front_ends).values() if isinstance(value, front_ends.FrontEnd)}
    assert covered("front end") == known


def test_every_documented_path_is_in_the_targets() -> None:
    documented = f"{routes.AVAILABLE}, {inference_routes.AVAILABLE}".replace("NAME", "add")
    paths = {*re.findall(r"(?<= )/[^\s,]*", f" {documented}"), *(f"/{name}" for name in routes.MODEL_ENDPOINTS)}
    assert len(paths) >= 9
    assert paths <= covered("path")


def test_every_image_format_has_a_target() -> None:
    known = {one.start for one in image.FORMATS} | {image.AVIF.mark}
    assert {start for starts in image_targets.STARTS.values() for start in starts} == known
    assert covered("format") == set(image_targets.STARTS)


@pytest.mark.parametrize("name", image_targets.STARTS)
def test_a_format_has_a_seed_for_each_of_its_beginnings(name: str) -> None:
    starts = {start for seed in image_targets.seeds(name) for start in image_targets.STARTS[name] if start in seed[:12]}
    assert starts == set(image_targets.STARTS[name])


def test_every_option_has_values() -> None:
    assert set(values.OPTION_VALUES) == {option.name for option in request.OPTIONS}
    assert covered("option") == set(values.OPTION_VALUES)


@pytest.mark.parametrize("name", request.BY_NAME)
def test_every_name_of_an_option_is_in_a_query(name: str) -> None:
    assert any(query.startswith(f"{name}=") for query in values.queries())


@pytest.mark.parametrize("name", values.OPTION_VALUES)
def test_the_first_value_of_an_option_is_valid(name: str) -> None:
    request.read_options({name: values.OPTION_VALUES[name][0]})


def test_both_kinds_of_readings_have_a_target() -> None:
    assert covered("reading") == {"bedrock", "dial"}


def test_every_datatype_has_a_model() -> None:
    assert covered("datatype") == {datatype.name for datatype in signature.BY_ONNX_NAME.values()}


def test_every_task_has_a_target() -> None:
    assert covered("task") == set(metadata.TASKS)


@pytest.mark.parametrize("name", event_targets.FILES)
def test_the_search_changes_fields_and_adds_faults(name: str) -> None:
    strategy = LOADED[name].strategy
    assert strategy
    cases: list[Any] = []
    limits = settings(max_examples=40, database=None, deadline=None, phases=[Phase.generate], derandomize=True)
    limits(given(strategy())(lambda case: cases.append(case)))()
    known = event_targets.base_events(name)
    assert len([case for case in cases if case["event"] not in known]) >= 10
    assert {"faults", "environ", "remaining_ms", "web"} <= {field for case in cases for field in case}
