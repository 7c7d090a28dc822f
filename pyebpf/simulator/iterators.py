"""The kernel's iterators: `iter_num` and `iter_bits` as they are, and of others what a test has them hand out."""

from __future__ import annotations

from collections.abc import Iterable
from errno import E2BIG, EINVAL
from sys import byteorder
from typing import TYPE_CHECKING, Final

from pyebpf.diagnostics.base import InternalError
from pyebpf.ir.types import KernelType, PointerType
from pyebpf.kernel.kfuncs import short_name
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.memory import Memory, Pointer, Word

if TYPE_CHECKING:
    from pyebpf.ir import ops
    from pyebpf.simulator.run import Run

MOST_NUMBERS: Final = 1 << 23
"""BPF_MAX_LOOPS."""
MOST_WORDS: Final = 511
"""BITS_ITER_NR_WORDS_MAX."""
WORD: Final = 8
"""Bytes."""


def call(run: Run, op: ops.KfuncCall, arguments: list[Word]) -> Word:
    """One of the three parts of an iterator."""
    name, state = short_name(op.kfunc.name), arguments[0]
    if not isinstance(state, Pointer):
        raise InternalError(f"{name} keeps its state in {state!r}")
    key = id(state.memory)
    match op.kfunc.name.rpartition("_")[2]:
        case "new":
            if key in run.iterators:
                raise InternalError(f"the program begins {name} where one isn't at its end")
            items = _items(run, name, arguments[1:])
            run.iterators[key] = iter(() if isinstance(items, int) else items)
            return items if isinstance(items, int) else 0
        case "next":
            return _next(run, op, name, next(run.iterators[key], None))
        case _:
            del run.iterators[key]
            return 0


def _items(run: Run, name: str, arguments: list[Word]) -> Iterable[object] | int:
    """What it hands out, or -errno."""
    given = run.surroundings.helpers.get(name)
    if given is not None:
        found = given(*arguments)
        if not isinstance(found, Iterable) or isinstance(found, str | bytes | dict):
            raise SimulationError(f"helpers[{name!r}] gives {found!r}, not a list of what it goes through")
        return found
    match name, arguments:
        case "iter_num", (int() as start, int() as stop):
            start, stop = _signed(start), _signed(stop)
            if start > stop:
                return -EINVAL
            return range(start, stop) if stop - start <= MOST_NUMBERS else -E2BIG
        case "iter_bits", (Pointer() as place, int() as count):
            if not 0 < count <= MOST_WORDS:
                return -E2BIG if count else -EINVAL
            words = [place.plus(WORD * number).read(WORD) for number in range(count)]
            numbers = [int.from_bytes(word, byteorder) for word in words]
            return [64 * at + bit for at, word in enumerate(numbers) for bit in range(64) if word >> bit & 1]
    raise SimulationError(
        f"the program goes through {name}, which the simulator doesn't know: give its items, "
        f'simulate({run.program.name}, helpers={{"{name}": lambda *arguments: []}})'
    )


def _signed(number: int) -> int:
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


def _next(run: Run, op: ops.KfuncCall, name: str, item: object) -> Word:
    if item is None:
        return 0
    if isinstance(op.type, KernelType):
        return run.state.addresses.kernel_object(op.type.struct, item, f"an item of {name}")
    if not isinstance(item, int) or not isinstance(op.type, PointerType):
        raise SimulationError(f"{name} hands out integers, not {item!r}")
    size = op.type.target.size
    return Pointer(Memory(name, (item & (1 << 8 * size) - 1).to_bytes(size, byteorder), writable=False), 0)
