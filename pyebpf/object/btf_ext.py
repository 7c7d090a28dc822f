"""`.BTF.ext`: which instruction comes from which function, line and CO-RE access.

Source: the kernel's documentation, "BPF Type Format (BTF)", section on `.BTF.ext`. Byte offsets count from the
start of the section that the record is for.
"""

from __future__ import annotations

import struct
from dataclasses import field
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, final

from pyebpf.object.btf_raw import RawBtf
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import CoreRelocation, LineRecord
from pyebpf.records import dataclass

_SHORTEST: Final = 24
"""Bytes of a header that knows of functions and lines; with CO-RE it has 32. Longer ones say what isn't known here."""
_KNOWN: Final = 32
_RECORD: Final = 8


@final
@dataclass(frozen=True, slots=True)
class SectionInfo:
    """What `.BTF.ext` says of one section."""

    functions: dict[int, int] = field(default_factory=dict)
    """Byte offset to BTF id."""
    lines: list[LineRecord] = field(default_factory=list)
    core: list[CoreRelocation] = field(default_factory=list)


def read_btf_ext(data: bytes, btf: RawBtf) -> dict[str, SectionInfo]:
    """Records by section name, in the order of their offsets. Raises ObjectError."""
    found: dict[str, SectionInfo] = {}
    order = btf.order
    seen = 0
    string = lru_cache(maxsize=None)(btf.string)  # records have the same few, of which a file's name is one
    try:
        magic, _, _, header = struct.unpack_from(order + "HBBI", data)
        places = list(struct.iter_unpack(order + "II", data[8 : min(header, 32)]))
    except struct.error:
        raise ObjectError("section .BTF.ext is too short") from None
    if magic != 0xEB9F:
        raise ObjectError("section .BTF.ext does not start with BTF's magic number")
    if not _SHORTEST <= header <= len(data):
        raise ObjectError(f"section .BTF.ext has a header of {header} bytes")
    if header <= _KNOWN and len(data) - header - max((offset + size for offset, size in places), default=0) >= _RECORD:
        raise ObjectError("section .BTF.ext has more in it than its header says")
    for number, (offset, size) in enumerate(places):
        if not size:
            continue
        words = 2 if number == 0 else 4
        for section, records in _records(data, header + offset, size, words, btf):
            info = found.setdefault(section, SectionInfo())
            if number == 0:
                info.functions.update(records)
            elif number == 1:
                info.lines.extend(
                    LineRecord(at, string(file), string(text), place >> 10, place & 0x3FF)
                    for at, file, text, place in records
                )
            else:
                for at, type_id, access, kind in records:
                    info.core.append(CoreRelocation(at, type_id, string(access), kind, seen))
                    seen += 1
    for info in found.values():
        info.lines.sort(key=attrgetter("offset"))
        info.core.sort(key=attrgetter("offset"))
    return found


def _records(data: bytes, start: int, size: int, words: int, btf: RawBtf) -> list[tuple[str, list[Any]]]:
    """Section by section, each record as numbers: the first `words` of it."""
    end = start + size
    if end > len(data) or size < 4:
        raise ObjectError("section .BTF.ext is cut off")
    record_size = struct.unpack_from(btf.order + "I", data, start)[0]
    if record_size < 4 * words or record_size > 4096:
        raise ObjectError(f"section .BTF.ext has records of {record_size} bytes")
    layout = struct.Struct(f"{btf.order}{words}I{record_size - 4 * words}x")
    found = []
    at = start + 4
    while at < end:
        if at + 8 > end:
            raise ObjectError("section .BTF.ext is cut off")
        name, count = struct.unpack_from(btf.order + "II", data, at)
        at += 8
        if at + count * record_size > end:
            raise ObjectError("section .BTF.ext is cut off")
        end_of_section = at + count * record_size
        found.append((btf.string(name), list(layout.iter_unpack(data[at:end_of_section]))))
        at = end_of_section
    return found
