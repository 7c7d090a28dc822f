"""Other names for what a `with` block has held, used behind the block.

    with bpf_task_from_pid(1) as task:
        first = task
    counts[first.pid] += 1      # it may be gone

The verifier knows it as a number then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from pyebpf.checks.stale import Owner, Place, StaleWalk, State
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.kfuncs import GivenBack
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.origins import called
from pyebpf.ir.types import KernelType
from pyebpf.kernel.kfuncs import is_release, iterator_of
from pyebpf.kernel.sockets import CASTS, FIELDS, RELEASE

_CARRIES: Final = (ops.LocalGet, ops.NotNull)


def given_back(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each use of what was given back, a line once."""
    walk = _Walk()
    if any(walk.ends(op) for op in ops.walk(program.body)):
        walk.block(program.body, State())
        yield from walk.found.values()


@final
class _Walk(StaleWalk):
    carries = _CARRIES
    harmless = (ops.Present, ops.Compare)

    def ends(self, op: ops.Op) -> tuple[Owner, ...]:
        name = called(op)
        if not name or not (name == RELEASE or is_release(name)) or iterator_of(name):
            return ()
        assert isinstance(op, ops.Call | ops.KfuncCall)
        return op.arguments[:1]

    def owners(self, op: ops.Op) -> frozenset[Owner]:
        return frozenset()

    def learn(self, place: Place, owners: frozenset[Owner], stale: ops.Op | None, state: State) -> None:
        """Each value goes with itself, and with what it is another name or form of."""
        type = place.type
        if not isinstance(type, KernelType) or not (type.direct or type.struct in FIELDS):
            return
        same = isinstance(place, ops.Local | ops.LocalGet | ops.NotNull)
        if isinstance(place, ops.Call) and place.helper in CASTS:
            same = True
        state.known[place] = (owners if same else frozenset[Owner]()) | ({place} if ops.is_value(place) else set())
        state.stale.pop(place, None)
        if stale is not None and same:
            state.stale[place] = stale

    def gone(self, op: ops.Op, owners: frozenset[Owner], stale: ops.Op) -> Diagnostic:
        return GivenBack(op.span, stale.span.line)
