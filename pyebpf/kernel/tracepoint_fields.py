"""A tracepoint's field, and how to read fields out of a tracefs `format` file."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, final

from pyebpf.records import dataclass

FieldKind: TypeAlias = Literal["integer", "user_pointer", "kernel_pointer", "text", "data_loc", "array"]


@final
@dataclass(frozen=True, slots=True)
class TracepointField:
    """A field of a tracepoint's context.

    `integer`, pointers   `size` bytes at `offset`; `count` is 1
    `array`               `count` elements of `size` bytes each
    `text`                `char[count]`; `size` is 1
    `data_loc`            a u32 (`size` 4): the lower 16 bits are the offset of the data in the context, the upper 16
                          its length in bytes; `element` is the size of one element, 1 for text
    """

    name: str
    offset: int
    size: int
    signed: bool
    kind: FieldKind
    count: int
    element: int = 0
    """Only for `data_loc`; 0 elsewhere."""


_FIELD: Final = re.compile(r"\tfield:([^;\n]+);\s*offset:(\d+);\s*size:(\d+);\s*signed:([01]);")
_DECLARATION: Final = re.compile(r"(.*?)\s*\b(\w+)\s*(?:\[(.*)\])?$")
_CHARACTERS: Final = ("char", "const char")
_ELEMENTS: Final = {"u8": 1, "__u8": 1, "char": 1, "u16": 2, "u32": 4, "int": 4, "u64": 8, "long": 8}
"""The last word of an element's type -> bytes, where the `format` doesn't tell."""


def fields_of_format(text: str, *, user_pointers: bool = False) -> tuple[TracepointField, ...]:
    """The fields in `text`, a `format` file, without the `common_*` ones. Lines that don't parse are left out."""
    fields = []
    for declaration, offset, size, signed in _FIELD.findall(text):
        field = _field(declaration, int(offset), int(size), signed == "1", user_pointers)
        if field is not None and not field.name.startswith("common_"):
            fields.append(field)
    return tuple(sorted(fields, key=lambda field: field.offset))


def _field(declaration: str, offset: int, size: int, signed: bool, user_pointers: bool) -> TracepointField | None:
    parts = _DECLARATION.fullmatch(declaration.strip())
    dynamic = re.match(r"(__data_loc|__rel_loc)\s+(.*?)\s*(\[\])?\s+(\w+)$", declaration)
    if dynamic:
        word, element, _, name = dynamic.groups()
        if word == "__rel_loc":  # 5.17; counted from the field's own end. Only user events use it
            return None
        return TracepointField(name, offset, 4, False, "data_loc", 1, _element_size(element) or 1)
    if parts is None:
        return None
    type_name, name, length = parts.groups()
    if "*" in type_name and length is None:
        return TracepointField(name, offset, size, False, "user_pointer" if user_pointers else "kernel_pointer", 1)
    if length is None:
        if size in (1, 2, 4, 8):
            return TracepointField(name, offset, size, signed, "integer", 1)
        return TracepointField(name, offset, 1, False, "array", size)  # a struct by value: its bytes
    if type_name in _CHARACTERS:
        return TracepointField(name, offset, 1, False, "text", size)
    # Older kernels print the length as the source has it (`TASK_COMM_LEN`): the element's size must come from its name.
    count = int(length) if length.isdigit() else 0
    width = size // count if count and size % count == 0 else _element_size(type_name) or 1
    if width not in (1, 2, 4, 8):
        return TracepointField(name, offset, 1, False, "array", size)
    return TracepointField(name, offset, width, signed, "array", size // width)


def _element_size(type_name: str) -> int:
    """Bytes, or 0 if the name isn't known."""
    words = type_name.replace("*", " long").split()
    return _ELEMENTS.get(words[-1], 0) if words else 0
