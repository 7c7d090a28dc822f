"""CO-RE: makes an object's code fit the kernel at hand, where it depends on the layout of the kernel's types.

Comes in: an object whose records say which instructions depend on what; BTF of the object and of a kernel. Goes out:
the code of each function. The answers are those of libbpf, record by record:

    candidates   types of the kernel of the same kind and name, flavours (`___x`) aside; those of modules only where
                 the kernel itself has none. What a record found unfit isn't asked by later records of the same type
    the answer   must be the same for all candidates that have the field
    no answer    "no" and 0 where existence, sizes and ids of types are asked; else the instruction is poisoned

Source: the kernel's documentation, "BPF LLVM Relocations", section on CO-RE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.btf_names import essential
from pyebpf.loader.core_patch import Change, patch
from pyebpf.loader.core_relations import CoreError, same_kind
from pyebpf.loader.core_spec import CoreKind, Spec, describe, match, parse
from pyebpf.loader.errors import LoadError
from pyebpf.object.specs import CoreRelocation, FunctionSpec, Object
from pyebpf.records import dataclass

_LARGEST_LOAD: Final = 8
Candidate: TypeAlias = "tuple[Btf, int]"
Modules: TypeAlias = "Callable[[], Iterable[tuple[str, Btf]]]"


def no_modules() -> Iterable[tuple[str, Btf]]:
    """Of a kernel that isn't running nothing is known but what it is given as."""
    return ()


def relocate(obj: Object, target: Btf, modules: Modules = no_modules) -> dict[str, bytes]:
    """The code of the functions of `obj` that have CO-RE records, by name. Raises LoadError."""
    local = own_types(obj)
    resolver = Resolver(local, target, modules)
    order = ">" if obj.big_endian else "<"
    changed: dict[str, bytearray] = {}
    for function, record in records(obj):
        code = changed.setdefault(function.name, bytearray(function.code))
        at = record.offset - function.section_offset
        try:
            if at % 8 or at < 0 or at + (16 if code[at] == 0x18 else 8) > len(code):
                raise LoadError("it is for no whole instruction of the function", "object")
            patch(code, at, order, resolver.change(record))
        except LoadError as error:
            raise LoadError(f"{title(function, record, local)}: {error}", error.reason) from None
    return {name: bytes(code) for name, code in changed.items()}


def own_types(obj: Object) -> Btf:
    try:
        return Btf.from_bytes(obj.btf)
    except BtfError as error:
        raise LoadError(f"the object's own types: {error}", "object") from None


def records(obj: Object) -> Iterator[tuple[FunctionSpec, CoreRelocation]]:
    """All records of an object and the functions that they are for, as they stand in it."""
    functions = (*obj.functions, *(program.function for program in obj.programs))
    pairs = [(function, record) for function in functions for record in function.core]
    yield from sorted(pairs, key=lambda pair: pair[1].number)


def title(function: FunctionSpec, record: CoreRelocation, local: Btf) -> str:
    at = (record.offset - function.section_offset) // 8
    return f"CO-RE record of {function.name}, instruction {at} (`{asked(record, local)}`)"


def asked(record: CoreRelocation, local: Btf) -> str:
    """What `record` is about, in C's words."""
    try:
        return describe(local, parse(local, record.type_id, record.access, CoreKind(record.kind)))
    except (ValueError, BtfError, CoreError):
        return f"type {record.type_id}, {record.access!r}"


