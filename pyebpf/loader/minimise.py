"""Minimised BTF: of a kernel's types just those, and of structs just the members, that objects ask for by CO-RE.

Comes in: objects, and a kernel's BTF. Goes out: BTF of a few kilobytes, from which every record of these objects has
the same answer as from the whole (but for the ids of types, which are those of this BTF). With it an object runs on a
kernel that has no BTF of its own.

    the record names      is kept
    a field               the structs on the way, with that member; its type, pointers without what they point to
    a type                the type; what it points to, returns and takes; structs and enumerations as names with a size
    a type, to match      all of it, structs behind pointers as names
    an enumerator         the enumeration

Structs of the kernel's modules become types like any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.btf_types import BtfType
from pyebpf.loader.core import Modules, Resolver, no_modules, own_types, records, title
from pyebpf.loader.core_spec import CoreKind, Spec
from pyebpf.loader.errors import LoadError
from pyebpf.object.btf_write import write_btf
from pyebpf.object.specs import Object

_MOST: Final = 1 << 20
"""Types gone over. A kernel has some hundred thousand."""


def minimise(objects: Iterable[Object], target: Btf, modules: Modules = no_modules) -> bytes:
    """The BTF that the CO-RE records of `objects` need of `target`. Raises LoadError, BtfError."""
    kept = _Kept(target)
    for obj in objects:
        if not obj.btf:
            continue
        local = own_types(obj)
        resolver = Resolver(local, target, modules)
        for function, record in records(obj):
            try:
                kind = CoreKind(record.kind)
                found = [] if kind is CoreKind.TYPE_ID_LOCAL else resolver.resolve(record)[1]
            except (LoadError, ValueError) as error:
                reason = error.reason if isinstance(error, LoadError) else "object"
                raise LoadError(f"{title(function, record, local)}: {error}", reason) from None
            for btf, spec in found:
                kept.keep(kind, btf, spec)
    return kept.write()


@final
class _Kept:
    """What is kept. Types are named by where they really are: those of a module's base are the kernel's."""

    def __init__(self, target: Btf) -> None:
        self._target = target
        self._btfs: list[Btf] = [target]
        self._types: set[tuple[int, int]] = set()
        """Number in `_btfs`, and type id."""
        self._members: dict[tuple[int, int], set[int]] = {}
        """Of structs: numbers of the members that are kept."""
        self._values: set[tuple[int, int]] = set()
        """Enumerations that keep their enumerators."""
        self._matched: set[tuple[int, int, bool]] = set()

    def keep(self, kind: CoreKind, btf: Btf, spec: Spec) -> None:
        if kind is CoreKind.TYPE_MATCHES:
            self._keep_all(btf, spec.root)
        elif kind.of_type:
            self._keep_type(btf, spec.root, pointers=True)
        elif kind.of_enumerator:
            self._keep_type(btf, spec.root)
            self._values.add(self._key(btf, spec.steps[0].type_id))
        else:
            self._keep_path(btf, spec)

    def _key(self, btf: Btf, type_id: int) -> tuple[int, int]:
        while btf.base is not None and type_id < btf.base.count:
            btf = btf.base
        if btf not in self._btfs:
            self._btfs.append(btf)
        return self._btfs.index(btf), type_id

    def _keep_path(self, btf: Btf, spec: Spec) -> None:
        self._keep_type(btf, spec.root)
        here = btf.resolve(spec.root)
        for number in spec.path[1:]:
            here = btf.resolve(here)
            found = btf.type(here)
            if isinstance(found, types.Struct):
                self._keep_member(btf, here, found, number)
                here = found.members[number].type_id
            else:
                assert isinstance(found, types.Array)
                here = found.type_id

    def _keep_member(self, btf: Btf, struct_id: int, struct: types.Struct, number: int) -> None:
        numbers = self._members.setdefault(self._key(btf, struct_id), set())
        numbers.add(number)
        self._keep_type(btf, struct.members[number].type_id)
        array = btf.type(btf.resolve(struct.members[number].type_id))
        last = len(struct.members) - 1
        if isinstance(array, types.Array) and not array.length and last not in numbers:
            self._keep_member(btf, struct_id, struct, last)  # or the array would be the last, and flexible

    def _keep_type(self, btf: Btf, type_id: int, pointers: bool = False) -> None:
        """A type and what it is made of, but not members of structs; with `pointers` also what is behind pointers."""
        waiting = [type_id]
        seen = set()
        while waiting:
            type_id = waiting.pop()
            if not type_id or type_id in seen:
                continue
            seen.add(type_id)
            self._types.add(self._key(btf, type_id))
            if len(seen) > _MOST:
                raise BtfError("the types are too large to be minimised")
            match btf.type(type_id):
                case (types.Typedef() | types.Modifier()) as found:
                    waiting.append(found.type_id)
                case types.Array() as found:
                    waiting += (found.type_id, found.index_type_id)
                case types.Pointer() as found if pointers:
                    waiting.append(found.type_id)
                case types.FunctionPrototype() as found if pointers:
                    waiting += (found.return_type_id, *(parameter.type_id for parameter in found.parameters))
                case _:
                    pass

    def _keep_all(self, btf: Btf, type_id: int) -> None:
        """A type with all its members and enumerators, and theirs; but behind pointers structs are names."""
        waiting = [(type_id, False)]
        while waiting:
            type_id, behind = waiting.pop()
            key = self._key(btf, type_id)
            if not type_id or (*key, behind) in self._matched:
                continue
            self._matched.add((*key, behind))
            self._types.add(key)
            match btf.type(type_id):
                case (types.Typedef() | types.Modifier()) as found:
                    waiting.append((found.type_id, behind))
                case types.Array() as found:
                    waiting += ((found.type_id, behind), (found.index_type_id, behind))
                case types.Pointer() as found:
                    waiting.append((found.type_id, True))
                case types.FunctionPrototype() as found:
                    named = (found.return_type_id, *(parameter.type_id for parameter in found.parameters))
                    waiting += ((each, behind) for each in named)
                case types.Struct() as found if not behind:
                    self._members.setdefault(key, set()).update(range(len(found.members)))
                    waiting += ((member.type_id, False) for member in found.members)
                case types.Enum():
                    self._values.add(key)
                case _:
                    pass

    def write(self) -> bytes:
        keys = sorted(self._types)
        numbers = {key: number for number, key in enumerate(keys, 1)}
        return write_btf((self._reduced(key, numbers) for key in keys), big_endian=self._target.big_endian)

    def _reduced(self, key: tuple[int, int], numbers: dict[tuple[int, int], int]) -> BtfType:
        btf = self._btfs[key[0]]
        found = btf.type(key[1])

        def new(type_id: int) -> int:
            """What isn't kept is `void`."""
            return numbers.get(self._key(btf, type_id), 0) if type_id else 0

        match found:
            case types.Struct():
                kept = sorted(self._members.get(key, ()))
                members = [found.members[number] for number in kept]
                moved = tuple(dataclasses.replace(member, type_id=new(member.type_id)) for member in members)
                return types.Struct(found.name, found.size, moved, found.is_union)
            case types.Enum():
                values = found.values if key in self._values else ()
                return types.Enum(found.name, found.size, found.signed, values, found.kind)
            case types.Array():
                return types.Array(new(found.type_id), new(found.index_type_id), found.length)
            case types.FunctionPrototype():
                parameters = tuple(types.Parameter(each.name, new(each.type_id)) for each in found.parameters)
                return types.FunctionPrototype(new(found.return_type_id), parameters)
            case types.Pointer():
                return types.Pointer(new(found.type_id))
            case types.Typedef() | types.Modifier() | types.Function() | types.Variable() | types.DeclarationTag():
                return dataclasses.replace(found, type_id=new(found.type_id))
            case _:
                return found
