"""Lazy loading of modules that other libraries import and that few requests use.

A module in RARELY_USED runs when one of its attributes is first read. The `LazyLoader` of the standard library is not
sufficient: it runs a module at its second `import`, and several of these modules are imported twice.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any

# None of them is part of an import cycle: two threads that load a cycle from two sides would wait for each other.
RARELY_USED = frozenset({
    # They add the documentation of NumPy's C code at run time.
    "numpy._core._add_newdocs",
    "numpy._core._add_newdocs_scalars",
    # numpy 2.5 _core/__init__.py imports these "for module-freeze analysis"; its C code imports them when needed.
    "numpy._core._dtype_ctypes",
    "numpy._core._internal",
    # Names of the tags of TIFF files, and of the EXIF data that cameras write.
    "PIL.ExifTags",
    "PIL.TiffTags",
    "http",  # responses to a load balancer
    "urllib.parse",  # percent-encoded paths and keys
    "pickle",  # numpy: arrays of objects, to and from files
    "subprocess",  # Pillow: JPEG through an external program
})  # fmt: skip


class LazyModule(ModuleType):
    """Module whose code has not run yet; it becomes an ordinary module when the code has run."""

    def __getattr__(self, name: str) -> Any:
        """Run the module's code and return the attribute."""
        if name.startswith("__") and name != "__all__":  # code that searches all modules reads such names
            raise AttributeError(name)
        _load(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Run the module's code first, because it would overwrite the new value later."""
        _load(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        """Run the module's code first."""
        _load(self)
        ModuleType.__delattr__(self, name)

    def __dir__(self) -> Iterable[str]:
        """Run the module's code and return its names."""
        _load(self)
        return ModuleType.__dir__(self)


class LazyLoader(SourceFileLoader):
    """Loader that runs a module's code at the first use of the module, not at its import."""

    def __init__(self, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._lock = RLock()  # not a Lock: a half-loaded module may read its own attributes
        self._started = False

    def exec_module(self, module: ModuleType) -> None:
        """Make the module lazy; run its code only for `importlib.reload`."""
        if "__builtins__" in vars(module):  # its code has run
            super().exec_module(module)
        else:
            module.__class__ = LazyModule

    def load(self, module: ModuleType) -> None:
        """Run the module's code, if it has not run; other threads wait for the end.

        Raises:
            ImportError: or any other exception of the module's code; the next use runs the code again.
        """
        with self._lock:
            if self._started:
                return
            self._started = True
            try:
                super().exec_module(module)
            except BaseException:
                self._started = False
                raise
            ModuleType.__setattr__(module, "__class__", ModuleType)


class LazyFinder:
    """Finder that gives the modules of RARELY_USED a `LazyLoader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a rarely used module, and None for every other module."""
        if fullname not in RARELY_USED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = LazyLoader(fullname, spec.loader.path)
        return spec


def install() -> None:
    """Make the rarely used modules lazy from now on; modules that are already loaded stay as they are."""
    sys.meta_path.insert(0, LazyFinder())


def load_all() -> None:
    """Run the code of all lazy modules, at a time that no request waits for: before a snapshot."""
    for name in sorted(RARELY_USED):
        module = sys.modules.get(name)
        if isinstance(module, LazyModule):
            _load(module)


def _load(module: LazyModule) -> None:
    if isinstance(module.__loader__, LazyLoader):
        module.__loader__.load(module)
