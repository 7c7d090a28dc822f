"""Pointers that are tested again, where the verifier can't know what the language knows of them."""

from __future__ import annotations

from pathlib import Path

from pyebpf.compiler import lower_target
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import PointerType
from pyebpf.transform.pointers import retested

SOURCE = """\
from pyebpf import XDP, Hash, RingBuf, struct, u32, u64, xdp

@struct
class Stats:
    n: u64

table = Hash[u32, Stats](max_entries=4)
ring = RingBuf[Stats](size=4096)

@xdp
def probe(packet):
    p = table.get(1)
    with ring.reserve() as record:
        if p is None:
            return XDP.DROP
        record.n = p.n
    return XDP.PASS
"""


def program(folder: Path) -> Program:
    """The probe, without its test of `p`."""
    path = folder / "probe.py"
    path.write_text(SOURCE)
    (found,) = lower_target(path).module.programs

    def untested(op: ops.Op) -> ops.Op | tuple[ops.Op, ...]:
        if isinstance(op, ops.Prove) and isinstance(op.type, PointerType):
            return ops.NotNull(op.value, op.type, op.span)
        leaves = isinstance(op, ops.If) and isinstance(op.then.ops[-1], ops.Return)
        return op.orelse.ops if isinstance(op, ops.If) and leaves else op

    return rewrite(found, untested)


def test_what_is_held_is_given_back_first(tmp_path: Path) -> None:
    tests = [op for op in ops.walk(retested(program(tmp_path), 2).body) if isinstance(op, ops.If)]
    (end,) = [op.orelse.ops for op in tests if not op.then.ops]
    assert isinstance(end[0], ops.RingDiscard | ops.RingSubmit)
    assert isinstance(end[-1], ops.Return)


def test_what_the_verifier_knows_is_not_tested_retested(tmp_path: Path) -> None:
    once = retested(program(tmp_path), 2)
    assert retested(once, 2) is once or [*ops.walk(retested(once, 2).body)] == [*ops.walk(once.body)]