@final
class Resolver:
    """Answers records. Those of one object belong to one resolver, in their order."""

    def __init__(self, local: Btf, target: Btf, modules: Modules = no_modules) -> None:
        self.local = local
        self.target = target
        self._modules = modules
        self._candidates: dict[int, list[Candidate]] = {}
        self._known: dict[tuple[int, str, int], tuple[int, Change]] = {}
        """Answers, and how many candidates there were then: fewer may give another."""

    def change(self, record: CoreRelocation) -> Change:
        """What becomes of the record's instruction. Raises LoadError."""
        asks = (record.type_id, record.access, record.kind)
        candidates, known = self._known.get(asks, (-1, None))
        if known is None or candidates != len(self._candidates.get(record.type_id, ())):
            known = self._change(record)
            self._known[asks] = len(self._candidates.get(record.type_id, ())), known
        return known

    def _change(self, record: CoreRelocation) -> Change:
        try:
            kind = CoreKind(record.kind)
        except ValueError:
            raise LoadError(f"records of kind {record.kind} are not known", "object") from None
        if kind is CoreKind.TYPE_ID_LOCAL:
            self._parse(record, kind)
            return Change(None, record.type_id)
        spec, found = self.resolve(record)
        try:
            before = _value(kind, self.local, spec)
        except (BtfError, CoreError) as error:
            raise LoadError(str(error), "object") from None
        if not found:
            missing = 0 if kind in _ZERO_IF_MISSING else None
            return Change(_expected(kind, self.local, spec, before), missing)
        after = self._agreed(kind, found)
        resizable = before.size == after.size or _resizable(
            self.local.type(before.type_id), found[0][0].type(after.type_id)
        )
        checked = _expected(kind, self.local, spec, before)
        return Change(checked, after.value, before.size, after.size, resizable)

    def resolve(self, record: CoreRelocation) -> tuple[Spec, list[tuple[Btf, Spec]]]:
        """What a record names in the object, and in each of the candidates that have it. Raises LoadError."""
        kind = CoreKind(record.kind)
        spec = self._parse(record, kind)
        candidates = self._candidates_of(record.type_id)
        found: list[tuple[Btf, Spec]] = []
        fit = []
        try:
            for target, candidate in candidates:
                there = match(self.local, spec, kind, target, candidate)
                if there is not None:
                    found.append((target, there))
                    fit.append((target, candidate))
        except (BtfError, CoreError) as error:
            raise LoadError(f"the kernel's types: {error}", "kernel") from None
        if fit:
            self._candidates[record.type_id] = fit
        return spec, found

    def _parse(self, record: CoreRelocation, kind: CoreKind) -> Spec:
        try:
            return parse(self.local, record.type_id, record.access, kind)
        except (BtfError, CoreError) as error:
            raise LoadError(str(error), "object") from None

    def _candidates_of(self, type_id: int) -> list[Candidate]:
        if type_id not in self._candidates:
            try:
                root = self.local.type(type_id)
            except BtfError as error:
                raise LoadError(str(error), "object") from None
            if not root.name or isinstance(root, types.Void):
                raise LoadError("its type has no name to be looked for in the kernel", "object")
            try:
                self._candidates[type_id] = self._search(root)
            except BtfError as error:
                raise LoadError(f"the kernel's types: {error}", "kernel") from None
        return self._candidates[type_id]

    def _search(self, root: types.BtfType) -> list[Candidate]:
        name = essential(root.name)
        found = [(self.target, type_id) for type_id in _of_kind(self.target, name, root)]
        if not found:
            for _, module in self._modules():
                found += [(module, type_id) for type_id in _of_kind(module, name, root)]
        return found

    def _agreed(self, kind: CoreKind, found: list[tuple[Btf, Spec]]) -> _Value:
        """The value that all candidates have."""
        first: _Value | None = None
        for target, spec in found:
            try:
                value = _value(kind, target, spec)
            except (BtfError, CoreError) as error:
                raise LoadError(f"the kernel's types: {error}", "kernel") from None
            if first is None:
                first = value
            elif spec.bits != found[0][1].bits or value.value != first.value:
                ids = ", ".join(f"{spec.root}: {self._shown(target, spec, kind)}" for target, spec in found)
                raise LoadError(
                    f"the kernel has {len(found)} types of that name, and they don't agree (by type id, {ids})",
                    "kernel",
                )
        assert first is not None
        return first

    def _shown(self, target: Btf, spec: Spec, kind: CoreKind) -> str:
        value = _value(kind, target, spec).value
        return f"offset {spec.bits / 8:g}" if kind.of_field else str(value)


def _of_kind(btf: Btf, name: str, like: types.BtfType) -> Iterator[int]:
    """The types of that name, in any flavour, that are of the same kind."""
    return (number for number in btf.flavours(name) if same_kind(btf.type(number), like))


_ZERO_IF_MISSING: Final = (
    *(CoreKind.EXISTS, CoreKind.TYPE_EXISTS, CoreKind.TYPE_SIZE, CoreKind.TYPE_ID_TARGET),
    *(CoreKind.TYPE_MATCHES, CoreKind.ENUM_EXISTS),
)


@final
@dataclass(frozen=True, slots=True)
class _Value:
    """`size` is that of the field in bytes, 0 where no load may be changed for it; `type_id` its type."""

    value: int
    size: int = 0
    type_id: int = 0


