"""Perf buffers, as declared at module level: `events = PerfEventArray[Event](pages=64)`."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import Map
from pyebpf.lang.options import the_option
from pyebpf.lang.types import layout_of

MOST_PAGES: Final = 1 << 20
LARGEST: Final = 65_000
"""Bytes of an event: a record of the kernel's, with its header and time, tells its size in 16 bits."""


class _Maker:
    """`PerfEventArray[Event]`, waiting for its pages."""

    def __init__(self, value: layout.Struct) -> None:
        self.value = value

    def __call__(self, *arguments: object, **options: object) -> PerfEventArray:
        example = f"PerfEventArray[{self.value}](pages=64)"
        pages = the_option("PerfEventArray", "pages", arguments, options, example)
        if isinstance(pages, bool) or not isinstance(pages, int) or not 1 <= pages <= MOST_PAGES or pages & (pages - 1):
            raise DeclarationError(f"pages, of which each CPU has so many, are a power of two, not {pages!r}", example)
        return PerfEventArray(self.value, pages)


class PerfEventArray(Map):
    """`PerfEventArray[Event](pages=N)`: events in a buffer of each CPU, of so many pages:
    `BPF_MAP_TYPE_PERF_EVENT_ARRAY` with `bpf_perf_event_output`, Linux 4.4.

    What there was before ring buffers (5.8), which it is read as: events of all CPUs together, in the order of time.
    """

    kind = "PerfEventArray"
    one_type = True

    def __init__(self, *arguments: object, **options: object) -> None:
        if len(arguments) != 2 or options:
            raise DeclarationError("PerfEventArray needs its type in brackets", "PerfEventArray[Event](pages=64)")
        value, pages = arguments
        assert isinstance(value, layout.Struct) and isinstance(pages, int)
        super().__init__(None, value, 0)
        self.pages = pages

    def __class_getitem__(cls, type: object) -> _Maker:
        event = None if isinstance(type, tuple) or type in (bytes, str) else layout_of(type)
        if not isinstance(event, layout.Struct):
            what = "structs, not several types" if isinstance(type, tuple) else f"structs, not {_named(type, event)}"
            raise DeclarationError(f"a perf buffer carries {what}", "PerfEventArray[Event](pages=64)")
        if event.size > LARGEST:
            raise DeclarationError(f"an event in a perf buffer has at most {LARGEST:,} bytes, not {event.size:,}", "")
        return _Maker(event)

    def __repr__(self) -> str:
        return f"PerfEventArray[{self.value}]"


def _named(type: object, found: layout.Type | None) -> str:
    return str(found) if found is not None else getattr(type, "__name__", repr(type))
