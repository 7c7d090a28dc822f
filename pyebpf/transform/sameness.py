"""What two copies of a function have in common: a key that is equal for copies that compute the same.

Names don't matter, nor where values come from: what a copy takes from outside is numbered in the order of its use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import fields
from typing import final

from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, VariableRef
from pyebpf.ir.types import I64, I64_MAX, U64, IntType, ValueType
from pyebpf.source import Span
from pyebpf.transform.sharing import Thing, things


def given_type(type: ValueType) -> ValueType:
    """The type of what a function is given: numbers of whatever range are signed or unsigned ones of 64 bits."""
    return (I64 if type.high <= I64_MAX else U64) if isinstance(type, IntType) else type


@final
class Copy:
    """One copy: its `key`, and what it takes from outside, in the order of the key."""

    def __init__(self, scope: ops.Scope, uses: Counter[Thing]) -> None:
        self.scope = scope
        self.values: list[ops.Value] = []
        """Values that are computed outside."""
        self.locals: list[ops.Local] = []
        """Locals that something outside uses as well."""
        inside = Counter(thing for op in ops.walk(scope.body) for thing in things(op))
        self._outside = {thing for thing, count in inside.items() if uses[thing] > count}
        self._defined = {op for op in ops.walk(scope.body) if ops.is_value(op)}
        self._numbers: dict[object, int] = {scope.label: 0}
        self.key = self._block(scope.body)

    def _number(self, thing: object) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def _block(self, block: ops.Block) -> Hashable:
        return tuple(self._op(op) for op in block.ops)

    def _op(self, op: ops.Op) -> Hashable:
        named = self._number(op) if ops.is_value(op) else 0
        # Faults are counted by where they happen; other places don't matter.
        place = (op.span.source.path, op.span.line, op.span.column) if isinstance(op, ops.Check | ops.Raise) else None
        parts = [self._part(getattr(op, field.name)) for field in fields(op) if field.name != "span"]
        return (type(op), named, place, *parts)

    def _part(self, part: object) -> Hashable:
        match part:
            case ops.Block():
                return self._block(part)
            case ops.Local():
                return self._local(part)
            case ops.Slot():
                return (id(part) if part in self._outside else self._number(part), part.type)
            case ops.Label() | ops.Entries():
                return ("name", self._number(part))
            case ops.Counting():
                return tuple(self._part(getattr(part, field.name)) for field in fields(part))
            case MapRef() | VariableRef():
                return id(part)
            case Span():
                return None
            case tuple():
                return tuple(self._part(item) for item in part)
        if ops.is_value(part):
            return self._value(part)
        assert isinstance(part, Hashable)
        return part

    def _local(self, local: ops.Local) -> Hashable:
        if local in self._outside and local not in self.locals:
            self.locals.append(local)
        return ("local", self._number(local), local in self._outside, local.type)

    def _value(self, value: ops.Value) -> Hashable:
        if isinstance(value, ops.Const | ops.Null) and value not in self._defined:
            return (type(value), getattr(value, "value", None), value.type)
        if value not in self._defined and value not in self.values:
            self.values.append(value)
        kind = value.type if value in self._defined else given_type(value.type)
        return ("value", self._number(value), kind)