def _value(kind: CoreKind, btf: Btf, spec: Spec) -> _Value:
    """What `kind` asks of `spec`. Raises BtfError, CoreError."""
    match kind:
        case CoreKind.EXISTS | CoreKind.TYPE_EXISTS | CoreKind.TYPE_MATCHES | CoreKind.ENUM_EXISTS:
            return _Value(1)
        case CoreKind.TYPE_ID_LOCAL | CoreKind.TYPE_ID_TARGET:
            return _Value(spec.root)
        case CoreKind.TYPE_SIZE:
            return _Value(btf.size_of(spec.root))
        case CoreKind.ENUM_VALUE:
            return _Value(_enumerator(btf, spec))
    last = spec.steps[-1]
    if not last.name:
        if kind is CoreKind.BYTE_OFFSET:
            return _Value(spec.bits // 8, btf.size_of(_element(btf, last.type_id)), last.type_id)
        if kind is CoreKind.BYTE_SIZE:
            return _Value(btf.size_of(last.type_id))
        raise CoreError("of elements of arrays, only offset and size can be asked")
    return _field(kind, btf, spec)


def _enumerator(btf: Btf, spec: Spec) -> int:
    """Of 32 bits a signed number always, as libbpf has it: before 6.0 BTF didn't say."""
    enum = btf.type(spec.steps[0].type_id)
    assert isinstance(enum, types.Enum)
    value = enum.values[spec.steps[0].index][1]
    if enum.kind is types.Kind.ENUM and value > 0x7FFFFFFF:
        value -= 1 << 32
    return value & 0xFFFFFFFFFFFFFFFF


def _element(btf: Btf, type_id: int) -> int:
    """The type of the elements of an array, of its arrays' if it has such; else `type_id` itself."""
    for _ in range(_DEEPEST):
        found = btf.type(btf.resolve(type_id))
        if not isinstance(found, types.Array):
            return type_id
        type_id = found.type_id
    raise CoreError("arrays nest too deep")


_DEEPEST: Final = 32


def _field(kind: CoreKind, btf: Btf, spec: Spec) -> _Value:
    """Of a named member."""
    last = spec.steps[-1]
    struct = btf.type(last.type_id)
    assert isinstance(struct, types.Struct)
    member = struct.members[last.index]
    type_id = btf.resolve(member.type_id)
    size, width, start = btf.size_of(type_id), member.bit_size, spec.bits // 8
    if width:
        size, start = _unit(spec.bits, width, size)
    match kind:
        case CoreKind.BYTE_OFFSET:
            return _Value(start) if width else _Value(start, btf.size_of(_element(btf, type_id)), type_id)
        case CoreKind.BYTE_SIZE:
            return _Value(size)
        case CoreKind.SIGNED:
            found = btf.type(type_id)
            return _Value(int(isinstance(found, types.Int | types.Enum) and found.signed))
        case CoreKind.LSHIFT:
            width = width or size * 8
            if btf.big_endian:
                return _Value((8 - size) * 8 + spec.bits - start * 8)
            return _Value(64 - (spec.bits + width - start * 8))
        case _:
            return _Value(64 - (width or size * 8))


def _unit(bits: int, width: int, size: int) -> tuple[int, int]:
    """Size and offset in bytes of the smallest aligned integer, of at least `size`, that holds a bit field whole."""
    if not size:
        raise CoreError("a bit field has a type of size 0")
    start = bits // 8 // size * size
    while bits + width - start * 8 > size * 8:
        if size >= _LARGEST_LOAD:
            raise CoreError("a bit field can't be read by one load")
        size *= 2
        start = bits // 8 // size * size
    return size, start


def _expected(kind: CoreKind, btf: Btf, spec: Spec, before: _Value) -> int | None:
    """What the instruction must say, where compilers have no choice."""
    if kind is CoreKind.TYPE_ID_TARGET:  # changed when objects are linked
        return None
    last = spec.steps[-1] if spec.steps else None
    if kind.of_field and last is not None and last.name and kind not in (CoreKind.SIGNED, CoreKind.RSHIFT):
        struct = btf.type(last.type_id)
        assert isinstance(struct, types.Struct)
        if struct.members[last.index].bit_size and kind is not CoreKind.EXISTS:
            return None  # units of bit fields are the compiler's choice
    return before.value


def _resizable(a: types.BtfType, b: types.BtfType) -> bool:
    """Whether loading fewer or more bytes still gives the value: of pointers and unsigned integers."""
    if isinstance(a, types.Pointer) and isinstance(b, types.Pointer):
        return True
    return all(isinstance(each, types.Int) and (not each.signed or each.character or each.boolean) for each in (a, b))
