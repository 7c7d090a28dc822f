"""Blocks that hold something under a name, and give it back at every way out."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.ir import ops
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held


def hold(
    b: Builder, name: str, held: ops.Value, release: Callable[[], None], body: Callable[[], None], rcu: bool = False
) -> None:
    """`with … as name:` (no name: ""). `rcu`: whether what RCU protects stays meanwhile."""
    before = b.frame.bindings.get(name)
    if name:
        b.trusted.add(held)
        b.frame.bindings[name] = Fixed(held)
        b.frame.ended.discard(name)
        b.assigned |= {name}
    b.unwinding.append(Held(release, len(b.labels), rcu))
    try:
        body()
    finally:
        b.unwinding.pop()
    if b.reachable:
        release()
    if name:
        b.assigned -= {name}
        b.frame.ended.add(name)
        del b.frame.bindings[name]
        if before is not None:
            b.frame.bindings[name] = before
