"""Keys of LPM tries: an address in a probe stands for the network of it alone."""

from __future__ import annotations

from ipaddress import IPv6Address

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.irbuild import memory, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Static, describe, reference
from pyebpf.source import Span


def key_address(b: Builder, map: MapRef, key: Operand, span: Span) -> ops.Value:
    """`struct bpf_lpm_trie_key` for an address, on the stack: all of its bits count."""
    assert isinstance(map.key, layout.Struct)
    bits, address = map.key.fields
    if not _suits(address.type, key):
        b.error(errors.KeyType(span, map.name, f"an {address.type}", describe(key), ""))
    place = b.scratch("key", map.key, span)
    length = b.const(address.type.size * 8, span)
    memory.store(b, memory.field_place(b, place, bits, "prefixlen", span), length, span)
    memory.store(b, memory.field_place(b, place, address, "address", span), key, span)
    return place


def _suits(type: layout.Type, key: Operand) -> bool:
    if type == layout.IPV4:
        return values.is_number(key)
    pointer = reference(key)
    constant = isinstance(key, Static) and isinstance(key.value, IPv6Address)
    return constant or (pointer is not None and pointer.target == type)
