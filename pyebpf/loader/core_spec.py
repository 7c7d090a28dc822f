"""CO-RE: what a record names in the object's types, and what that is in the kernel's.

`s->a[3].b` of `struct s { int x; struct { struct { int c, b; } a[7]; }; }` is recorded as `0:1:0:3:1`, the number of
each member from the outside in. By name it is element 0, member `a`, element 3, member `b`: that is looked for in the
kernel's `struct s`, whatever the numbers are there and whichever nameless structs are around.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_names import essential
from pyebpf.loader.core_relations import CoreError, fields_agree, types_agree, types_match
from pyebpf.records import dataclass

_LONGEST: Final = 64
"""Numbers in a record, as libbpf and the kernel have it."""


class CoreKind(IntEnum):
    """`enum bpf_core_relo_kind`. clang 10 brought the fields, 12 types and enumerators, 15 TYPE_MATCHES."""

    BYTE_OFFSET = 0
    BYTE_SIZE = 1
    EXISTS = 2
    SIGNED = 3
    LSHIFT = 4
    RSHIFT = 5
    TYPE_ID_LOCAL = 6
    TYPE_ID_TARGET = 7
    TYPE_EXISTS = 8
    TYPE_SIZE = 9
    ENUM_EXISTS = 10
    ENUM_VALUE = 11
    TYPE_MATCHES = 12

    @property
    def of_field(self) -> bool:
        return self <= CoreKind.RSHIFT

    @property
    def of_enumerator(self) -> bool:
        return self in (CoreKind.ENUM_EXISTS, CoreKind.ENUM_VALUE)

    @property
    def of_type(self) -> bool:
        return not (self.of_field or self.of_enumerator)


@final
@dataclass(frozen=True, slots=True)
class Step:
    """Member number `index` of struct `type_id`, or enumerator of an enumeration; without a name element number
    `index`, of type `type_id`."""

    type_id: int
    index: int
    name: str = ""


@final
@dataclass(frozen=True, slots=True)
class Spec:
    """A type, and the way to a field or an enumerator of it. For types alone there are no steps."""

    root: int
    steps: tuple[Step, ...] = ()
    bits: int = 0
    """Offset of the field from the start of the outermost object."""
    path: tuple[int, ...] = ()
    """The numbers, those of nameless structs included."""


def parse(btf: Btf, type_id: int, access: str, kind: CoreKind) -> Spec:
    """What a record names in the object's own types. Raises CoreError, BtfError."""
    if kind.of_type:
        if access != "0":
            raise CoreError(f"a type is named by 0, not by {access}")
        return Spec(type_id)
    path = _numbers(access)
    root = btf.resolve(type_id)
    if kind.of_enumerator:
        enum = btf.type(root)
        if not isinstance(enum, types.Enum) or len(path) > 1 or path[0] >= len(enum.values):
            raise CoreError("it names no enumerator")
        return Spec(type_id, (Step(root, path[0], enum.values[path[0]][0]),), 0, path)
    bits = path[0] * btf.size_of(root) * 8
    steps = [Step(root, path[0])]
    here = root
    for number in path[1:]:
        here = btf.resolve(here)
        found = btf.type(here)
        if isinstance(found, types.Struct):
            if number >= len(found.members):
                raise CoreError(f"it names member {number} of a struct of {len(found.members)}")
            member = found.members[number]
            bits += member.bit_offset
            if member.name:
                steps.append(Step(here, number, member.name))
            here = member.type_id
        elif isinstance(found, types.Array):
            if number >= found.length and not _is_flexible(btf, steps[-1], found):
                raise CoreError(f"it names element {number} of an array of {found.length}")
            here = btf.resolve(found.type_id)
            steps.append(Step(here, number))
            bits += number * btf.size_of(here) * 8
        else:
            raise CoreError(f"it names a part of {type(found).__name__} {found.name!r}, which has none")
    return Spec(type_id, tuple(steps), bits, path)


def _numbers(access: str) -> tuple[int, ...]:
    parts = access.split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 11 for part in parts):
        raise CoreError("it isn't numbers with colons between them")
    if len(parts) > _LONGEST:
        raise CoreError(f"it has more than {_LONGEST} numbers")
    return tuple(map(int, parts))


