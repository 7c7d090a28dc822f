"""Printed lines: records of the built-in ring, formatted by Python's own rules."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from pyebpf.decode import decoder
from pyebpf.metadata import PrintSite
from pyebpf.views.rings import Records

CONVERSIONS: dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}


def format_record(sites: tuple[PrintSite, ...], record: bytes) -> str:
    """The line that a record stands for."""
    if len(record) < 4:
        return repr(record)
    (index,) = struct.unpack_from("=I", record)
    if index >= len(sites) or len(record) < sites[index].record.size:
        return repr(record)
    return _line(sites[index], record)


def _line(site: PrintSite, record: bytes) -> str:
    values = {field.name: decoder(field.type)(record, field.offset) for field in site.record.fields}
    parts = []
    for part in site.parts:
        if part.field is None:
            parts.append(part.text)
            continue
        value = values[part.field]
        if part.conversion:
            value = CONVERSIONS[part.conversion](value)
        parts.append(format(value, part.spec))
    return "".join(parts)


class Prints:
    """What the programs print, line by line; an iterable that ends when the session closes."""

    def __init__(self, sites: tuple[PrintSite, ...], ring: Records | None, dropped: Callable[[], int]) -> None:
        self._sites = sites
        self.ring = ring
        self._dropped = dropped

    def poll(self, timeout: float | None = 0) -> list[str]:
        """Lines that are there by now, waiting up to `timeout` seconds (None: for ever) for the first one."""
        if self.ring is None:
            return []
        records = self.ring.read() if timeout == 0 else self.ring.wait(timeout)
        return [format_record(self._sites, record) for record in records]

    def __iter__(self) -> Iterator[str]:
        while self.ring is not None and not self.ring.closed:
            yield from self.poll(None)

    @property
    def dropped(self) -> int:
        """Lines that found their ring full."""
        return self._dropped()
