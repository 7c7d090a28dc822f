"""The capabilities that loading and attaching an object takes, of any compiler's: from its sections, maps and calls,
and from what it does with addresses."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from pyebpf.effort import measure, rules_for
from pyebpf.effort.walk import Addresses
from pyebpf.kernel.helpers import HELPERS
from pyebpf.kernel.hooks import hook_by_name
from pyebpf.kernel.needs import Needs, needs_of, together
from pyebpf.object.specs import FunctionSpec, Object, ProgramSpec

CALL: Final = 0x85
IN_VALUES: Final = frozenset(("timer_init", "timer_start", "spin_lock", "kptr_xchg"))
"""Helpers that are given the address of a special field in a map's value."""
FEW: Final = 2_000
MOST: Final = 50_000
"""Instructions that a program is followed for, to see what it does with addresses."""
_NAMES: Final = {helper.id: helper.name for helper in HELPERS}


def needs(obj: Object, *, compiled: bool = False) -> Needs:
    """Of all that is loaded by itself. `compiled`: the object comes from the compiler, and not from a file."""
    programs = [program_needs(obj, program, compiled=compiled) for program in obj.programs if program.autoload]
    maps = needs_of(None, 0, [spec.type for spec in obj.maps])
    return together([*programs, *([maps] if obj.maps else [])])


def program_needs(obj: Object, program: ProgramSpec, *, compiled: bool = False) -> Needs:
    """Of one program, the functions that it calls and the maps that it uses."""
    functions = {function.name: function for function in obj.functions}
    reached = list(_reached(program.function, functions))
    names = {relocation.name for function in reached for relocation in function.relocations}
    maps = [spec.type for spec in obj.maps if spec.name in names]
    helpers = [_NAMES[number] for function in reached for number in _called(function, obj) if number in _NAMES]
    hook = hook_by_name(program.hook)
    found = needs_of(hook, program.program_type, maps, helpers)
    if "CAP_PERFMON" in found.always:
        return found
    addresses = _addresses(obj, program) if compiled else "sometimes"
    if not IN_VALUES.isdisjoint(helpers):  # what they are given is closed to programs otherwise, and so out of range
        addresses = addresses or "sometimes"
    return needs_of(hook, program.program_type, maps, helpers, addresses)


def _addresses(obj: Object, program: ProgramSpec) -> Addresses:
    """Of those that are too much to be followed here, it isn't known; nor of what a file has, which may be spoilt."""
    effort = measure(obj, program, MOST, rules_for(None))
    # Without CAP_PERFMON the verifier goes the ways, too, that the processor may try by mistake.
    return effort.addresses or ("" if effort.complete and effort.instructions < FEW else "sometimes")


def _reached(function: FunctionSpec, functions: Mapping[str, FunctionSpec]) -> Iterator[FunctionSpec]:
    """The function, and those that it calls or hands on."""
    ahead, seen = [function], set[str]()
    while ahead:
        here = ahead.pop()
        yield here
        for relocation in here.relocations:
            other = functions.get(relocation.name)
            if relocation.kind in ("call", "function") and other is not None and other.name not in seen:
                seen.add(other.name)
                ahead.append(other)


def _called(function: FunctionSpec, obj: Object) -> Iterator[int]:
    """Numbers of helpers: calls that no relocation makes calls of something else."""
    order = ">" if obj.big_endian else "<"
    relocated = {relocation.offset for relocation in function.relocations}
    for offset in range(0, len(function.code) - 7, 8):
        opcode, registers, _, number = struct.unpack_from(f"{order}BBhi", function.code, offset)
        if opcode == CALL and not registers and offset not in relocated:
            yield number
