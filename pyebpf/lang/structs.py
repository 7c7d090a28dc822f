"""`@struct` and `@union`: classes whose annotations are fields of a C struct or union; `bits(n)` for bit fields."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar, overload

from pyebpf import layout
from pyebpf.decode import Overlay, overlay_views
from pyebpf.encode import bits_unit, encode, record_class
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.types import ArrayType, checked, layout_of
from pyebpf.lang.zeros import zero

Class = TypeVar("Class", bound=type)


@overload
def struct(cls: Class, /) -> Class: ...
@overload
def struct(*, packed: bool = False) -> Callable[[Class], Class]: ...
def struct(cls: Any = None, /, *, packed: bool = False) -> Any:
    """Turn an annotated class into a struct, laid out as C does; `packed=True` leaves no padding.

    In Python, instances are made with keyword arguments (`Exec(pid=1)`) and can be keys and values of maps. Fields
    may have defaults, which hold wherever the class is called, in probes as well: `proto: u8 = 6`.
    """
    scope = sys._getframe(1)  # annotations written as strings are names of the place where the class stands
    if cls is None:
        return lambda inner: _make(inner, "struct", packed, scope)
    return _make(cls, "struct", packed, scope)


def union(cls: Class, /) -> Class:
    """Turn an annotated class into a union: its fields are views of the same bytes, as in C.

    Writing one field and reading another gives the bytes as the other's type. New ones are zero but for the one field
    that is given: `Value(number=5)`.
    """
    return _make(cls, "union", False, sys._getframe(1))  # type: ignore[return-value]


class bits:
    """`flags: u8 = bits(3)`: a field of so many bits of its type, beside its neighbours as C lays bit fields out.

    `bits(3, 5)`: with the default 5.
    """

    def __init__(self, width: int, default: object = None) -> None:
        if isinstance(width, bool) or not isinstance(width, int):
            raise DeclarationError(f"the width of a bit field is a number of bits, not {width!r}", "bits(3)")
        self.width, self.default = width, default

    # A field `flags: u8 = bits(3)` is a u8 for type checkers.
    def __new__(cls, width: int, default: object = None) -> Any:
        return super().__new__(cls)


class _StructArrays(type):
    def __getitem__(cls, length: object) -> ArrayType:
        return ArrayType(cls, length)


def _make(cls: type, kind: str, packed: bool, scope: FrameType) -> type:
    if not isinstance(cls, type):
        raise DeclarationError(f"@{kind} decorates a class", f"@{kind}\nclass Event:\n    pid: u32")
    annotations = _annotations(cls, kind, scope)
    if not annotations:
        raise DeclarationError(f"{kind} {cls.__name__} has no fields", "write one per line: `pid: u32`")
    members = []
    defaults: dict[str, object] = {}
    for name, annotation in annotations.items():
        given = vars(cls).get(name)
        try:
            members.append((name, layout_of(annotation), _width(given, layout_of(annotation))))
            if isinstance(given, bits) and given.default is not None:
                defaults[name] = given.default
            elif name in vars(cls) and not isinstance(given, bits):
                defaults[name] = given
        except DeclarationError as error:
            raise DeclarationError(
                f"field {name} of {kind} {cls.__name__}: {error.message}", error.help, name
            ) from None
    shape = checked(layout.struct_of(cls.__name__, tuple(members), packed=packed, union=kind == "union"))
    for field in shape.fields:
        if field.bits and field.offset + field.type.size > shape.size:
            hint = "put bit fields beside each other until they fill whole numbers"
            raise DeclarationError(f"no number inside {kind} {shape.name} holds field {field.name}", hint, field.name)
    body = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__", *annotations)}
    body |= {"__layout__": shape, "__declared__": annotations, "__defaults__": defaults}
    if kind == "union":
        made = _StructArrays(cls.__name__, (Overlay,), body | overlay_views(shape))
    else:
        body |= {"__init__": _init, "__repr__": _repr, "__eq__": _equal, "__hash__": _hash, "copy": _copy}
        made = _StructArrays(cls.__name__, (), body)
    made.__initial__ = _initial(made, kind)  # type: ignore[attr-defined]
    return made


def _width(given: object, type: layout.Type) -> int:
    """The bits of a bit field, 0 for whole fields."""
    if not isinstance(given, bits):
        return 0
    unit = bits_unit(type)
    if unit is None or unit.big_endian:
        raise DeclarationError(f"{type} has no bit fields", "u8…u64, i8…i64, bool and IntEnums have")
    most = 1 if isinstance(type, layout.Boolean) else unit.size * 8
    if not 1 <= given.width <= most:
        raise DeclarationError(f"a bit field of {type} has 1 to {most} bits, not {given.width}", f"bits({most})")
    return given.width


def _initial(cls: Any, kind: str) -> bytes:
    """The bytes of a new instance."""
    shape: layout.Struct = cls.__layout__
    for name, default in cls.__defaults__.items():
        field = shape.field(name)
        assert field is not None
        only = layout.Struct(shape.name, (field,), shape.size, shape.align)
        try:
            encode(only, {name: default}, kind)
        except (TypeError, ValueError, OverflowError) as error:
            raise DeclarationError(f"the default of {str(error).removeprefix(f'{kind}.')}", "", name) from None
    if kind == "union" and len(cls.__defaults__) > 1:
        name = list(cls.__defaults__)[1]
        raise DeclarationError(f"two fields of union {shape.name} have defaults, for the same bytes", "", name)
    return encode(shape, cls())


def initial_of(declared: Any, size: int) -> bytes:
    """The bytes that a new instance of a declared type of `size` bytes has."""
    if isinstance(declared, ArrayType):
        return initial_of(declared.element, size // declared.layout.length) * declared.layout.length
    found = getattr(declared, "__initial__", None)
    return found if isinstance(found, bytes) else bytes(size)


def _annotations(cls: type, kind: str, scope: FrameType) -> dict[str, object]:
    """Field annotations in order, those written as strings (`from __future__ import annotations`) evaluated."""
    raw: dict[str, Any]
    if sys.version_info >= (3, 14):
        import annotationlib

        raw = annotationlib.get_annotations(cls, format=annotationlib.Format.VALUE)
    else:
        raw = inspect.get_annotations(cls)
    found: dict[str, object] = {}
    for name, annotation in raw.items():
        for _ in range(2):  # with the future import, one in quotes is text in text
            if isinstance(annotation, str):
                annotation = _evaluated(f"field {name} of {kind} {cls.__name__}", name, annotation, scope)
        found[name] = annotation
    return found


def _evaluated(what: str, name: str, text: str, scope: FrameType) -> object:
    """An annotation as text: the user's own source, evaluated as Python itself would without the quotes."""
    try:
        return eval(text, scope.f_globals, dict(scope.f_locals))
    except NameError as error:
        raise DeclarationError(f"{what}: {error}", field=name) from None
    except SyntaxError:
        raise DeclarationError(f"{what}: {text!r} is not a type", field=name) from None


