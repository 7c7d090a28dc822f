"""The IR's printer and validator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from building import Build, map_ref, module

from pyebpf import layout
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import module as ir
from pyebpf.ir import ops
from pyebpf.ir.printer import print_module
from pyebpf.ir.types import BOOL, I64, U64, IntType, PointerType, Region
from pyebpf.ir.validate import validate
from pyebpf.kernel import hooks

COUNTS = map_ref("counts", "Hash", 1, layout.U32, layout.U64, 10)


def program(lower: Callable[[Build], object]) -> ir.Module:
    b = Build()
    lower(b)
    b.ret(0)
    return module(b.program("probe", hooks.TRACEPOINT, "raw_syscalls:sys_enter"), maps=(COUNTS,))


def test_printed_ir() -> None:
    def lower(b: Build) -> None:
        key = b.slot("key", layout.U32)
        b.store(key, b.binary("&", b.call("get_current_pid_tgid"), b.const(255), IntType(0, 255)))
        found = b.lookup(COUNTS, key)
        b.check(b.present(found), ir.Fault.KEY)
        label, i = ops.Label("loop"), ops.Local("i", I64, b.span)
        b(ops.LocalSet(i, b.const(0), b.span))

        def body() -> None:
            turn = b(ops.LocalGet(i, I64, b.span))
            b.if_(b.compare(">=", turn, b.const(4)), lambda: b(ops.Break(label, b.span)))
            b(ops.AtomicAdd(b.not_null(found), turn, b.span))

        def step() -> None:
            b(ops.LocalSet(i, b.binary("+", b(ops.LocalGet(i, I64, b.span)), b.const(1), I64), b.span))

        start, stop = b.const(0), b.const(4)
        b(ops.Loop(label, b.inner(body), b.inner(step), ops.Counting(i, start, stop, 1), 4, False, b.span))

    assert (
        print_module(program(lower))
        == """\
map counts: Hash[u32, u64], max_entries 10

probe(ctx): tracepoint raw_syscalls:sys_enter, default 0
  %0 = call get_current_pid_tgid(): u64
  %1 = %0 & 255: int[0…255]
  store &key, %1 as u32
  %2 = lookup counts[&key]: &u64?
  check present %2 else KeyError
  i = 0
  loop loop i in 0..4 (bound 4):
    %3 = i: i64
    if %3 >= 4:
      break loop
    %4 = not_null %2: &u64
    atomic_add %4, %3
  step:
    %5 = i: i64
    %6 = %5 + 1: i64
    i = %6
  return 0
"""
    )


def nested_value(b: Build) -> None:
    inner = []
    b.if_(b.compare("==", b.const(1), b.const(1)), lambda: inner.append(b.call("ktime_get_ns")))
    b.binary("+", inner[0], b.const(1))


def foreign_map(b: Build) -> None:
    other = map_ref("other", "Hash", 1, layout.U32, layout.U64, 10)
    b.lookup(other, b.slot("key", layout.U32))


def null_followed(b: Build) -> None:
    b.load(b.lookup(COUNTS, b.slot("key", layout.U32)))


def code_after_return(b: Build) -> None:
    b.ret(1)
    b.ret(2)


def six_arguments(b: Build) -> None:
    b.call("probe_read_kernel", *[b.const(n) for n in range(6)])


def read_only(b: Build) -> None:
    context = b(ops.ContextPointer(PointerType(layout.U64, Region.CONTEXT, writable=False), b.span))
    b(ops.Zero(context, ((0, 8),), b.span))


WRONG: list[tuple[Callable[[Build], object], str]] = [
    (nested_value, "isn't computed before"),
    (foreign_map, "isn't the module's"),
    (null_followed, "may be null"),
    (code_after_return, "behind the end"),
    (six_arguments, "6 arguments"),
    (lambda b: b(ops.Break(ops.Label("gone"), b.span)), "isn't around it"),
    (lambda b: b.check(b.const(1), ir.Fault.KEY), "needs a truth value"),
    (lambda b: b.binary("//", b.const(4), b.const(0)), "constant zero"),
    (lambda b: b.binary("//", b.call("a", type=U64), b.call("b", type=I64)), "no 64 bits hold both"),
    (lambda b: b.binary("+", b.const(4), b.const(1), IntType(-1, 2**63)), "no 64 bits hold"),
    (lambda b: b(ops.Const(300, IntType(0, 255), b.span)), "isn't in"),
    (lambda b: b.load(b.slot("text", layout.Text(4)), U64), "doesn't fit a register"),
    (read_only, "read-only"),
    (lambda b: b(ops.Loop(ops.Label("l"), ops.Block(), ops.Block(), None, None, True, b.span)), "guards a bound"),
    (lambda b: b(ops.Not(b.const(1), BOOL, b.span)), "needs a truth value"),
]  # fmt: skip


@pytest.mark.parametrize(("lower", "words"), WRONG)
def test_malformed_ir_is_our_fault(lower: Callable[[Build], object], words: str) -> None:
    with pytest.raises(InternalError, match=words):
        validate(program(lower))


def test_two_things_of_one_name() -> None:
    b = Build()
    b.ret(0)
    first = b.program("probe", hooks.XDP)
    b.ret(0)
    with pytest.raises(InternalError, match="named probe"):
        validate(module(first, b.program("probe", hooks.XDP)))
