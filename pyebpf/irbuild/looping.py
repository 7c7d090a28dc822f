"""The shape of every loop in the IR, whatever it goes through."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.ir import ops
from pyebpf.ir.types import U64_MAX, IntType
from pyebpf.irbuild.builder import LOOP, Builder
from pyebpf.irbuild.operands import Items, Operand
from pyebpf.kernel.maps import MOST_DRAINED, MapType
from pyebpf.source import Span


def repeat(
    b: Builder,
    test: Callable[[], ops.Value],
    body: Callable[[], None],
    advance: Callable[[], None],
    orelse: Callable[[], None],
    counting: ops.Counting | None,
    runs: bool,
    span: Span,
    entries: ops.Entries | None = None,
    iterates: bool = False,
) -> None:
    """Test, or else and leave; body; advance. `runs`: the body surely starts at least once.

    Inside, `b.frame.loops[-1]` is what leaves it. `entries`: what a loop over a map goes through. `iterates`: whether
    the test asks an iterator of the kernel's.
    """
    label = ops.Label(LOOP)
    before, alive = b.assigned, b.reachable
    with b.block() as whole:
        go_on = test()
        at_test = b.assigned
        b.labels.append(label)
        b.frame.loops.append((label, label))
        b.kept_awake += entries is not None  # the kernel runs such a loop under its locks
        with b.block() as inside:
            body()
        b.kept_awake -= entries is not None
        rounds = b.continues.pop(label, []) + ([b.assigned] if b.reachable else [])
        b.reachable = True
        with b.block() as step:
            advance()
        b.frame.loops.pop()
        b.labels.pop()
        endless = isinstance(go_on, ops.Const) and bool(go_on.value)
        if not endless:
            with b.block() as leaving:
                b.reachable = True
                b.assigned = frozenset.intersection(*rounds) if runs and rounds else at_test
                orelse()
                b.jump_out(label)
                b.emit(ops.Break(label, span))
            b.reachable = True
            b.emit(ops.If(go_on, ops.Block(), ops.Block(tuple(leaving)), span))
    b.reachable = alive
    blocks = ops.Block((*whole, *inside)), ops.Block(tuple(step))
    if entries is None:
        b.emit(ops.Loop(label, *blocks, counting, None, False, span, "iterator" if iterates else "bounded"))
    else:
        drained = entries.map.type == MapType.USER_RINGBUF
        most = MOST_DRAINED if drained else entries.map.max_entries
        b.emit(ops.Loop(label, *blocks, None, most, False, span, "entries"))
    exits = b.breaks.pop(label, [])
    b.reachable = alive and bool(exits)
    b.assigned = frozenset.intersection(*exits) if exits else before


def walk(
    b: Builder, items: Items, body: Callable[[Operand], None], orelse: Callable[[], None], name: str, span: Span
) -> None:
    """Go through `items` by counting; `body` is lowered once. `name` is for readers of the IR."""
    length = items.length
    assert isinstance(length.type, IntType)
    if isinstance(length, ops.Const) and length.value == 0:
        orelse()
        return
    highest = min(length.type.high, U64_MAX - 1)
    counter = b.local(f"{name}.counter", IntType(0, highest), span)
    first = b.const(0, span)
    b.set(counter, first, span)

    def advance() -> None:
        moved = ops.Binary("+", b.get(counter, span), b.const(1, span), IntType(1, max(highest, 1)), span)
        b.set(counter, b.emit(moved), span)

    repeat(
        b,
        lambda: b.compare("<", b.get(counter, span), length, span),
        lambda: body(items.at(b, b.get(counter, span))),
        advance,
        orelse,
        ops.Counting(counter, first, length, 1),
        length.type.low > 0,
        span,
    )


def scope(b: Builder, label: ops.Label, lower: Callable[[], None], span: Span) -> None:
    """A block that jumps to `label` leave; its end is one more way out."""
    before, alive = b.assigned, b.reachable
    b.labels.append(label)
    with b.block() as inside:
        lower()
        b.leave(label, span)
    b.labels.pop()
    exits = b.breaks.pop(label, [])
    b.reachable = alive
    b.emit(ops.Scope(label, ops.Block(tuple(inside)), span))
    b.reachable = alive and bool(exits)
    b.assigned = frozenset.intersection(*exits) if exits else before


def nothing() -> None:
    """Where a loop has no `else`, or takes no step."""
