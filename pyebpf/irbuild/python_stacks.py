"""`stacks[python_stack()] += 1`: a call of `pyebpf.library.python_frames`, with the maps that it works with."""

from __future__ import annotations

from typing import Final

from pyebpf.diagnostics.proofs import HelperNotAllowed
from pyebpf.diagnostics.stacks import PythonStackElsewhere
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import IntType
from pyebpf.irbuild import functions, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Static
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.lang.maps import Map
from pyebpf.lang.stacks import Stacks
from pyebpf.metadata import PYTHON_CODES, PYTHON_STACK, PYTHONS
from pyebpf.source import Span

WALKS: Final = "__pyebpf_python_"
"""How the map with the stacks is called, before the name of the one that counts."""
BPF_LOOP: Final = (5, 17)
SHALLOW: Final = 48
"""Frames that are gone through where loops can't be functions: more than these a verifier doesn't follow."""


def walks(b: Builder, declared: Stacks, name: str) -> MapRef:
    """The map with the stacks."""
    from pyebpf.library.python_frames import new_walks

    if id(declared) not in b.module.walks:
        b.module.walks[id(declared)] = new_walks(declared.max_entries)
    return _named(b, b.module.walks[id(declared)], WALKS + name)


def number(b: Builder, declared: Stacks, span: Span) -> ops.Value:
    """The stack's number in that map; 0 where there is none."""
    from pyebpf.library import python_frames

    _allowed(b, span)
    for map, name in ((python_frames.pythons, PYTHONS), (python_frames.codes, PYTHON_CODES)):
        _named(b, map, name)
    depth = min(declared.depth, python_frames.DEPTH)
    if b.module.kernel is not None and b.module.kernel < BPF_LOOP:
        depth = min(depth, SHALLOW)
    maps = (python_frames.pythons, python_frames.codes, b.module.walks[id(declared)])
    given = [(Static(map, b.module.names[id(map)]), span) for map in maps]
    found = functions.inline(b, python_frames.python_stack, [*given, (b.const(depth, span), span)], {}, span)
    result = values.plain(b, found, span)
    assert ops.is_value(result) and isinstance(result.type, IntType)
    return result


def elsewhere(b: Builder, word: str, span: Span) -> None:
    """A diagnostic for Python's stack: it is in keys alone."""
    if word == PYTHON_STACK:
        b.error(PythonStackElsewhere(span, span.text))


def _named(b: Builder, map: Map, name: str) -> MapRef:
    b.module.names[id(map)] = name
    return b.module.map(map, name)


def _allowed(b: Builder, span: Span) -> None:
    """Where there are stacks of the current process at all."""
    asked = helper_by_name("get_stackid")
    assert asked is not None
    if b.hook.program_type not in asked.programs:
        b.error(HelperNotAllowed(span, asked.name, b.hook.name, "programs of tracing may: @profile, @kprobe, …"))
