"""What can be attached to in a kernel, by name: tracepoints, functions, system calls, security hooks, iterators."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final, final

from pyebpf.kernel import operations
from pyebpf.kernel.arguments import Signature, signature_of, syscall_signature
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import HOOKS, TP_BTF, AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.injection import may_modify
from pyebpf.kernel.lsm import DISABLED, NO_HOOKS
from pyebpf.kernel.perf_events import EVENTS, EventType, counters_here
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.kernel.tracepoints import TracepointField, tracepoint_fields, tracepoint_names
from pyebpf.kernel.versions import running_version
from pyebpf.records import dataclass

_OTHERS: Final = ("bpf_lsm_", "bpf_iter_")
"""Functions that stand for something else, which has hooks of its own."""


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Something that programs can be attached to."""

    hooks: tuple[str, ...]
    """The hooks that take it, by their names: `fentry`, `fexit`, …"""
    name: str
    """As it stands in the decorator: `sched:sched_switch`; "" for hooks that take none."""
    arguments: tuple[str, ...]
    """Each as C has it, `struct sock *sk`; the fields of tracepoints with types of the language, `pid: i32`."""
    result: str = ""
    """The type of its result, "" for none."""
    where: str = ""
    """What else must be said when it is attached: `interface`."""


def places(pattern: str, btf: Btf | None) -> Iterator[Place]:
    """All whose name has `pattern` in it, or that match it if it has wildcards; those of one hook, if it is the name of
    that. Without `btf` only what is known without the kernel's types."""
    exact = any(hook.name == pattern for hook in HOOKS)

    def wanted(name: str) -> bool:
        if any(letter in pattern for letter in "*?["):
            return fnmatch.fnmatchcase(name, pattern)
        return pattern in name

    for family in _families():
        chosen = [hook for hook in family if not exact or hook.name == pattern]
        if chosen:
            yield from _of(chosen, wanted if not exact else lambda _: True, btf)


def _families() -> list[list[Hook]]:
    """The hooks, those together that are on the same things."""

    def key(hook: Hook) -> tuple[bool, str, str, str]:
        target = _target(hook)
        if target is None:
            return False, hook.name, "", ""
        return True, target.what, target.prefix, target.kind.name

    return [list(family) for _, family in groupby(sorted(HOOKS, key=lambda h: (key(h), HOOKS.index(h))), key)]


def _target(hook: Hook) -> Target | None:
    """What the hook's argument names in the kernel's types."""
    if hook.place:  # the kernel knows nothing of programs
        return None
    return TP_BTF.target if hook.context is ContextKind.RAW_ARGS else hook.target


def _of(hooks: list[Hook], wanted: Callable[[str], bool], btf: Btf | None) -> Iterator[Place]:
    names = tuple(hook.name for hook in hooks)
    first, target = hooks[0], _target(hooks[0])
    if first.context is ContextKind.TRACEPOINT:
        for name in filter(wanted, tracepoint_names()):
            category, _, short = name.partition(":")
            found = tracepoint_fields(category, short)
            yield Place(names, name, tuple(map(_field, found.fields)) if found else ())
    elif first.context is ContextKind.SYSCALL:
        for name in filter(wanted, sorted(SYSCALLS)):
            yield _place(names, name, syscall_signature(name))
    elif first.attach is AttachKind.OPERATIONS:
        for name in filter(wanted, operations.structs(btf) if btf is not None else ()):
            members = operations.places(btf, name) if btf is not None else None
            yield Place(names, name, tuple(key for key, each in (members or {}).items() if each.kind == "operation"))
    elif first.attach is AttachKind.PERF_EVENT:
        for event in EVENTS:
            if (event.type == EventType.SOFTWARE or counters_here()) and any(map(wanted, event.names)):
                yield Place(names, event.name, (first.parameter,))
    elif target is not None and btf is not None:
        yield from _targets(btf, hooks, target, wanted)
    elif target is None:
        for hook in hooks:
            if wanted(hook.name):
                yield Place((hook.name,), "", (hook.parameter,), where=hook.where or hook.takes)


def _targets(btf: Btf, hooks: list[Hook], target: Target, wanted: Callable[[str], bool]) -> Iterator[Place]:
    """What the kernel's types have for these hooks; first that which all of them take."""
    everything = (name.removeprefix(target.prefix) for name, _ in btf.names(target.kind, target.prefix))
    found: list[Place] = []
    for name in sorted(set(filter(wanted, everything))):
        signature = signature_of(btf, target, name)
        taking = tuple(hook.name for hook in hooks if signature is not None and _takes(hook, name, signature))
        if taking:
            found.append(_place(taking, name, signature))
    yield from sorted(found, key=lambda place: -len(place.hooks))


def _takes(hook: Hook, name: str, signature: Signature) -> bool:
    """Whether it is what its name says, and open to such programs."""
    match hook.name:
        case "iterator":  # the kernel has other functions with this prefix
            first, result = signature.arguments[:1], signature.result
            told = bool(first) and first[0].declaration.startswith("struct bpf_iter_meta *")
            return told and result is not None and result.kind == "integer"
        case "lsm" | "lsm_cgroup":
            until = DISABLED.get(name)
            return name not in NO_HOOKS and (until is None or (running_version() or until) < until)
        case "fmod_ret":
            return may_modify(name, here=True)
    return not name.startswith(_OTHERS)


def _field(field: TracepointField) -> str:
    """In the words of the language."""
    match field.kind:
        case "text":
            return f"{field.name}: char[{field.count}]"
        case "data_loc":
            return f"{field.name}: " + ("text" if field.element == 1 else f"u{8 * field.element}[…]")
        case "user_pointer" | "kernel_pointer":
            return f"{field.name}: pointer to {'user' if field.kind == 'user_pointer' else 'kernel'} memory"
        case "integer" | "array":
            text = f"{'i' if field.signed else 'u'}{8 * field.size}"
            return f"{field.name}: {text}" + (f"[{field.count}]" if field.kind == "array" else "")


def _place(hooks: tuple[str, ...], name: str, signature: Signature | None) -> Place:
    if signature is None:
        return Place(hooks, name, ())
    result = signature.result
    given = result.declaration.removesuffix(result.name).strip() if result is not None else ""
    return Place(hooks, name, tuple(each.declaration for each in signature.arguments), given)
