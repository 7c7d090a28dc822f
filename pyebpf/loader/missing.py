"""Why the verifier refuses what CO-RE has left without an answer: in words, the field or type that isn't there."""

from __future__ import annotations

from pyebpf.loader.core import asked, own_types
from pyebpf.loader.core_patch import POISON
from pyebpf.loader.errors import LoadError
from pyebpf.loader.link import Linked
from pyebpf.loader.verifier import refused_at
from pyebpf.object.specs import Object


def missing(obj: Object, linked: Linked, log: str) -> str:
    """What the program comes to that this kernel doesn't have; "" if it was refused for something else."""
    at = refused_at(log, POISON)
    if at is None or not obj.btf:
        return ""
    try:
        local = own_types(obj)
    except LoadError:
        return ""
    for start, function in linked.functions:
        for record in function.core:
            first = start + (record.offset - function.section_offset) // 8
            if at in (first, first + 1):  # a 64-bit constant is two instructions
                what = asked(record, local)
                return f"the kernel's types have no `{what}`, or one of another size: hasattr asks for it"
    return ""
