"""What an ELF file says, read a second time and by other code than the project's: nothing of it may get lost in
silence.

An object that the reader takes is right if each record of the file is somewhere in it: instructions as they are, each
relocation of them, each CO-RE record, each function that can be called from outside, each map, the first contents of
data. What the reader doesn't understand it has to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pyebpf.object.specs import FunctionSpec, Object

_SECTION = "IIQQQQIIQQ"
SYMTAB, REL, NOBITS = 2, 9, 8
ALLOC, EXEC = 2, 4
FUNC, OBJECT_SYMBOL = 2, 1


@dataclass(frozen=True)
class Section:
    index: int
    name: str
    type: int
    flags: int
    offset: int
    size: int
    link: int
    info: int


@dataclass(frozen=True)
class Symbol:
    name: str
    type: int
    binding: int
    section: int
    value: int
    size: int


class File:
    """Raises struct.error, IndexError or UnicodeDecodeError for what can't be read: then there is nothing to claim."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[5] == 1 else ">"
        start = self._unpack("Q", 40)[0]
        count, names = self._unpack("HH", 60)
        headers = [self._unpack(_SECTION, start + 64 * number) for number in range(count)]
        table = headers[names]
        self.sections = [
            Section(number, self.text(table[4], table[5], h[0]), h[1], h[2], h[4], h[5], h[6], h[7])
            for number, h in enumerate(headers)
        ]
        self.symbols = list(self._symbols())

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + form, self.data, at)

    def text(self, start: int, size: int, offset: int) -> str:
        end = self.data.index(b"\0", start + offset, start + size)
        return self.data[start + offset : end].decode("utf-8", "replace")

    def contents(self, section: Section) -> bytes:
        return b"" if section.type == NOBITS else self.data[section.offset : section.offset + section.size]

    def _symbols(self) -> Iterator[Symbol]:
        table = next(section for section in self.sections if section.type == SYMTAB)
        names = self.sections[table.link]
        for at in range(table.offset, table.offset + table.size, 24):
            name, info, _, section, value, size = self._unpack("IBBHQQ", at)
            text = self.text(names.offset, names.size, name) if names.size else ""
            yield Symbol(text, info & 15, info >> 4, section, value, size)

    def relocations(self) -> Iterator[tuple[Section, int, int, Symbol]]:
        """Where, of which type, and against what."""
        for table in self.sections:
            if table.type == REL and 0 < table.info < len(self.sections):
                for at in range(table.offset, table.offset + table.size, 16):
                    offset, info = self._unpack("QQ", at)
                    yield self.sections[table.info], offset, info & 0xFFFFFFFF, self.symbols[info >> 32]

    def core(self) -> Iterator[tuple[str, int]]:
        """Section and offset of each CO-RE record."""
        named = {section.name: section for section in reversed(self.sections)}
        if ".BTF" not in named or ".BTF.ext" not in named:
            return
        btf, ext = named[".BTF"], named[".BTF.ext"]
        header, _, _, strings, length = self._unpack("IIIII", btf.offset + 4)
        own = self._unpack("I", ext.offset + 4)[0]
        if own < 32:
            return
        start, size = self._unpack("II", ext.offset + 24)
        at = ext.offset + own + start
        end = at + size
        if not size:
            return
        record = self._unpack("I", at)[0]
        at += 4
        while at < end:
            name, count = self._unpack("II", at)
            section = self.text(btf.offset + header + strings, length, name)
            for number in range(count):
                yield section, self._unpack("I", at + 8 + record * number)[0]
            at += 8 + record * count


def lost(data: bytes, obj: Object) -> str:
    """What the file says and `obj` doesn't; "" if nothing."""
    try:
        file = File(data)
        return next(_lost(file, obj), "")
    except (struct.error, ValueError, IndexError, StopIteration):
        return ""


def _of_maps(file: File, symbol: Symbol) -> bool:
    return 0 < symbol.section < len(file.sections) and file.sections[symbol.section].name in (".maps", "maps")


def _lost(file: File, obj: Object) -> Iterator[str]:
    functions = (*obj.functions, *(program.function for program in obj.programs))
    named: dict[str, list[Section]] = {}
    for section in file.sections:
        named.setdefault(section.name, []).append(section)
    by_section: dict[str, list[FunctionSpec]] = {}
    for function in functions:
        by_section.setdefault(function.section, []).append(function)
        code = (file.contents(section)[function.section_offset :] for section in named[function.section])
        if not any(rest.startswith(function.code) for rest in code):
            yield f"code of {function.name}"

    def holds(section: str, offset: int, what: str) -> bool:
        for function in by_section.get(section, ()):
            within = offset - function.section_offset
            if 0 <= within < len(function.code):
                if what == "relocation" and any(relocation.offset == within for relocation in function.relocations):
                    return True
                if what == "core" and any(record.offset == offset for record in function.core):
                    return True
        return False

    def is_code(name: str, offset: int, index: int = 0) -> bool:
        """Of a function: what no symbol says is a function, such as a weak one that was left over, nobody runs."""
        for s in file.symbols:
            if s.type != FUNC or not 0 < s.section < len(file.sections) or not s.value <= offset < s.value + s.size:
                continue
            if s.section == index or (not index and file.sections[s.section].name == name):
                return True
        return False

    for section, offset, _, symbol in file.relocations():
        if (
            section.flags & EXEC
            and is_code(section.name, offset, section.index)
            and not holds(section.name, offset, "relocation")
        ):
            yield f"relocation of {symbol.name} at {offset} of {section.name}"
    for name, offset in file.core():
        executable = any(section.flags & EXEC for section in named.get(name, ()))
        if executable and is_code(name, offset) and not holds(name, offset, "core"):
            yield f"CO-RE record at {offset} of {name}"
    known = {function.name for function in functions}
    defined = {(s.section, s.value) for s in file.symbols if s.type == OBJECT_SYMBOL and _of_maps(file, s)}
    if len(defined) > len([spec for spec in obj.maps if spec.initial is None]):
        yield f"one of {len(defined)} maps"
    for symbol in file.symbols:
        section = file.sections[symbol.section] if 0 < symbol.section < len(file.sections) else None
        if section is None or not symbol.name:
            continue
        if symbol.type == FUNC and section.flags & EXEC and symbol.size and symbol.name not in known:
            at = {(function.section, function.section_offset) for function in functions}
            if (section.name, symbol.value) not in at:
                yield f"function {symbol.name}"
    for spec in obj.maps:
        sections = named.get(spec.name, ())
        if spec.initial is not None and not any(
            spec.initial == (bytes(s.size) if s.type == NOBITS else file.contents(s)) for s in sections
        ):
            yield f"contents of {spec.name}"
