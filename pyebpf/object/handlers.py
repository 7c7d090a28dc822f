"""Which function the kernel calls when a program throws: a tag on the program says it (`__exception_cb`, Linux 6.7)."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.btf_types import Kind
from pyebpf.object.btf_raw import RawBtf
from pyebpf.object.errors import ObjectError

TAG: Final = "exception_callback:"
"""How the tag begins; what follows is the function's name."""
_WHOLE: Final = 0xFFFFFFFF
"""`component_idx` of tags that aren't on a parameter."""


def exception_handlers(btf: RawBtf) -> dict[str, str]:
    """Names of handlers by those of their programs. Raises ObjectError."""
    found: dict[str, str] = {}
    for record in btf.records:
        if record.kind is not Kind.DECL_TAG or not record.name.startswith(TAG) or btf.word(record.at + 12) != _WHOLE:
            continue
        number = btf.word(record.at + 8)
        target = btf.records[number - 1] if 0 < number <= len(btf.records) else None
        if target is None or target.kind is not Kind.FUNC:
            continue
        if target.name in found:
            raise ObjectError(f"program {target.name} has two functions for exceptions")
        found[target.name] = record.name.removeprefix(TAG)
    return found
