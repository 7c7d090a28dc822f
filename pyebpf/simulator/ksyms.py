"""Symbols of the kernel, as the test supplies them: `helpers={"jiffies": lambda: address}`, and of a per-CPU variable
what a CPU has, `helpers={"runqueues": lambda cpu: {"nr_running": 2}}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.encode import encode
from pyebpf.ir import ops
from pyebpf.ir.types import IntType, KernelType, PointerType
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.memory import Memory, Named, Pointer, Word

if TYPE_CHECKING:
    from pyebpf.simulator.run import Run

HELPERS: Final = ("this_cpu_ptr", "per_cpu_ptr")


def address(run: Run, op: ops.KsymAddress) -> Word:
    """A number that the test gives; of a per-CPU variable its name, or 0 where the test has none."""
    given = run.surroundings.helpers.get(op.name)
    if not isinstance(op.type, IntType):
        return 0 if given is None else Named(op.name)
    found = given() if given is not None else None
    if not isinstance(found, int):
        raise _unknown(run, op.name, "address", "lambda: address")
    return found


def of_cpu(run: Run, op: ops.Call) -> Word:
    """What a CPU has of a per-CPU variable: of a struct a dict of its members; None where there is no such CPU."""
    symbol = op.arguments[0]
    assert isinstance(symbol, ops.KsymAddress)
    given = run.surroundings.helpers.get(symbol.name)
    if given is None:
        raise _unknown(run, symbol.name, "value on a CPU", "lambda cpu: …")
    cpu = run.word(op.arguments[1]) if len(op.arguments) > 1 else run.surroundings.cpu
    found: object = given(cpu)
    if isinstance(op.type, KernelType):
        return run.state.addresses.kernel_object(op.type.struct, found, symbol.name)
    if found is None:
        return None
    if isinstance(op.type, PointerType):
        return Pointer(Memory(symbol.name, encode(op.type.target, found, symbol.name), writable=False), 0)
    if not isinstance(found, bytes):
        raise SimulationError(f"{symbol.name} is an array: bytes, not {found!r}")
    return run.state.addresses.place("kernel", found)


def _unknown(run: Run, name: str, what: str, example: str) -> SimulationError:
    return SimulationError(
        f"the program asks for {name} of the kernel, which the simulator doesn't have: give its {what}, "
        f'simulate({run.program.name}, helpers={{"{name}": {example}}})'
    )
