"""Lazy modules, each test in a new process in which none of them is loaded."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from function import lazy_imports
from tests.conftest import ROOT, encode, image_with_box

PREPARE = """
import json, sys
from types import ModuleType
from function import lazy_imports
lazy_imports.install()
def lazy():
    return sorted(name for name in lazy_imports.RARELY_USED if type(sys.modules.get(name)) is lazy_imports.LazyModule)
"""


def run(program: str, **environ: str) -> Any:
    """Run a program in a new process and return the JSON value of its last line."""
    finished = subprocess.run(
        [sys.executable, "-c", PREPARE + textwrap.dedent(program)],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_start_and_first_response_load_no_lazy_module(model_path: Path, tmp_path: Path) -> None:
    image = tmp_path / "a.jpg"
    image.write_bytes(encode(image_with_box(), "JPEG"))
    program = f"""
        import base64
        from function.handler import lambda_handler
        class Context: aws_request_id = "1"
        data = base64.b64encode(open({str(image)!r}, "rb").read()).decode()
        event = {{"requestContext": {{"http": {{"method": "POST"}}}}, "rawPath": "/", "rawQueryString": "",
                  "headers": {{"content-type": "image/jpeg"}}, "body": data, "isBase64Encoded": True}}
        response = lambda_handler(event, Context())
        print(json.dumps([response["statusCode"], lazy()]))
    """
    status, lazy = run(program, MODEL_PATH=str(model_path), METRICS="0")
    assert status == 200
    assert lazy == sorted(lazy_imports.RARELY_USED)


@pytest.mark.parametrize("name", sorted(lazy_imports.RARELY_USED))
def test_loaded_lazy_module_equals_the_ordinary_one(name: str) -> None:
    program = f"""
        import importlib, numpy, PIL.Image
        module = importlib.import_module({name!r})
        assert type(module) is lazy_imports.LazyModule, type(module)
        try:
            module.no_such_name
        except AttributeError as error:
            assert "no_such_name" in str(error)
        assert type(module) is ModuleType
        names = sorted(vars(module))
        lazy_imports.RARELY_USED = frozenset()
        del sys.modules[{name!r}]
        if not {name!r}.startswith("numpy._core._add"):  # these cannot run twice: they add to existing objects
            assert names == sorted(vars(importlib.import_module({name!r})))
        print(json.dumps(names))
    """
    assert len(run(program)) > 8  # more than the names that the import system sets in every module


def test_numpy_documentation_is_loaded_when_it_is_read() -> None:
    program = """
        import numpy
        before = numpy.ndarray.__doc__
        numpy._core._add_newdocs.add_newdoc
        print(json.dumps([before, numpy.ndarray.__doc__]))
    """
    before, after = run(program)
    assert not before
    assert "array" in after


def test_numpy_c_code_loads_the_lazy_modules_that_it_needs() -> None:
    program = """
        import numpy
        array = numpy.arange(3)
        before = lazy()
        array.ctypes.data
        print(json.dumps([before, lazy(), str(numpy.dtype({"names": ["a"], "formats": ["f4"]}))]))
    """
    before, after, text = run(program)
    assert "numpy._core._internal" in set(before) - set(after)
    assert text == "[('a', '<f4')]"


def test_all_lazy_modules_are_loaded_before_a_snapshot(model_path: Path) -> None:
    program = """
        import function.handler
        from function import snapstart
        before = lazy()
        snapstart.before_snapshot(len)
        print(json.dumps([before, lazy()]))
    """
    before, after = run(program, MODEL_PATH=str(model_path))
    assert len(before) > 5
    assert after == []


def own_module(folder: Path, text: str) -> str:
    """Return the start of a program in which the module `later` is lazy and has this text."""
    (folder / "later.py").write_text(textwrap.dedent(text))
    return f"""
        sys.path.insert(0, {str(folder)!r})
        lazy_imports.RARELY_USED = frozenset({{"later"}})
        import later
    """


def test_other_threads_wait_until_the_module_is_loaded(tmp_path: Path) -> None:
    text = """
        import time
        first = 1
        time.sleep(0.2)
        second = 2
    """
    program = own_module(tmp_path, text) + """
        import threading
        values = []
        threads = [threading.Thread(target=lambda: values.append(later.second)) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps(values))
    """  # fmt: skip
    assert run(program) == [2, 2, 2, 2]


def test_module_may_read_its_own_attributes_while_it_loads(tmp_path: Path) -> None:
    text = """
        import sys
        first = 1
        seen = (sys.modules[__name__].first, hasattr(sys.modules[__name__], "second"))
        second = 2
    """
    assert run(own_module(tmp_path, text) + "    print(json.dumps(later.seen))\n") == [1, False]


def test_exception_of_the_module_is_raised_at_each_use(tmp_path: Path) -> None:
    text = """
        raise RuntimeError("broken")
    """
    program = own_module(tmp_path, text) + """
        messages = []
        for _ in range(2):
            try:
                later.anything
            except RuntimeError as error:
                messages.append(str(error))
        print(json.dumps(messages))
    """  # fmt: skip
    assert run(program) == ["broken", "broken"]


def test_getattr_function_of_a_module_still_works(tmp_path: Path) -> None:
    text = """
        def __getattr__(name):
            return name.upper()
    """
    assert run(own_module(tmp_path, text) + "    print(json.dumps([later.word, later.other]))\n") == ["WORD", "OTHER"]


def test_star_import_loads_the_names_of_all(tmp_path: Path) -> None:
    text = """
        __all__ = ["one"]
        one, two = 1, 2
    """
    program = own_module(tmp_path, text) + """
        from later import *
        print(json.dumps([one, "two" in globals()]))
    """  # fmt: skip
    assert run(program) == [1, False]


def test_traceback_shows_the_source_lines(tmp_path: Path) -> None:
    text = """
        def fail():
            raise ValueError("here")
    """
    program = own_module(tmp_path, text) + """
        import traceback
        try:
            later.fail()
        except ValueError:
            print(json.dumps(traceback.format_exc()))
    """  # fmt: skip
    assert 'raise ValueError("here")' in run(program)


def test_assigned_and_deleted_attributes_persist(tmp_path: Path) -> None:
    text = """
        one, two = 1, 2
    """
    program = own_module(tmp_path, text) + """
        later.one = "mine"
        changed = [later.one, later.two]
        lazy_imports.RARELY_USED = frozenset()
        del sys.modules["later"]
        lazy_imports.RARELY_USED = frozenset({"later"})
        import later
        del later.one
        print(json.dumps([*changed, hasattr(later, "one"), later.two]))
    """  # fmt: skip
    assert run(program) == ["mine", 2, False, 2]


def test_dir_and_reload_work(tmp_path: Path) -> None:
    text = """
        one = 1
    """
    program = own_module(tmp_path, text) + """
        import importlib
        listed = "one" in dir(later)
        later.one = 2
        print(json.dumps([listed, importlib.reload(later).one, type(later) is ModuleType]))
    """  # fmt: skip
    assert run(program) == [True, 1, True]


def test_iterating_over_sys_modules_loads_nothing(tmp_path: Path) -> None:
    text = """
        import this_is_not_there
    """
    program = own_module(tmp_path, text) + """
        import inspect
        for module in sys.modules.values():
            getattr(module, "__version__", None), hasattr(module, "__path__"), hasattr(module, "__wrapped__")
        inspect.getmodule(lazy), inspect.stack()
        print(json.dumps(type(later) is lazy_imports.LazyModule))
    """  # fmt: skip
    assert run(program) is True


def test_exif_orientation_loads_the_tag_names(model_path: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = tmp_path / "a.jpg"
    image.write_bytes(encode(image_with_box((64, 32)), "JPEG", exif=exif))
    program = f"""
        import function.handler
        from function.preprocess import image
        before = lazy()
        size = image.read(open({str(image)!r}, "rb").read(), 10_000).size
        print(json.dumps([size, sorted(set(before) - set(lazy()))]))
    """
    assert run(program, MODEL_PATH=str(model_path)) == [[32, 64], ["PIL.ExifTags", "PIL.TiffTags"]]