def _is_flexible(btf: Btf, last: Step, array: types.Array) -> bool:
    """Whether the array that the last step came to may have more elements than it says."""
    struct = btf.type(last.type_id)
    ends = isinstance(struct, types.Struct) and last.index == len(struct.members) - 1
    return bool(last.name) and array.length == 0 and ends


def match(local: Btf, spec: Spec, kind: CoreKind, target: Btf, candidate: int) -> Spec | None:
    """The same in the kernel's type `candidate`, or None if that doesn't have it. Raises CoreError, BtfError."""
    if kind.of_type:
        compare = types_match if kind is CoreKind.TYPE_MATCHES else types_agree
        return Spec(candidate) if compare(local, spec.root, target, candidate) else None
    if kind.of_enumerator:
        return _match_enumerator(spec, target, candidate)
    return _Search(local, target).field(spec, candidate)


def _match_enumerator(spec: Spec, target: Btf, candidate: int) -> Spec | None:
    here = target.resolve(candidate)
    enum = target.type(here)
    wanted = essential(spec.steps[0].name)
    if isinstance(enum, types.Enum):
        for number, (name, _) in enumerate(enum.values):
            if essential(name) == wanted:
                return Spec(candidate, (Step(here, number, name),), 0, (number,))
    return None


@final
class _Search:
    """Looks for a field in the kernel's types."""

    def __init__(self, local: Btf, target: Btf) -> None:
        self._local = local
        self._target = target

    def field(self, spec: Spec, candidate: int) -> Spec | None:
        target = self._target
        here, bits = candidate, 0
        steps: list[Step] = []
        path: list[int] = []
        for step in spec.steps:
            here = target.resolve(here)
            if step.name:
                found = self._member(step, here, set(), len(path))
                if found is None:
                    return None
                numbers, offset, reached = found
                path += numbers
                bits += offset
                steps.append(reached)
                struct = target.type(reached.type_id)
                assert isinstance(struct, types.Struct)
                here = struct.members[reached.index].type_id
                continue
            if steps:  # the first one is the object itself, which needs no array around it
                array = target.type(here)
                if not isinstance(array, types.Array):
                    return None
                if step.index >= array.length and not _is_flexible(target, steps[-1], array):
                    return None
                here = target.resolve(array.type_id)
            path.append(step.index)
            if len(path) > _LONGEST:
                raise CoreError("the kernel's types nest too deep")
            steps.append(Step(here, step.index))
            bits += step.index * target.size_of(here) * 8
        return Spec(candidate, tuple(steps), bits, tuple(path))

    def _member(self, step: Step, type_id: int, seen: set[int], depth: int) -> tuple[tuple[int, ...], int, Step] | None:
        """Its numbers from `type_id` on, its offset in bits there, and the struct that has it. A nameless struct that
        was searched once isn't again: it won't have the name then either."""
        type_id = self._target.resolve(type_id)
        found = self._target.type(type_id)
        if not isinstance(found, types.Struct) or type_id in seen:
            return None
        if depth >= _LONGEST:
            raise CoreError("the kernel's types nest too deep")
        seen.add(type_id)
        for number, member in enumerate(found.members):
            if not member.name:
                inner = self._member(step, member.type_id, seen, depth + 1)
                if inner is not None:
                    return (number, *inner[0]), member.bit_offset + inner[1], inner[2]
            elif member.name == step.name:
                struct = self._local.type(step.type_id)
                assert isinstance(struct, types.Struct)
                if not fields_agree(self._local, struct.members[step.index].type_id, self._target, member.type_id):
                    return None
                return (number,), member.bit_offset, Step(type_id, number, member.name)
        return None


def describe(btf: Btf, spec: Spec) -> str:
    """As C writes it: `struct task_struct.comm[0]`."""
    root = btf.type(spec.root)
    resolved = btf.type(btf.resolve(spec.root))
    word = "" if isinstance(root, types.Typedef) else _WORDS.get(type(resolved), "")
    if isinstance(resolved, types.Struct) and resolved.is_union and word:
        word = "union "
    text = f"{word}{root.name}"
    if isinstance(resolved, types.Enum):
        return f"{text}: {spec.steps[0].name}" if spec.steps else text
    for number, step in enumerate(spec.steps):
        if step.name:
            text += f".{step.name}"
        elif number or step.index:
            text += f"[{step.index}]"
    return text


_WORDS: Final[dict[type, str]] = {types.Struct: "struct ", types.Enum: "enum "}
