"""One invocation of the mixed soak test: its event, the objects that it needs, and the response that it must get."""

from __future__ import annotations

from typing import Any, NamedTuple

from scripts.soak.fault_proxy import Fault
from scripts.soak.fixtures import SoakObject
from scripts.soak.images import KnownImage

TRANSIENT = ("TransientError", "DeadlineExceeded")
RAISING = ("rows", "row")  # forms of events whose transient errors are raised, so that the platform invokes again


class Item(NamedTuple):
    """Image of an invocation: what its row of the response must say.

    Attributes:
        image: the image.
        key: its key in S3; empty for an image in the request.
        error: error types of which the row must have one; empty for a success.
        is_reported: the error is reported for another delivery and leaves no result.
    """

    image: KnownImage
    key: str = ""
    error: tuple[str, ...] = ()
    is_reported: bool = False

    @property
    def stored(self) -> SoakObject:
        """The object in S3."""
        return SoakObject(self.key, self.image.data, bool(self.image.error), None)


class Call(NamedTuple):
    """One invocation.

    Attributes:
        source: name of the source, for the report.
        form: form of the response, a key of `responses.CHECKS`.
        event: the event.
        items: the images, in the order of the event.
        error: error types of the whole response; empty for a success.
        stores: the function writes a result for each object.
        fault: fault of S3 that the first object meets until it was reported.
    """

    source: str
    form: str
    event: Any
    items: tuple[Item, ...] = ()
    error: tuple[str, ...] = ()
    stores: bool = False
    fault: Fault | None = None

    @property
    def objects(self) -> list[SoakObject]:
        """The objects that must have a result at the end."""
        return [item.stored for item in self.items if self.stores and not item.is_reported]

    @property
    def fault_path(self) -> str:
        """Path of the requests to S3 that meet the fault; empty if there is none."""
        if self.fault is None:
            return ""
        return self.items[self._first()].stored._replace(fault=self.fault).fault_path

    def with_fault(self) -> Call:
        """Return the invocation with what its fault makes of the response."""
        if self.fault is None or self.fault.delay_s:
            return self
        first = self._first()
        failed = self.items[first]._replace(error=TRANSIENT, is_reported=True)
        items = (*self.items[:first], failed, *self.items[first + 1 :])
        if self.form in RAISING:
            return self._replace(form="raised", items=items, error=TRANSIENT)
        return self._replace(items=items)

    def _first(self) -> int:
        """Return the index of the first image in S3."""
        return next(index for index, item in enumerate(self.items) if item.key)
