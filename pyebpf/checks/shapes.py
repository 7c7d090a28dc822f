"""What is asked of how expressions are written."""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf.ir import ops


def bare(value: ops.Value) -> ops.Value:
    """`value` without what has to be proven of it."""
    while isinstance(value, ops.Prove):
        value = value.value
    return value


def halfway(total: ops.Binary) -> Iterator[tuple[ops.Value, ops.Binary]]:
    """`x` and `y - z`, where `total` is `x + (y - z) // 2`."""
    if total.operator == "+":
        for one, other in ((total.left, total.right), (total.right, total.left)):
            distance = halved(other)
            if isinstance(distance, ops.Binary) and distance.operator == "-":
                yield one, distance


def halved(value: ops.Value) -> ops.Value | None:
    """What `value` is half of, rounded down; None if it isn't written so."""
    value = bare(value)
    if not isinstance(value, ops.Binary):
        return None
    right, half = bare(value.right), {"//": 2, ">>": 1}.get(value.operator)
    return bare(value.left) if isinstance(right, ops.Const) and right.value == half else None
