"""What a kfunc takes, as the kernel's BTF and its naming tell: `buffer__sz` is the size of `buffer`."""

from __future__ import annotations

from typing import Final, Literal, NoReturn, TypeAlias, final

from pyebpf import layout
from pyebpf.ir.module import IntegerPointer, KfuncRef, StructPointer
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.dynptrs import STRUCTS, maker_by_name, slicer_by_name
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.kfuncs import MEMORY, SESSIONS
from pyebpf.records import dataclass

Basic: TypeAlias = "layout.Integer | layout.Enumeration | layout.Boolean | StructPointer | IntegerPointer"
CONTEXTS: Final = {
    "xdp_md": (ContextKind.XDP_PACKET, ContextKind.XDP_PIECES),
    "__sk_buff": (
        *(ContextKind.TC_PACKET, ContextKind.SKB_PACKET, ContextKind.SKB_COPY),
        *(ContextKind.ROUTED_PACKET, ContextKind.SENT_PACKET),
    ),
}
"""Structs that stand for a program's context."""
SIZES: Final = ("__sz", "__szk")
NULLABLE: Final = "__nullable"
FLAGS: Final = "__irq_flag"
"""Where the state of interrupts is kept meanwhile, on the program's stack. No probe writes it."""
_WORDS: Final = "nr_words"
"""What `bpf_iter_bits_new` calls the number of its words of 8 bytes, which follows them."""
REFUSED: Final = (
    *(
        "__ign",
        "__map",
        "__prog",
        "__k",
        "__alloc",
        "__uninit",
        "__refcounted_kptr",
        "__str",
    ),
    *("__opt",),
)
"""What the verifier treats in a way of its own."""
_LOOP: Final = "takes an iterator, which is a loop here"
_LATER: Final = "has the kernel call a function later, which probes can't give it"
INSTEAD: Final = {
    **dict.fromkeys(("bpf_wq", "bpf_task_work", "bpf_timer"), _LATER),
    **dict.fromkeys(
        ("bpf_list_head", "bpf_rb_root", "bpf_list_node", "bpf_rb_node"), "takes a collection of the kernel's"
    ),
    **dict.fromkeys(("bpf_res_spin_lock", "bpf_spin_lock"), "takes a lock: with entry.lock:"),
}


@final
@dataclass(frozen=True, slots=True)
class Taken:
    """One argument as a probe writes it."""

    kind: Literal[
        "number", "context", "own", "struct", "memory", "text", "address", "words", "flags", "dynptr", "room", "type"
    ]
    name: str
    type: layout.Integer | layout.Boolean | None = None
    """Of numbers."""
    structs: tuple[str, ...] = ()
    """Of structs: the name, and those of structs that begin with one."""
    size: int = 0
    """Of memory: how many bytes it has at least; 0 where its size follows."""
    constant: bool = False
    """Whether the size must be a constant (`__szk`)."""
    also_memory: bool = False
    """Whether a struct may also be memory of the program's own."""
    nullable: bool = False
    """Whether a struct may be None."""


@final
@dataclass(frozen=True, slots=True)
class Signature:
    """A kfunc, as the object names it and as probes call it."""

    ref: KfuncRef
    takes: tuple[Taken, ...]
    sizes: tuple[tuple[str, int], ...]
    """Of the structs that it points to, in bytes."""


@final
class Unspeakable(Exception):
    """The language has no words for what a kfunc takes or gives; which, as a verb phrase."""


def signature(btf: Btf, name: str, prototype: btf_types.FunctionPrototype) -> Signature:
    """Read the types. Raises Unspeakable."""
    read = read_signature(btf, name, prototype)
    given = read.ref.result
    number = isinstance(given, IntegerPointer) and name not in MEMORY
    if slicer_by_name(name) is None and (number or given == StructPointer("")):
        raise Unspeakable("gives the address of memory")
    return read


def read_signature(btf: Btf, name: str, prototype: btf_types.FunctionPrototype, iterator: str = "") -> Signature:
    """The same of any kfunc. `iterator`: the struct of which the first argument has the address, which no probe writes.
    Raises Unspeakable."""
    reader, slicer = _Reader(btf, iterator), slicer_by_name(name)
    parameters = prototype.parameters
    basic = tuple(reader.parameter(each.type_id) for each in parameters)
    takes = []
    for number, each in enumerate(parameters):
        before = basic[number - 1] if number else None
        follows = each.name.endswith(SIZES) or (each.name == _WORDS and isinstance(before, IntegerPointer))
        if (follows and isinstance(before, StructPointer | IntegerPointer)) or (iterator and not number):
            continue
        following = parameters[number + 1].name if number + 1 < len(parameters) else ""
        if slicer is not None and following.endswith(SIZES):
            takes.append(Taken("type", "type"))
            continue
        if name in SESSIONS and basic[number] == StructPointer(""):  # the program's own context, from 7.0 on
            takes.append(Taken("own", "ctx"))
            continue
        takes.append(reader.taken(each, basic[number], following))
    if any(each.kind == "room" for each in takes) and (maker_by_name(name) is None or takes[-1].kind != "room"):
        reader.refuse("makes a dynptr in a way that the language has no words for")
    result = prototype.return_type_id
    given = reader.basic(result) if btf.resolve(result) else None
    return Signature(KfuncRef(name, basic, given), tuple(takes), tuple(reader.sizes.items()))


