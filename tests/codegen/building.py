"""Small modules of typed IR, built by hand."""

from __future__ import annotations

from typing import Any

from pyebpf import layout
from pyebpf.ir import module as ir
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, I64, U64, IntType, PointerType, Region, ValueType, loaded
from pyebpf.kernel import hooks
from pyebpf.source import Source, Span

TEXT = "".join(f"line {number} of the probe\n" for number in range(1, 200))
SOURCE = Source("probe.py", TEXT)


class Build:
    """Collects ops; every op stands on a line of its own."""

    def __init__(self) -> None:
        self.ops: list[ops.Op] = []
        self.line = 1

    @property
    def span(self) -> Span:
        self.line += 1
        return Span(SOURCE, self.line % 190 + 1, 4, self.line % 190 + 1, 10)

    def __call__(self, op: Any) -> Any:
        self.ops.append(op)
        return op

    def block(self, *, of: Any = None) -> ops.Block:
        """What was collected, as a block; collecting starts anew."""
        done, self.ops = ops.Block(tuple(self.ops)), []
        return done

    def inner(self, lower: Any) -> ops.Block:
        outer, self.ops = self.ops, []
        lower()
        inner, self.ops = ops.Block(tuple(self.ops)), outer
        return inner

    def const(self, value: int) -> Any:
        return self(ops.Const(value, IntType(value, value), self.span))

    def slot(self, name: str, type: layout.Type) -> Any:
        return self(ops.SlotAddress(ops.Slot(name, type, self.span), PointerType(type, Region.STACK), self.span))

    def member(self, base: Any, offset: int, type: layout.Type) -> Any:
        return self(ops.MemberAddress(base, offset, PointerType(type, base.type.region), self.span))

    def load(self, address: Any, type: ValueType | None = None, **bits: int) -> Any:
        return self(ops.Load(address, type or loaded(address.type.target), self.span, **bits))

    def store(self, address: Any, value: Any, **bits: int) -> Any:
        return self(ops.Store(address, value, self.span, **bits))

    def binary(self, operator: Any, left: Any, right: Any, type: IntType = U64) -> Any:
        return self(ops.Binary(operator, left, right, type, self.span))

    def compare(self, operator: Any, left: Any, right: Any) -> Any:
        return self(ops.Compare(operator, left, right, BOOL, self.span))

    def call(self, helper: str, *arguments: Any, type: ValueType = U64) -> Any:
        return self(ops.Call(helper, arguments, type, self.span))

    def lookup(self, map: ir.MapRef, key: Any) -> Any:
        assert map.value is not None
        return self(ops.MapLookup(map, key, PointerType(map.value, Region.MAP, nullable=True), self.span))

    def update(self, map: ir.MapRef, key: Any, value: Any, flags: int = 0) -> Any:
        return self(ops.MapUpdate(map, key, value, flags, IntType(-4095, 0), self.span))

    def present(self, pointer: Any) -> Any:
        return self(ops.Present(pointer, BOOL, self.span))

    def not_null(self, pointer: Any) -> Any:
        type = pointer.type
        return self(ops.NotNull(pointer, PointerType(type.target, type.region), self.span))

    def check(self, condition: Any, fault: ir.Fault, *cleanup: Any) -> Any:
        return self(ops.Check(condition, fault, cleanup, self.span))

    def if_(self, condition: Any, then: Any, orelse: Any = None) -> Any:
        return self(ops.If(condition, self.inner(then), self.inner(orelse or (lambda: None)), self.span))

    def ret(self, value: int = 0) -> Any:
        return self(ops.Return(self.const(value), self.span))

    def ctx_load(self, offset: int, size: int, type: Any = U64) -> Any:
        return self(ops.ContextLoad(offset, size, type, self.span))

    def program(self, name: str, hook: hooks.Hook, argument: str = "") -> ir.Program:
        span = Span(SOURCE, 1, 0, 1, 10)
        return ir.Program(name, hook, argument, hook.default, hook.parameter, self.block(), span)


def map_ref(
    name: str, kind: str, type: int, key: layout.Type | None, value: layout.Type | None, entries: int, flags: int = 0
) -> ir.MapRef:
    return ir.MapRef(name, kind, type, key, value, entries, flags, "", Span(SOURCE, 3, 0, 3, 5))


def module(*programs: ir.Program, maps: Any = (), variables: Any = (), structs: Any = ()) -> ir.Module:
    return ir.Module("A test.", "GPL", tuple(maps), tuple(variables), programs, tuple(structs), ())


__all__ = ["I64", "SOURCE", "U64", "Build", "map_ref", "module"]
