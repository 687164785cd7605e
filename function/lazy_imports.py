"""Modules that are imported and that most answers do not use: each is loaded when something of it is first asked for.

The standard library's `LazyLoader` loads a module at its second `import` already, and several of these are imported
twice.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any

# None is in a cycle of imports: two threads that load one from both ends would wait for each other.
RARELY_USED = frozenset({
    # Documentation of what numpy has in C, added to it at run time.
    "numpy._core._add_newdocs",
    "numpy._core._add_newdocs_scalars",
    # numpy 2.5 _core/__init__.py imports these "for module-freeze analysis"; its C code asks when it needs them.
    "numpy._core._dtype_ctypes",
    "numpy._core._internal",
    # Names of tags: of a TIFF, and of the EXIF data that cameras write.
    "PIL.ExifTags",
    "PIL.TiffTags",
    "http",  # a load balancer's answers
    "urllib.parse",  # paths and keys that are percent-encoded
    "pickle",  # numpy: arrays of objects, to and from files
    "subprocess",  # Pillow: JPEGs through a program
})  # fmt: skip


class LazyModule(ModuleType):
    """A module whose code has not run; it is an ordinary one as soon as that has."""

    def __getattr__(self, name: str) -> Any:
        """What an ordinary module has after its code has run, for which this is the occasion."""
        if name.startswith("__") and name != "__all__":  # asked of every module there is, by who looks for something
            raise AttributeError(name)
        _load(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Its code runs first, or it would undo this."""
        _load(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        """Its code runs first."""
        _load(self)
        ModuleType.__delattr__(self, name)

    def __dir__(self) -> Iterable[str]:
        """As of any module."""
        _load(self)
        return ModuleType.__dir__(self)


class LazyLoader(SourceFileLoader):
    """Loads a module from its file, but not before something of it is asked for."""

    def __init__(self, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._lock = RLock()  # not a Lock: a half-loaded module may ask itself
        self._begun = False

    def exec_module(self, module: ModuleType) -> None:
        """Not now, unless it is loaded again, by `importlib.reload`."""
        if "__builtins__" in vars(module):  # its code has run
            super().exec_module(module)
        else:
            module.__class__ = LazyModule

    def load(self, module: ModuleType) -> None:
        """Now, if nobody has; whoever comes while it is being done waits.

        Raises:
            ImportError: and whatever else the module's code raises; the next one to ask tries again.
        """
        with self._lock:
            if self._begun:
                return
            self._begun = True
            try:
                super().exec_module(module)
            except BaseException:
                self._begun = False
                raise
            ModuleType.__setattr__(module, "__class__", ModuleType)


class LazyFinder:
    """Finds the unused modules where they are, and has them loaded later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system wants it; None for every other module."""
        if fullname not in RARELY_USED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = LazyLoader(fullname, spec.loader.path)
        return spec


def load() -> None:
    """Load those that wait, where time does not count: before a snapshot."""
    for name in sorted(RARELY_USED):
        module = sys.modules.get(name)
        if isinstance(module, LazyModule):
            _load(module)


def _load(module: LazyModule) -> None:
    if isinstance(module.__loader__, LazyLoader):
        module.__loader__.load(module)


def install() -> None:
    """Have the unused modules loaded later from now on; what is loaded already stays as it is."""
    sys.meta_path.insert(0, LazyFinder())
