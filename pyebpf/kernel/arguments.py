"""The arguments of what a hook names, by the kernel's BTF: where each lies, and its type.

What programs get is laid out as the kernel's trampolines do it: eight bytes for each argument, two or more times eight
for a struct by value, and behind all of them the result. Source: `btf_ctx_access` in kernel/bpf/btf.c.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.c_text import declaration, prototype
from pyebpf.kernel.hooks import Target
from pyebpf.kernel.lsm import NO_HOOKS
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.layout import Boolean, Integer
from pyebpf.nearest import get_close_matches
from pyebpf.records import dataclass

RESULT: Final = "ret"
"""The parameter that stands for the target's result."""
WORD: Final = 8
_MOST_NAMES: Final = 400
"""Names that one is compared with, to find the nearest."""


@final
@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, or the result.

    `integer`   of `size` bytes; `boolean` too, of which it only counts whether it is 0
    `struct`    the address of a struct `struct`
    `address`   another address; `space` says of what memory, if the BTF does
    `other`     what a register doesn't hold: a struct by value, a number with a fraction
    """

    name: str
    kind: Literal["integer", "boolean", "struct", "address", "other"]
    declaration: str
    """As C has it: `struct file *file`."""
    place: int
    """In words of eight bytes from the first argument."""
    size: int = WORD
    signed: bool = False
    struct: str = ""
    space: Literal["user", "kernel", "any"] = "any"


@final
@dataclass(frozen=True, slots=True)
class Signature:
    """What a hook's target takes and gives."""

    text: str
    """The prototype in C."""
    arguments: tuple[Argument, ...]
    result: Argument | None
    """None for void."""

    def find(self, name: str) -> Argument | None:
        """The argument `name`, or None."""
        return next((each for each in self.arguments if each.name == name), None)


def find_target(btf: Btf, target: Target, name: str) -> tuple[str, Btf, int] | None:
    """What a hook names, a function of a module perhaps as `module:function`: the module's name, "" for the kernel
    itself; the BTF that has it; its id there. Raises BtfError."""
    module, _, plain = name.rpartition(":")
    for owner, known in btf.whole():
        if module in ("", owner or "vmlinux") and (found := known.find(target.prefix + plain, target.kind)) is not None:
            return owner, known, found
    return None


def signature_of(btf: Btf, target: Target, name: str) -> Signature | None:
    """What `name` takes and gives; None if neither the kernel has such a target nor one of its modules."""
    there = find_target(btf, target, name)
    if there is None:
        return None
    module, btf, _ = there
    name = name.rpartition(":")[2]
    found = _prototype(btf, target.prefix + name, target.kind)
    if found is None:
        return None
    named = _prototype(btf, target.named_by + name, Kind.FUNC) if target.named_by else None
    if named is not None and len(named.parameters) == len(found.parameters):
        found = types.FunctionPrototype(found.return_type_id, named.parameters)
    return function_signature(btf, found, name, target.skipped, module)


