"""Classes by id or name."""

from time import process_time

from function.classes import class_ids


def test_many_names_of_many_classes_are_found_in_one_pass() -> None:
    """Each of 10,000 requested names takes one look-up, not one comparison with each of 5,000 names."""
    names = dict(enumerate(f"class {index}" for index in range(5000)))
    requested = tuple(f" {name} " if index % 2 else name for index, name in names.items()) * 2
    started = process_time()
    assert class_ids(requested, names).tolist() == list(names)
    assert process_time() - started < 0.5