@final
class _Reader:
    def __init__(self, btf: Btf, iterator: str = "") -> None:
        self.btf = btf
        self.iterator = iterator
        self.sizes: dict[str, int] = {}

    def refuse(self, what: str) -> NoReturn:
        raise Unspeakable(what)

    def parameter(self, type_id: int) -> Basic:
        """As `basic`; enums keep their kind, which libbpf compares."""
        found, type = self.btf.type(self.btf.resolve(type_id)), self.basic(type_id)
        if isinstance(found, btf_types.Enum) and isinstance(type, layout.Integer):
            return layout.Enumeration(found.name or "kind", type, found.values)
        return type

    def basic(self, type_id: int) -> Basic:
        """The type as the object's own BTF has it."""
        found = self.btf.type(self.btf.resolve(type_id))
        match found:
            case btf_types.Int(name="_Bool"):
                return layout.BOOL
            case btf_types.Int(size=1 | 2 | 4 | 8) | btf_types.Enum(size=1 | 2 | 4 | 8):
                return integer(found)
            case btf_types.Pointer():
                return self._pointer(found)
        self.refuse("takes or gives what the language has no type for")

    def _pointer(self, pointer: btf_types.Pointer) -> Basic:
        target = self.btf.resolve(pointer.type_id) if pointer.type_id else 0
        found = self.btf.type(target) if target else None
        match found:
            case None | btf_types.Void():
                return StructPointer("")
            case btf_types.Int(size=1 | 2 | 4 | 8) | btf_types.Enum(size=1 | 2 | 4 | 8):
                return IntegerPointer(integer(found))
            case btf_types.Struct() if found.name and not found.is_union:
                if found.name in INSTEAD or (found.name.startswith("bpf_iter_") and found.name != self.iterator):
                    self.refuse(INSTEAD.get(found.name, _LOOP))
                self.sizes.setdefault(found.name, self.btf.size_of(target))
                return StructPointer(found.name)
        self.refuse("takes or gives what the language has no type for")

    def taken(self, parameter: btf_types.Parameter, type: Basic, following: str) -> Taken:
        name = parameter.name or "value"
        if isinstance(type, layout.Enumeration):
            return Taken("number", name, type.base)
        if isinstance(type, layout.Integer | layout.Boolean):
            return Taken("number", name, type)
        if isinstance(type, StructPointer) and type.struct in STRUCTS:
            nullable = name.endswith("__nullable")
            kind: Literal["room", "dynptr"] = "room" if name.endswith("__uninit") else "dynptr"
            return Taken(kind, name.removesuffix("__nullable"), nullable=nullable)
        if following.endswith(SIZES) and not name.endswith("__opt"):
            return Taken("memory", name, constant=following.endswith("__szk"))
        if isinstance(type, IntegerPointer) and name.endswith(FLAGS):
            return Taken("flags", name, size=type.type.size)
        if isinstance(type, IntegerPointer) and following == _WORDS and type.type.size == 8:
            return Taken("words", name.partition("__")[0], size=type.type.size)
        if isinstance(type, IntegerPointer) and name.endswith("__ign") and type.type.size == 1:
            return Taken("text", name.removesuffix("__ign"))
        if type == StructPointer("") and name.endswith("__ign"):  # the verifier doesn't look at it
            return Taken("address", name.removesuffix("__ign"))
        if name.endswith(REFUSED) or type == StructPointer(""):
            self.refuse(f"takes `{name}` in a way that the language has no words for")
        if isinstance(type, IntegerPointer):
            return Taken("memory", name, size=type.type.size)
        if type.struct in CONTEXTS:
            return Taken("context", name, structs=(type.struct,))
        size = self.sizes[type.struct]
        found = self.btf.find(type.struct, btf_types.Kind.STRUCT)
        plain = found is not None and self._is_plain(found)
        structs = (type.struct, *self._begin_with(type.struct))
        nullable = name.endswith(NULLABLE)
        name = name.removesuffix(NULLABLE)
        return Taken("struct", name, structs=structs, size=size, also_memory=plain, nullable=nullable)

    def _begin_with(self, struct: str) -> tuple[str, ...]:
        """Structs that may stand for `struct`, since it is the first of what is in them."""
        wrapper = self.btf.find(f"bpf_{struct}", btf_types.Kind.STRUCT)
        found = self.btf.type(wrapper) if wrapper is not None else None
        if not isinstance(found, btf_types.Struct) or not found.members:
            return ()
        first = self.btf.type(self.btf.resolve(found.members[0].type_id))
        return (found.name,) if isinstance(first, btf_types.Struct) and first.name == struct else ()

    def _is_plain(self, type_id: int) -> bool:
        """Whether a type is numbers all through, so that the kernel takes any memory for it."""
        found = self.btf.type(self.btf.resolve(type_id))
        match found:
            case btf_types.Int() | btf_types.Enum():
                return True
            case btf_types.Array():
                return self._is_plain(found.type_id)
            case btf_types.Struct():
                return bool(found.members) and all(self._is_plain(member.type_id) for member in found.members)
            case _:
                return False


def integer(type: btf_types.Int | btf_types.Enum) -> layout.Integer:
    return layout.Integer(f"{'i' if type.signed else 'u'}{type.size * 8}", type.size, type.signed)
