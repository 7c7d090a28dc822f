"""The middle leg of the comparison: the same program in the simulator, before and after the compiler's transforms.

What differs from CPython here is the front end's fault; what differs first after the transforms is theirs; what differs
only in the kernel is the code generator's.
"""

from __future__ import annotations

import struct
from pathlib import Path

from running import ENTRY, FAULT_RESULT, OUTPUTS, PACKET, Inputs, Outcome, written

from pyebpf.checks import Checked
from pyebpf.checks.facts import Facts
from pyebpf.compiler import lower_target
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Module
from pyebpf.simulator.memory import Word
from pyebpf.simulator.run import Observer
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings
from pyebpf.transform import optimize


def lower(text: str) -> Checked:
    """The checked IR of a probe's text."""
    with written(text) as path:
        return lower_target(path)


def within(facts: Facts) -> Observer:
    """Asserts that every value lies where the analysis says."""

    def observe(op: ops.Op, value: Word) -> None:
        if not ops.is_value(op):
            return
        low, high = facts.interval(op)
        seen = value if isinstance(value, int) and hasattr(op.type, "low") else int(value not in (None, 0))
        assert low <= seen <= high, f"{op.span}: {type(op).__name__} is {seen}, not in {low}…{high}"

    return observe


def run_simulated(text: str, cases: list[Inputs]) -> list[Outcome]:
    """Run once for each case, as the kernel would. Both IRs must agree, and every value be within what is known."""
    return run_checked(lower(text), cases, text)


def run_checked(checked: Checked, cases: list[Inputs], text: str) -> list[Outcome]:
    """The same of a module that is checked already; `text` is what it came from."""
    program = checked.module.programs[0]
    facts, after = within(checked.language[program]), optimize(checked)
    outcomes = [_run_case(checked.module, case, facts) for case in cases]
    for case, outcome in zip(cases, outcomes, strict=True):
        assert outcome == _run_case(after, case, None), f"changed by a transform: {case}\n{text}"
    return outcomes


class Twin:
    """A program named `probe` on packets, both before and after the transforms."""

    def __init__(self, path: Path) -> None:
        checked = lower_target(path)
        self._facts = within(checked.language[checked.module.programs[0]])
        self._before, self._after = Simulation(checked.module), Simulation(optimize(checked))

    def run(self, packet: bytes) -> tuple[int, bytes]:
        before = self._before.run("probe", Input(Surroundings(), packet), self._facts)
        after = self._after.run("probe", Input(Surroundings(), packet))
        assert before == after, "changed by a transform"
        assert before.packet is not None
        return before.result, before.packet

    def put(self, map: str, key: bytes, value: bytes) -> None:
        for simulation in (self._before, self._after):
            storage = next(found for ref, found in simulation.state.maps.items() if ref.name == map)
            assert storage.update(key, [value], 0) == 0

    def variable(self, name: str, kind: str) -> int:
        values = [
            struct.unpack_from(kind, memory.data)[0]
            for simulation in (self._before, self._after)
            for ref, memory in simulation.state.variables.items()
            if ref.name == name
        ]
        assert values[0] == values[1], "changed by a transform"
        return int(values[0])

    def faults(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for fault in self._before.faults:
            found[fault.kind] = found.get(fault.kind, 0) + fault.count
        return found


def _run_case(module: Module, case: Inputs, observer: Observer | None) -> Outcome:
    simulation = Simulation(module)
    state, refs = simulation.state, {ref.name: ref for ref in module.maps}
    table = refs.get("table")
    _set(simulation, refs, "inputs", case.pack())
    for key, value in case.table.items():
        if table is not None:
            state.maps[table].update(key.to_bytes(4, "little"), [value.to_bytes(8, "little", signed=True)], 0)
    output = simulation.run("probe", Input(Surroundings(), PACKET), observer)
    fault = f"{output.fault.kind} {output.fault.line}" if output.fault is not None else ""
    assert (output.result == FAULT_RESULT) == bool(fault), f"result {output.result}, fault {fault!r}"
    outputs = _get(simulation, refs, "outputs", 8 * OUTPUTS)
    entry = ENTRY.unpack(_get(simulation, refs, "inputs", ENTRY.size))[:-1]
    return Outcome(
        [int.from_bytes(outputs[at : at + 8], "little") for at in range(0, len(outputs), 8)],
        fault,
        tuple(map(int, entry)) if "inputs" in refs else (*case.numbers, *case.array),
        dict(case.table) if table is None else simulation.maps["table"].to_dict(),
    )


def _set(simulation: Simulation, refs: dict[str, MapRef], name: str, data: bytes) -> None:
    if name in refs:
        simulation.state.maps[refs[name]].update(bytes(4), [data], 0)


def _get(simulation: Simulation, refs: dict[str, MapRef], name: str, size: int) -> bytes:
    if name not in refs:
        return bytes(size)
    found = simulation.state.maps[refs[name]].lookup(bytes(4))
    assert found is not None and len(found[0].data) == size
    return bytes(found[0].data)
