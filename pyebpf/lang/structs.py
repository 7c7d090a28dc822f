"""`@struct`: a class whose annotations are fields of a C struct."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from types import FrameType
from typing import Any, TypeVar, overload

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.encode import record_class
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.types import ArrayType, layout_of

Class = TypeVar("Class", bound=type)


@overload
def struct(cls: Class, /) -> Class: ...
@overload
def struct(*, packed: bool = False) -> Callable[[Class], Class]: ...
def struct(cls: Any = None, /, *, packed: bool = False) -> Any:
    """Turn an annotated class into a struct, laid out as C does; `packed=True` leaves no padding.

    In Python, instances are made with keyword arguments (`Exec(pid=1)`) and can be keys and values of maps.
    """
    scope = sys._getframe(1)  # annotations written as strings are names of the place where the class stands
    if cls is None:
        return lambda inner: _make(inner, packed, scope)
    return _make(cls, packed, scope)


class _StructArrays(type):
    def __getitem__(cls, length: object) -> ArrayType:
        return ArrayType(cls, length)


def _make(cls: type, packed: bool, scope: FrameType) -> type:
    if not isinstance(cls, type):
        raise DeclarationError("@struct decorates a class", "@struct\nclass Event:\n    pid: u32")
    annotations = _annotations(cls, scope)
    if not annotations:
        raise DeclarationError(f"struct {cls.__name__} has no fields", "write one per line: `pid: u32`")
    members = []
    for name, annotation in annotations.items():
        if name in vars(cls):
            raise DeclarationError(
                f"field {name} of struct {cls.__name__} has a default, which structs don't take", field=name
            )
        try:
            members.append((name, layout_of(annotation)))
        except DeclarationError as error:
            raise DeclarationError(
                f"field {name} of struct {cls.__name__}: {error.message}", error.help, name
            ) from None
    shape = layout.struct_of(cls.__name__, tuple(members), packed=packed)
    body = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
    inner = {name: each for name, each in annotations.items() if isinstance(each, _StructArrays)}
    body |= {"__inner__": inner}  # fields that are structs: zeros of their own classes, which can be assigned to
    body |= {"__layout__": shape, "__init__": _init, "__repr__": _repr, "__eq__": _equal, "__hash__": _hash}
    return _StructArrays(cls.__name__, (), body)


def _annotations(cls: type, scope: FrameType) -> dict[str, object]:
    """Field annotations in order, those written as strings (`from __future__ import annotations`) evaluated."""
    raw: dict[str, Any]
    if sys.version_info >= (3, 14):
        import annotationlib

        raw = annotationlib.get_annotations(cls, format=annotationlib.Format.VALUE)
    else:
        raw = inspect.get_annotations(cls)
    found: dict[str, object] = {}
    for name, annotation in raw.items():
        if isinstance(annotation, str):
            try:  # the user's own source, evaluated as Python itself would without the future import
                annotation = eval(annotation, scope.f_globals, dict(scope.f_locals))
            except NameError as error:
                raise DeclarationError(f"field {name} of struct {cls.__name__}: {error}") from None
        found[name] = annotation
    return found


def _zero(type: layout.Type) -> object:
    """What memory of zeros decodes to."""
    match type:
        case layout.Text():
            return ""
        case layout.Array():
            return tuple(_zero(type.element) for _ in range(type.length))
        case layout.Boolean():
            return False
        case layout.Struct():
            return record_class(type)._make(_zero(field.type) for field in type.fields)
        case layout.Address():
            return IPv6Address(0) if type.view == "ipv6" else MacAddress(bytes(type.size))
        case layout.Integer(view="ipv4"):
            return IPv4Address(0)
        case _:
            return 0


def _init(self: Any, **values: object) -> None:
    shape: layout.Struct = type(self).__layout__
    names = {field.name for field in shape.fields}
    for name in values:
        if name not in names:
            raise TypeError(f"struct {shape.name} has no field {name!r}")
    for field in shape.fields:
        if field.name in values:
            value = values[field.name]
        else:
            inner = type(self).__inner__.get(field.name)
            value = _zero(field.type) if inner is None else inner()
        setattr(self, field.name, value)


def _items(value: Any) -> tuple[object, ...]:
    return tuple(getattr(value, field.name) for field in type(value).__layout__.fields)


def _repr(self: Any) -> str:
    shape: layout.Struct = type(self).__layout__
    fields = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in shape.fields)
    return f"{shape.name}({fields})"


def _equal(self: Any, other: object) -> bool:
    return type(self) is type(other) and _items(self) == _items(other)


def _hash(self: Any) -> int:
    return hash(_items(self))
