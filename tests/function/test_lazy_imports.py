"""Modules that are loaded when something of them is asked for; in processes of their own, where all are yet to load."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from function import lazy_imports
from tests.conftest import ROOT, encode, picture

PREPARE = """
import json, sys
from types import ModuleType
from function import lazy_imports
lazy_imports.install()
def waiting():
    return sorted(name for name in lazy_imports.RARELY_USED if type(sys.modules.get(name)) is lazy_imports.LazyModule)
"""


def told(program: str, **environ: str) -> Any:
    """What a program in a fresh process says as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARE + textwrap.dedent(program)],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_start_and_an_answer_load_none_of_them(model_path: Path, tmp_path: Path) -> None:
    image = tmp_path / "a.jpg"
    image.write_bytes(encode(picture(), "JPEG"))
    program = f"""
        import base64
        from function.handler import lambda_handler
        class Context: aws_request_id = "1"
        data = base64.b64encode(open({str(image)!r}, "rb").read()).decode()
        event = {{"requestContext": {{"http": {{"method": "POST"}}}}, "rawPath": "/", "rawQueryString": "",
                  "headers": {{"content-type": "image/jpeg"}}, "body": data, "isBase64Encoded": True}}
        answer = lambda_handler(event, Context())
        print(json.dumps([answer["statusCode"], waiting()]))
    """
    status, waiting = told(program, MODEL_PATH=str(model_path), METRICS="0")
    assert status == 200
    assert waiting == sorted(lazy_imports.RARELY_USED)


@pytest.mark.parametrize("name", sorted(lazy_imports.RARELY_USED))
def test_each_is_what_it_would_be_once_it_is_asked(name: str) -> None:
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
        if not {name!r}.startswith("numpy._core._add"):  # these cannot be run twice: they add to what is there
            assert names == sorted(vars(importlib.import_module({name!r})))
        print(json.dumps(names))
    """
    assert len(told(program)) > 8  # what the import system itself puts into a module


def test_documentation_is_there_for_who_asks() -> None:
    program = """
        import numpy
        before = numpy.ndarray.__doc__
        numpy._core._add_newdocs.add_newdoc
        print(json.dumps([before, numpy.ndarray.__doc__]))
    """
    before, after = told(program)
    assert not before
    assert "array" in after


def test_numpys_c_code_finds_what_it_asks_for() -> None:
    program = """
        import numpy
        array = numpy.arange(3)
        held = waiting()
        array.ctypes.data
        print(json.dumps([held, waiting(), str(numpy.dtype({"names": ["a"], "formats": ["f4"]}))]))
    """
    held, left, shown = told(program)
    assert "numpy._core._internal" in set(held) - set(left)
    assert shown == "[('a', '<f4')]"


def test_before_a_snapshot_all_of_them_are_loaded(model_path: Path) -> None:
    program = """
        import function.handler
        from function import snapstart
        held = waiting()
        snapstart.before_snapshot(len)
        print(json.dumps([held, waiting()]))
    """
    held, left = told(program, MODEL_PATH=str(model_path))
    assert len(held) > 5
    assert left == []


def own_module(folder: Path, text: str) -> str:
    """A program's beginning that has a module of ours lazy_imports."""
    (folder / "later.py").write_text(textwrap.dedent(text))
    return f"""
        sys.path.insert(0, {str(folder)!r})
        lazy_imports.RARELY_USED = frozenset({{"later"}})
        import later
    """


def test_whoever_asks_while_it_is_loaded_waits_for_all_of_it(tmp_path: Path) -> None:
    text = """
        import time
        first = 1
        time.sleep(0.2)
        second = 2
    """
    program = own_module(tmp_path, text) + """
        import threading
        found = []
        threads = [threading.Thread(target=lambda: found.append(later.second)) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps(found))
    """  # fmt: skip
    assert told(program) == [2, 2, 2, 2]


def test_a_module_may_ask_itself_while_it_is_loaded(tmp_path: Path) -> None:
    text = """
        import sys
        first = 1
        found = (sys.modules[__name__].first, hasattr(sys.modules[__name__], "second"))
        second = 2
    """
    assert told(own_module(tmp_path, text) + "    print(json.dumps(later.found))\n") == [1, False]


def test_an_error_is_raised_where_the_module_is_used_and_again(tmp_path: Path) -> None:
    text = """
        raise RuntimeError("broken")
    """
    program = own_module(tmp_path, text) + """
        found = []
        for _ in range(2):
            try:
                later.anything
            except RuntimeError as error:
                found.append(str(error))
        print(json.dumps(found))
    """  # fmt: skip
    assert told(program) == ["broken", "broken"]


def test_a_module_with_a_getattr_of_its_own_keeps_it(tmp_path: Path) -> None:
    text = """
        def __getattr__(name):
            return name.upper()
    """
    assert told(own_module(tmp_path, text) + "    print(json.dumps([later.word, later.other]))\n") == ["WORD", "OTHER"]


def test_names_are_taken_from_it_as_from_any_other(tmp_path: Path) -> None:
    text = """
        __all__ = ["one"]
        one, two = 1, 2
    """
    program = own_module(tmp_path, text) + """
        from later import *
        print(json.dumps([one, "two" in globals()]))
    """  # fmt: skip
    assert told(program) == [1, False]


def test_its_traceback_shows_its_lines(tmp_path: Path) -> None:
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
    assert 'raise ValueError("here")' in told(program)


def test_what_is_put_into_it_and_taken_out_of_it_stays_so(tmp_path: Path) -> None:
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
    assert told(program) == ["mine", 2, False, 2]


def test_it_lists_what_it_has_and_can_be_loaded_again(tmp_path: Path) -> None:
    text = """
        one = 1
    """
    program = own_module(tmp_path, text) + """
        import importlib
        listed = "one" in dir(later)
        later.one = 2
        print(json.dumps([listed, importlib.reload(later).one, type(later) is ModuleType]))
    """  # fmt: skip
    assert told(program) == [True, 1, True]


def test_who_walks_over_all_modules_loads_none(tmp_path: Path) -> None:
    text = """
        import this_is_not_there
    """
    program = own_module(tmp_path, text) + """
        import inspect
        for module in sys.modules.values():
            getattr(module, "__version__", None), hasattr(module, "__path__"), hasattr(module, "__wrapped__")
        inspect.getmodule(told) if "told" in globals() else inspect.stack()
        print(json.dumps(type(later) is lazy_imports.LazyModule))
    """  # fmt: skip
    assert told(program) is True


def test_a_picture_with_tags_is_turned_as_it_says(model_path: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = tmp_path / "a.jpg"
    image.write_bytes(encode(picture((64, 32)), "JPEG", exif=exif))
    program = f"""
        import function.handler
        from function.preprocess import image
        before = waiting()
        size = image.read(open({str(image)!r}, "rb").read(), 10_000).size
        print(json.dumps([size, sorted(set(before) - set(waiting()))]))
    """
    assert told(program, MODEL_PATH=str(model_path)) == [[32, 64], ["PIL.ExifTags", "PIL.TiffTags"]]
