"""Maps of maps: `table = tables[k]` is a map like any other, whose address is known only when the program runs.

Such a map is a declaration of its own while the program is built, made for one place in the source; the builder knows
in which local its address is.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.irbuild import maps
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Static, describe
from pyebpf.lang.maps import Map
from pyebpf.lang.nested import alike
from pyebpf.source import Span

KINDS = ("HashOfMaps", "ArrayOfMaps")


def holds_maps(operand: Operand) -> bool:
    """Whether `operand` is a map of maps."""
    return isinstance(operand, Static) and isinstance(operand.value, Map) and operand.value.kind in KINDS


def find(b: Builder, outer: Static, key: Operand, span: Span, key_span: Span) -> Static:
    """`outer[key]`: KeyError when there is no map."""
    map = maps.ref(b, outer)
    found, _ = maps.lookup(b, map, key, key_span)
    b.check(b.present(found, span), Fault.KEY, span)
    template = outer.value.inner  # type: ignore[attr-defined]
    return _made(b, template, map.inner, b.not_null(found, span), span.text, span)


def _made(b: Builder, declared: Map, ref: MapRef | None, address: ops.Value, name: str, span: Span) -> Static:
    assert ref is not None
    place = b.local(ref.name, address.type, span)
    b.set(place, address, span)
    own = copy(declared)
    own.views = []
    own_ref = replace(ref, name=name)
    b.inner_maps[id(own)] = own, own_ref
    b.inner_places[own_ref] = place
    return Static(own, name)


def is_inner(b: Builder, operand: Operand) -> bool:
    return isinstance(operand, Static) and id(operand.value) in b.inner_maps


def named(b: Builder, operand: Static, name: str, span: Span) -> Static:
    """A name of its own for a map: other names keep theirs when it is assigned again."""
    declared, ref = b.inner_maps[id(operand.value)]
    return _made(b, declared, ref, b.get(b.inner_places[ref], span), name, span)


def assign(b: Builder, name: Static, operand: Operand, span: Span) -> None:
    """`name = operand`, where `name` already is such a map."""
    if not is_inner(b, operand):
        b.error(type_errors.ConflictingTypes(span, name.name, describe(name), describe(operand)))
    assert isinstance(operand, Static)
    declared, ref = b.inner_maps[id(name.value)]
    other, other_ref = b.inner_maps[id(operand.value)]
    if not alike(declared, other):
        b.error(errors.UnlikeMaps(span, name.name, repr(declared), repr(other)))
    b.set(b.inner_places[ref], b.get(b.inner_places[other_ref], span), span)
