"""Shapes: what holds a name's value, as the first assignment asks for it, and what later ones find that it needs."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import (
    BOOL,
    I64,
    IntType,
    PointerType,
    Region,
    is_scalar,
    loaded,
)
from pyebpf.irbuild import inner_maps, memory, values
from pyebpf.irbuild.bindings import (
    RESULT,
    Binding,
    Fixed,
    OptionalScalar,
    OptionalText,
    Reference,
    Scalar,
    Shape,
    TextLocal,
    TupleLocal,
)
from pyebpf.irbuild.builder import Builder, Retype, storage
from pyebpf.irbuild.operands import (
    Context,
    Entries,
    Method,
    Operand,
    Optional,
    OptionalValues,
    Packet,
    PendingText,
    Range,
    Static,
    Values,
    describe,
    describe_type,
)
from pyebpf.lang.maps import Map
from pyebpf.source import Span


def _needs_place(b: Builder, name: str, text: str, span: Span) -> NoReturn:
    if name == RESULT:
        b.error(type_errors.TextNeedsPlace(span, "", f"def {b.frame.function.name}(…) -> char[64]:"))
    b.error(type_errors.TextNeedsPlace(span, text))


def bind(b: Builder, name: str, operand: Operand, span: Span, declared: layout.Type | None) -> Binding:
    """A binding of the type that the first assignment, the annotation, or an earlier attempt asks for."""
    shape = b.retyped.get((b.frame.number, name))
    if isinstance(shape, Shape):
        return _bind_shape(b, name, shape, span)
    if declared is not None:
        return _bind_declared(b, name, declared, span)
    match operand:
        case Optional(value=ops.SlotAddress(slot=slot)):
            return OptionalText(_present(b, name, span), ops.Slot(name, slot.type, span))
        case Optional():
            return OptionalScalar(_present(b, name, span), b.local(name, storage(operand.value.type), span))
        case Values() | OptionalValues():
            present = _present(b, name, span) if isinstance(operand, OptionalValues) else None
            items = operand.items if isinstance(operand, Values) else operand.values.items
            return TupleLocal(tuple(_bind_item(b, *item, span) for item in named(name, items)), present)
        case Static(value=None):
            return OptionalScalar(_present(b, name, span), b.local(name, I64, span))
        case Static() if (address := memory.layout_of_address(operand.value)) is not None:
            return TextLocal(ops.Slot(name, address, span))
        case PendingText(length=length) if length:
            return TextLocal(ops.Slot(name, layout.Text(length), span))
        case PendingText():
            _needs_place(b, name, operand.source, span)
        case Static(value=str()):
            _needs_place(b, name, repr(operand.value), span)
        case Static(value=Map()) if inner_maps.is_inner(b, operand):
            return Fixed(inner_maps.named(b, operand, name, span))
        case Static(value=Map()):
            b.error(map_errors.MapAsValue(span, operand.name))
        case _ if ops.is_value(operand):
            return _bind_shape(b, name, Shape(storage(operand.type)), span)
        case _:
            hint = "for i in range(4):" if isinstance(operand, Range) else ""
            if isinstance(operand, Entries):
                hint = f"for {'key, value' if operand.part == 'items' else operand.part[:-1]} in {span.text}:"
            if describe(operand) == "a function":
                hint = f"call it: {span.text}(…)"
            b.error(type_errors.WrongType(span, "a value", describe(operand), hint))


def _bind_shape(b: Builder, name: str, shape: Shape, span: Span) -> Binding:
    type = shape.type
    if type is None:
        items = tuple(
            bind(b, each, Static(None, "None"), span, None) for each, _ in named(name, (None,) * shape.length)
        )
        return TupleLocal(items, _present(b, name, span) if shape.optional else None)
    if isinstance(type, PointerType) and isinstance(type.target, layout.Text | layout.Address):
        slot = ops.Slot(name, type.target, span)
        return OptionalText(_present(b, name, span), slot) if shape.optional or type.nullable else TextLocal(slot)
    if isinstance(type, PointerType):
        return Reference(b.local(name, type, span))
    value = b.local(name, type, span)
    return OptionalScalar(_present(b, name, span), value) if shape.optional else Scalar(value)


def _present(b: Builder, name: str, span: Span) -> ops.Local:
    return b.local(f"{name}.present", BOOL, span)


def _bind_item(b: Builder, name: str, operand: Operand, span: Span) -> Binding:
    """An item of a tuple: maps, functions and types may be among them."""
    match operand:
        case Static(value=None | str()):
            return bind(b, name, operand, span, None)
        case Static() if memory.layout_of_address(operand.value) is None:
            return Fixed(operand)
        case Packet() | Context() | Method():
            return Fixed(operand)
        case _:
            return bind(b, name, operand, span, None)


Item = TypeVar("Item")


def named(name: str, items: tuple[Item, ...]) -> list[tuple[str, Item]]:
    """The items of the tuple `name`, and what they are called."""
    return [(f"{name}[{number}]", item) for number, item in enumerate(items)]


def _bind_declared(b: Builder, name: str, declared: layout.Type, span: Span) -> Binding:
    if is_scalar(declared):
        return Scalar(b.local(name, loaded(declared), span), declared=True)
    if isinstance(declared, layout.Text | layout.Address):
        return TextLocal(ops.Slot(name, declared, span), declared=True)
    return Reference(b.local(name, PointerType(declared, Region.STACK), span))


def declared_as(binding: Binding, declared: layout.Type) -> bool:
    match binding:
        case Scalar():
            return is_scalar(declared) and loaded(declared) == binding.local.type
        case TextLocal():
            return binding.slot.type == declared
        case Reference():
            return isinstance(binding.local.type, PointerType) and binding.local.type.target == declared
        case _:
            return False


def binding_type(binding: Binding) -> str:
    match binding:
        case Scalar(declared=True) if isinstance(binding.local.type, IntType) and not binding.local.type.shown_as:
            return values.type_name(binding.local.type)
        case Scalar() | Reference():
            return describe_type(binding.local.type)
        case OptionalScalar():
            return f"{describe_type(binding.value.type)} or None"
        case TextLocal():
            return str(binding.slot.type)
        case OptionalText():
            return f"{binding.slot.type} or None"
        case TupleLocal():
            return f"a tuple of {len(binding.items)}" + (" or None" if binding.present is not None else "")
        case Fixed():
            return describe(binding.operand)


def retype(b: Builder, name: str, shape: Shape) -> NoReturn:
    b.retyped[(b.frame.number, name)] = shape
    raise Retype


def retype_tuple(b: Builder, name: str, found: TupleLocal | Values, optional: bool) -> NoReturn:
    """A tuple of which it turns out that it may be None; its items are then bound before there are any."""
    _keep_shapes(b, name, found)
    retype(b, name, Shape(None, optional, len(found.items)))


def _keep_shapes(b: Builder, name: str, found: TupleLocal | Values) -> None:
    """Remember what the items of a tuple need."""
    for each, item in named(name, found.items):
        shape = _shape_of(item)
        if isinstance(item, TupleLocal | Values):
            _keep_shapes(b, each, item)
        if shape is not None:
            b.retyped.setdefault((b.frame.number, each), shape)


def _shape_of(item: Binding | Operand) -> Shape | None:
    match item:
        case TupleLocal() | Values():
            return Shape(None, isinstance(item, TupleLocal) and item.present is not None, len(item.items))
        case Scalar() | Reference():
            return Shape(item.local.type)
        case OptionalScalar():
            return Shape(item.value.type, optional=True)
        case TextLocal() | OptionalText():
            return Shape(PointerType(item.slot.type, Region.STACK), isinstance(item, OptionalText))
        case PendingText(length=length) if length:
            return Shape(PointerType(layout.Text(length), Region.STACK))
        case Optional():
            return Shape(storage(item.value.type), optional=True)
        case _ if ops.is_value(item):
            return Shape(storage(item.type))
        case _:
            return None
