"""CO-RE: when a type of the object and one of the kernel count as the same.

Three relations, from loose to strict:

    fields    a member's type here and there, so that what is read at the one can be read at the other
    kinds     types of one name: of the same kind, and so are what they point to and take as parameters
    matching  every member, enumerator and parameter of the object's type is in the kernel's, with its type

Modifiers and typedefs count in none of them, flavours (`___x`) neither. The answers are libbpf's.
Source: the kernel's documentation, "BPF LLVM Relocations" and "libbpf Overview", on CO-RE.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_names import essential

_DEEPEST: Final = 32
"""Pointers, arrays, results: how many are followed one after the other; and of structs and parameters in each other."""
_MOST: Final = 1 << 20
"""Types, members and parameters gone over for one answer. Kernels need some hundreds; malformed BTF could ask for any
number."""
_Pair: TypeAlias = "tuple[types.BtfType, types.BtfType]"


class CoreError(Exception):
    """A record that has no answer at all, not even that something is missing."""


def fields_agree(local: Btf, here: int, target: Btf, there: int) -> bool:
    """Whether a member of type `here` can be read as one of type `there`. Integers of all sizes can; so can any two
    pointers, and any two structs or unions. Raises BtfError."""
    for _ in range(_DEEPEST):
        match local.type(local.resolve(here)), target.type(target.resolve(there)):
            case types.Struct(), types.Struct():
                return True
            case (types.Pointer(), types.Pointer()) | (types.Float(), types.Float()):
                return True
            case (types.Enum() as a, types.Enum() as b) | (types.Forward() as a, types.Forward() as b):
                return not a.name or not b.name or essential(a.name) == essential(b.name)
            case types.Int() as a, types.Int() as b:
                return a.bit_offset == 0 == b.bit_offset
            case types.Array() as a, types.Array() as b:
                here, there = a.type_id, b.type_id
            case _:
                return False
    raise CoreError("arrays nest too deep")


def same_kind(a: types.BtfType, b: types.BtfType) -> bool:
    """Whether two types are of one kind; enumerations of 32 and of 64 bits are."""
    if isinstance(a, types.Struct) and isinstance(b, types.Struct):
        return a.is_union == b.is_union
    if isinstance(a, types.Modifier) and isinstance(b, types.Modifier):
        return a.word == b.word
    return type(a) is type(b)


def types_agree(local: Btf, here: int, target: Btf, there: int) -> bool:
    """Whether types of the same name are of the same kinds. Raises BtfError, CoreError."""
    return _Relation(local, target).agree(here, there, _DEEPEST)


def types_match(local: Btf, here: int, target: Btf, there: int) -> bool:
    """Whether all that `here` has, `there` has too. Raises BtfError, CoreError."""
    return _Relation(local, target).match(here, there, False, _DEEPEST)


@final
class _Relation:
    """Compares types; pairs that are come to again aren't compared again."""

    def __init__(self, local: Btf, target: Btf) -> None:
        self._local = local
        self._target = target
        self._known: dict[tuple[int, int, bool, int], bool] = {}
        self._compared = 0

    def agree(self, here: int, there: int, level: int) -> bool:
        if not same_kind(self._local.type(here), self._target.type(there)):
            return False
        for _ in range(_DEEPEST):
            here, there = self._local.resolve(here), self._target.resolve(there)
            a, b = self._pair(here, there)
            if not same_kind(a, b):
                return False
            match a, b:
                case ((types.Void() | types.Struct() | types.Enum() | types.Forward()), _):
                    return True
                case types.Int() as a, types.Int() as b:
                    return a.bit_offset == 0 == b.bit_offset
                case (types.Pointer() as a, types.Pointer() as b) | (types.Array() as a, types.Array() as b):
                    here, there = a.type_id, b.type_id
                case types.FunctionPrototype() as a, types.FunctionPrototype() as b:
                    if len(a.parameters) != len(b.parameters):
                        return False
                    for x, y in zip(a.parameters, b.parameters, strict=True):
                        if not self._agree_within(x.type_id, y.type_id, level):
                            return False
                    here, there = self._local.resolve(a.return_type_id), self._target.resolve(b.return_type_id)
                case _:
                    return False
        raise CoreError("types nest too deep")

    def _agree_within(self, here: int, there: int, level: int) -> bool:
        if level <= 0:
            raise CoreError("functions take functions that take functions, too deep")
        here, there = self._local.resolve(here), self._target.resolve(there)
        key = (here, there, False, level - 1)
        if key not in self._known:
            self._known[key] = self.agree(here, there, level - 1)
        return self._known[key]

    def match(self, here: int, there: int, behind: bool, level: int) -> bool:
        """`behind`: behind a pointer, where structs count by their names alone."""
        if level <= 0:
            raise CoreError("types nest too deep")
        for _ in range(_DEEPEST):
            here, there = self._local.resolve(here), self._target.resolve(there)
            a, b = self._pair(here, there)
            if essential(_name(a)) != essential(_name(b)):
                return False
            match a, b:
                case types.Pointer() as a, types.Pointer() as b:
                    behind, here, there = True, a.type_id, b.type_id
                case types.Array() as a, types.Array() as b:
                    if a.length != b.length:
                        return False
                    here, there = a.type_id, b.type_id
                case types.FunctionPrototype() as a, types.FunctionPrototype() as b:
                    if len(a.parameters) != len(b.parameters):
                        return False
                    for x, y in zip(a.parameters, b.parameters, strict=True):
                        if not self._match_within(x.type_id, y.type_id, behind, level):
                            return False
                    here, there = a.return_type_id, b.return_type_id
                case types.Struct() as a, types.Struct() as b if not behind:
                    return a.is_union == b.is_union and self._members_match(a, b, level)
                case _:
                    return _matches(a, b, behind)
        raise CoreError("types nest too deep")

    def _members_match(self, a: types.Struct, b: types.Struct, level: int) -> bool:
        if len(a.members) > len(b.members):
            return False
        by_name: dict[str, list[int]] = {}
        for member in b.members:
            by_name.setdefault(essential(member.name), []).append(member.type_id)
        return all(
            any(
                self._match_within(member.type_id, other, False, level)
                for other in by_name.get(essential(member.name), ())
            )
            for member in a.members
        )

    def _match_within(self, here: int, there: int, behind: bool, level: int) -> bool:
        key = (here, there, behind, level - 1)
        if key not in self._known:
            self._known[key] = self.match(here, there, behind, level - 1)
        return self._known[key]

    def _pair(self, here: int, there: int) -> _Pair:
        a, b = self._local.type(here), self._target.type(there)
        self._compared += _extent(a) + _extent(b)
        if self._compared > _MOST:
            raise CoreError("the types are too large to be compared")
        return a, b


def _extent(found: types.BtfType) -> int:
    match found:
        case types.Struct():
            return 1 + len(found.members)
        case types.Enum():
            return 1 + len(found.values)
        case types.FunctionPrototype():
            return 1 + len(found.parameters)
        case _:
            return 1


def _matches(a: types.BtfType, b: types.BtfType, behind: bool) -> bool:
    """Of types that have nothing in them to look at."""
    match a, b:
        case types.Void(), types.Void():
            return True
        case types.Int() as a, types.Int() as b:
            return a.size == b.size and a.signed == b.signed
        case types.Enum() as a, types.Enum() as b:
            return a.size == b.size and len(a.values) <= len(b.values) and set(_names(a)) <= set(_names(b))
        case types.Forward() as a, types.Forward() as b:
            return a.is_union == b.is_union
        case (types.Struct() | types.Forward()) as a, (types.Struct() | types.Forward()) as b:
            return behind and a.is_union == b.is_union
        case _:
            return False


def _name(found: types.BtfType) -> str:
    return "" if isinstance(found, types.Void) else found.name


def _names(enum: types.Enum) -> Iterator[str]:
    return (essential(name) for name, _ in enum.values)
