"""Blocks that hold something under a name, and give it back at every way out."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.ir import ops
from pyebpf.irbuild.bindings import Binding, Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import Operand


def hold(
    b: Builder, name: str, held: ops.Value, release: Callable[[], None], body: Callable[[], None], rcu: bool = False
) -> None:
    """`with … as name:` (no name: ""). `rcu`: whether what RCU protects stays meanwhile."""
    before = begin_name(b, name, held)
    if name:
        b.trusted.add(held)
    b.unwinding.append(Held(release, len(b.labels), rcu))
    try:
        body()
    finally:
        b.unwinding.pop()
    if b.reachable:
        release()
    end_name(b, name, before)


def begin_name(b: Builder, name: str, held: Operand) -> Binding | None:
    """From here on, `name` is what a block holds (""; it has none). What it was before, for `end_name`."""
    before = b.frame.bindings.get(name)
    if name:
        b.frame.bindings[name] = Fixed(held)
        b.frame.ended.discard(name)
        b.assigned |= {name}
    return before


def end_name(b: Builder, name: str, before: Binding | None = None) -> None:
    """Behind the block it is what it was, or nothing any more."""
    if not name:
        return
    b.assigned -= {name}
    b.frame.ended.add(name)
    del b.frame.bindings[name]
    if before is not None:
        b.frame.bindings[name] = before