def _init(self: Any, **values: object) -> None:
    cls = type(self)
    shape: layout.Struct = cls.__layout__
    for name in values:
        if shape.field(name) is None:
            raise TypeError(f"struct {shape.name} has no field {name!r}")
    for field in shape.fields:
        if field.name in values:
            value = values[field.name]
        elif field.name in cls.__defaults__:
            value = copy.deepcopy(cls.__defaults__[field.name])
        else:
            value = zero(field.type, cls.__declared__[field.name])
        setattr(self, field.name, value)


def _items(value: Any) -> tuple[object, ...]:
    return tuple(getattr(value, field.name) for field in type(value).__layout__.fields)


def _repr(self: Any) -> str:
    shape: layout.Struct = type(self).__layout__
    fields = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in shape.fields)
    return f"{shape.name}({fields})"


def _equal(self: Any, other: Any) -> bool:
    """Of the same struct, with the same values; what was read from a map or an event is a record of it."""
    if isinstance(other, record_class(type(self).__layout__)):
        return _items(self) == tuple(other)
    return type(self) is type(other) and _items(self) == _items(other)


def _hash(self: Any) -> int:
    return hash(_items(self))


def _copy(self: Any) -> Any:
    """Another instance with the same contents: `.copy()`, as in a probe."""
    return copy.deepcopy(self)