def function_signature(
    btf: Btf, found: types.FunctionPrototype, name: str, skipped: int = 0, module: str = ""
) -> Signature:
    """What a function of this prototype takes and gives."""
    tagged = btf.find("user", Kind.TYPE_TAG) is not None
    arguments, place = [], 0
    for each in found.parameters[skipped:]:
        argument = _argument(btf, each.name, each.type_id, place, tagged)
        arguments.append(argument)
        place += max(-(-argument.size // WORD), 1)
    result = found.return_type_id
    given = _argument(btf, RESULT, result, place, tagged) if btf.resolve(result) else None
    text = prototype(btf, found, name, skipped)
    return Signature(f"{text} [{module}]" if module else text, tuple(arguments), given)


def _prototype(btf: Btf, name: str, kind: Kind) -> types.FunctionPrototype | None:
    """Of a function, of a typedef of the address of one, or of a struct as if its members were parameters."""
    found = btf.find(name, kind)
    type = btf.type(btf.resolve(found)) if found is not None else None
    if isinstance(type, types.Struct):  # a context of pointers, which are eight bytes each
        return types.FunctionPrototype(0, tuple(types.Parameter(each.name, each.type_id) for each in type.members))
    if isinstance(type, types.Pointer | types.Function):
        type = btf.type(btf.resolve(type.type_id))
    return type if isinstance(type, types.FunctionPrototype) else None


def _argument(btf: Btf, name: str, type_id: int, place: int, tagged: bool) -> Argument:
    text = declaration(btf, type_id, name)
    found = btf.type(btf.resolve(type_id)) if type_id else None
    match found:
        case types.Int(boolean=True) | types.Int(name="_Bool"):
            return Argument(name, "boolean", text, place, found.size)
        case types.Int(size=1 | 2 | 4 | 8) | types.Enum(size=1 | 2 | 4 | 8):
            return Argument(name, "integer", text, place, found.size, found.signed)
        case types.Pointer():
            return _pointer(btf, name, found, text, place, tagged)
        case types.Int() | types.Struct() | types.Float():
            return Argument(name, "other", text, place, found.size)
        case _:
            return Argument(name, "other", text, place)


def _pointer(btf: Btf, name: str, pointer: types.Pointer, text: str, place: int, tagged: bool) -> Argument:
    if _is_user(btf, pointer.type_id):
        return Argument(name, "address", text, place, space="user")
    found = btf.type(btf.resolve(pointer.type_id)) if pointer.type_id else None
    if isinstance(found, types.Struct) and found.name:
        return Argument(name, "struct", text, place, struct=found.name)
    # Compilers that know no tags leave `__user` out, so nothing is known of what isn't tagged.
    return Argument(name, "address", text, place, space="kernel" if tagged else "any")


def _is_user(btf: Btf, type_id: int) -> bool:
    """Whether what a pointer points to is tagged as user memory (`__user`; 5.18, where the compiler keeps it)."""
    for _ in range(16):
        found = btf.type(type_id) if type_id else None
        if not isinstance(found, types.Modifier):
            return False
        if found.word == "type_tag" and found.name == "user":
            return True
        type_id = found.type_id
    return False


_SYSCALL_TYPES: Final = {
    "ptr": ("void *", WORD, False),
    "i32": ("int ", 4, True),
    "u32": ("unsigned int ", 4, False),
    "u16": ("umode_t ", 2, False),
    "i64": ("long ", WORD, True),
    "u64": ("unsigned long ", WORD, False),
}
"""By the words of `syscalls`: as C has it, bytes, whether it is signed."""


def syscall_signature(name: str) -> Signature | None:
    """What a system call takes; None if there is none of that name."""
    call = SYSCALLS.get(name)
    if call is None:
        return None
    arguments = []
    for place, each in enumerate(call.split()):
        word, _, type = each.partition(":")
        text, size, signed = _SYSCALL_TYPES[type]
        kind: Literal["address", "integer"] = "address" if type == "ptr" else "integer"
        space: Literal["user", "any"] = "user" if type == "ptr" else "any"
        arguments.append(Argument(word, kind, f"{text}{word}", place, size, signed, space=space))
    shown = ", ".join(each.declaration for each in arguments) or "void"
    return Signature(f"long {name}({shown})", tuple(arguments), Argument(RESULT, "integer", "long ret", 0, WORD, True))


def written_signature(name: str, types: Iterable[tuple[str, Integer | Boolean]]) -> Signature:
    """What somebody says that a function takes, or gives as `ret`: numbers by name."""
    all = [_written(word, type, place) for place, (word, type) in enumerate(types)]
    arguments = tuple(each for each in all if each.name != RESULT)
    result = next((each for each in all if each.name == RESULT), None)
    return Signature(f"{name}({', '.join(each.name for each in arguments)})", arguments, result)


def _written(name: str, type: Integer | Boolean, place: int) -> Argument:
    if isinstance(type, Boolean):
        return Argument(name, "boolean", name, place, type.size)
    return Argument(name, "integer", name, place, type.size, type.signed)


NO_TARGETS: Final = frozenset(f"bpf_lsm_{name}" for name in NO_HOOKS)


def nearest_target(btf: Btf, target: Target, name: str) -> str:
    """The most similar name among the targets that `btf` has, or ""; of `module:function` among those of the module."""
    module, colon, name = name.rpartition(":")
    if colon:
        own = next((known for owner, known in btf.whole() if owner == module), None)
        return f"{module}:{near}" if own is not None and (near := _nearest_in(own, target, name)) else ""
    return _nearest_in(btf, target, name)


def _nearest_in(btf: Btf, target: Target, name: str) -> str:
    start = target.prefix + name[:2]
    for prefix in (start, target.prefix) if target.prefix or len(name) < 3 else (start, ""):
        names = (found[len(target.prefix) :] for found, _ in btf.names(target.kind, prefix) if found not in NO_TARGETS)
        near = nearest(name, names)
        if near:
            return near
    return ""


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of many `names`, or "": first those that have most letters in common are found, quickly."""
    letters = set(name)
    ranked = sorted(
        (len(letters ^ set(each)) + abs(len(each) - len(name)), each)
        for each in set(names)
        if abs(len(each) - len(name)) <= max(3, len(name) // 4)
    )
    near = get_close_matches(name, [each for _, each in ranked[:_MOST_NAMES]], n=1, cutoff=0.75)
    return near[0] if near else ""
