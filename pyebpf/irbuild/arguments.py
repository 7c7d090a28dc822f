"""The parameters of a probe that are the arguments of what its hook is on: bound by name, where the probe begins."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches

from pyebpf import layout
from pyebpf.diagnostics import arguments as errors
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.diagnostics.proofs import TooNew
from pyebpf.ir import ops
from pyebpf.ir.types import U64, AddressType, IntType, KernelType
from pyebpf.irbuild import assignments, contexts, functions, operations, pointed, registers, usdt
from pyebpf.irbuild.assigned import assigned_names
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Abandon, Builder, is_address
from pyebpf.irbuild.operands import Context
from pyebpf.kernel.arguments import (
    RESULT,
    WORD,
    Argument,
    Signature,
    nearest,
    nearest_target,
    signature_of,
    syscall_signature,
    written_signature,
)
from pyebpf.kernel.hooks import HOOKS, AttachKind, ContextKind, Hook
from pyebpf.kernel.lsm import BOOLEAN, NO_HOOKS
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.kernel.usdt import MOST_ARGUMENTS
from pyebpf.kernel.versions import show_version
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

CONTEXT = "ctx"
"""The parameter that stands for all that the kernel gives, for helpers that want it."""
OFFSET = re.compile(r"0x[0-9a-fA-F]{1,8}|[0-9]{1,9}")
USER = (ContextKind.USER_REGISTERS, ContextKind.USDT)
"""Hooks of which the kernel has no types."""


def bind(b: Builder, function: tree.Function) -> None:
    """Every parameter as what the kernel gives for it. Raises Abandon when any of them is wrong."""
    if b.hook.attach is AttachKind.OPERATIONS:
        function = operations.without_self(function)
    signature = b.signature = signature_of_hook(b, function)
    traced = (*USER, ContextKind.REGISTERS)  # whose result is the kernel's, not the function's
    if b.hook.gives and signature.result is None and b.hook.context not in traced:
        b.hook = replace(b.hook, result=(0, 0))
    if b.hook.attach_type is AttachType.LSM_CGROUP and signature.result is None:  # and these must say yes
        b.hook = replace(b.hook, returns=None, result=(b.hook.default,) * 2)
    if b.hook.program_type is ProgramType.LSM and b.argument in BOOLEAN:
        b.hook = replace(b.hook, result=(0, 1))
    changed = assigned_names(function)
    mentioned = {each.id for each in parts(function.body) if isinstance(each, tree.Name)}
    wrong = False
    by_order = b.hook.context in USER or b.hook.attach is AttachKind.OPERATIONS or _many(b)
    for parameter in function.parameters:
        if by_order and parameter.name not in mentioned:
            continue  # it is there for the order; reading it takes work
        try:
            _bind(b, signature, function, parameter, parameter.name in changed)
        except Abandon:
            wrong = True
    if wrong:
        raise Abandon


def signature_of_hook(b: Builder, function: tree.Function) -> Signature:
    """What the hook's target takes and gives, or a diagnostic at the decorator."""
    target, span = b.hook.target, contexts.decorator_span(b)
    assert target is not None
    if b.hook.attach is AttachKind.OPERATIONS:
        return operations.signature(b, function)
    if b.hook.context is ContextKind.SYSCALL:
        return _syscall(b, span)
    if b.hook.context in USER or _many(b):
        return _annotated(b, function)
    if b.hook.context is ContextKind.REGISTERS and "+" in b.argument:
        return _inside(b, span)
    kprobe = b.hook.context is ContextKind.REGISTERS
    written = _written(b, function) if kprobe else None
    btf = b.module.btf_or_none() if written is not None else b.module.btf(b, span)
    known = btf is not None and not (b.hook.program_type is ProgramType.LSM and b.argument in NO_HOOKS)
    found = (signature_of(btf, target, b.argument) if btf is not None and known else None) or written
    if found is None:
        assert btf is not None
        if b.module.kernel is not None and b.module.kernel < b.hook.since:
            since, kernel = show_version(b.hook.since), show_version(b.module.kernel)
            b.error(TooNew(span, f"@{b.hook.name}", since, kernel))
        near = nearest_target(btf, target, b.argument)
        hint = f'@{b.hook.name}("{near}")' if near else ""
        if not near and kprobe:
            parameters = ", ".join(f"{each.name}: u64" for each in function.parameters)
            order = "" if b.hook.gives else ", in the function's order"
            hint = f"give parameters types{order}: def {function.name}({parameters}):"
        if not b.argument:
            hint = f"@{b.hook.name} came with Linux {show_version(b.hook.since)}"
        b.error(errors.UnknownTarget(span, target.what, b.argument or target.prefix, hint))
    return found


def _many(b: Builder) -> bool:
    """Whether the hook is on many functions, of which each has arguments of its own."""
    return b.hook.attach is AttachKind.KPROBE_MULTI and any(letter in b.argument for letter in "*?[")


def _inside(b: Builder, span: Span) -> Signature:
    """Of a place in the middle of a function, `tcp_sendmsg+0x10`: its registers hold whatever they do there."""
    target, (name, _, offset) = b.hook.target, b.argument.partition("+")
    assert target is not None
    btf = b.module.btf_or_none()
    if btf is not None and signature_of(btf, target, name) is None and (near := nearest_target(btf, target, name)):
        b.error(errors.UnknownTarget(span, target.what, name, f'@{b.hook.name}("{near}+{offset}")'))
    if b.hook.gives or not OFFSET.fullmatch(offset):
        hint = f'@{b.hook.name}("{name}")' if b.hook.gives else f'@{b.hook.name}("{name}+0x10")'
        form = "FUNCTION" if b.hook.gives else "FUNCTION+OFFSET"
        b.error(hook_errors.BadHookName(span, b.argument, form, hint))
    return Signature(b.argument, (), None)


def _syscall(b: Builder, span: Span) -> Signature:
    found = syscall_signature(b.argument)
    if found is None:
        near = nearest(b.argument, SYSCALLS)
        b.error(errors.UnknownSyscall(span, b.argument, f'@{b.hook.name}("{near}")' if near else ""))
    return found


def _annotated(b: Builder, function: tree.Function) -> Signature:
    """Of what only the annotations know."""
    for parameter in function.parameters:
        if parameter.annotation is None and parameter.name != CONTEXT:
            several = "the functions that a pattern matches have arguments of many kinds"
            unknown = several if _many(b) else "the kernel knows nothing of the arguments of programs"
            b.error(errors.ArgumentUntyped(parameter.span, parameter.name, unknown, f"{parameter.name}: u64"))
    written = _written(b, function)
    assert written is not None
    if b.hook.context is ContextKind.USDT:
        for parameter in [each for each in function.parameters if each.name != CONTEXT][MOST_ARGUMENTS:]:
            b.error(errors.TooManyArguments(parameter.span, parameter.name, MOST_ARGUMENTS))
    return written


def _written(b: Builder, function: tree.Function) -> Signature | None:
    """The signature that the parameters' annotations make, where each has one: there are functions without BTF."""
    types = []
    for parameter in function.parameters:
        if parameter.name == CONTEXT:
            continue
        if parameter.annotation is None:
            return None
        type = assignments.annotation(b, parameter.annotation)
        if not isinstance(type, layout.Integer | layout.Boolean):
            b.error(errors.ArgumentType(parameter.span, parameter.span.text))
        if isinstance(type, layout.Integer) and type.big_endian:
            plain = f"{parameter.name}: u{type.size * 8}"
            b.error(type_errors.WrongType(parameter.span, "a number in the machine's own order", str(type), plain))
        types.append((parameter.name, type))
    return written_signature(b.argument, types)


def _bind(b: Builder, signature: Signature, function: tree.Function, parameter: tree.Parameter, changed: bool) -> None:
    span = parameter.span
    if parameter.default is not None:
        names = ", ".join(_declaration(each) for each in function.parameters)
        b.error(errors.ArgumentDefault(span, article(b.hook.name), function.name, names))
    if parameter.name == CONTEXT and signature.find(CONTEXT) is None:
        b.frame.bindings[CONTEXT] = Fixed(Context())
        b.assigned |= {CONTEXT}
        return
    argument = _find(b, signature, parameter.name, span)
    if b.hook.ends and parameter.annotation is not None and pointed.leads(b, argument):
        pointed.bind(b, parameter, parameter.annotation, argument, changed)
        return
    if parameter.annotation is not None and _as_number(b, argument, parameter.annotation):
        argument = replace(argument, kind="integer")
    value = _typed(b, argument, _word(b, signature, argument, span), span)
    if b.hook.ends and is_address(value.type):
        _return_at_the_end(b, parameter.name, value, span)
    if isinstance(value.type, KernelType) and not changed and parameter.annotation is None:
        b.frame.bindings[parameter.name] = Fixed(value)
        b.assigned |= {parameter.name}
        return
    functions.bind_parameter(b, parameter, value, span, changed)


def _declaration(parameter: tree.Parameter) -> str:
    """A parameter as it may be written."""
    return parameter.name + (f": {parameter.annotation.span.text}" if parameter.annotation is not None else "")


def _return_at_the_end(b: Builder, name: str, value: ops.Value, span: Span) -> None:
    """An iterator's program has nothing to do where there is nothing more to go through."""

    def end() -> None:
        b.emit(ops.Return(b.const(0, span), span))

    if name != "meta":  # which is there to the last
        b.if_(b.negate(b.present(value, span), span), end, None, span)
    b.surely_there.add(value)


def _as_number(b: Builder, argument: Argument, annotation: tree.Expression) -> bool:
    """Whether an address is wanted as a number; what the verifier knows as a pointer to a struct can't be."""
    known = b.hook.context is ContextKind.ARGUMENTS and argument.kind == "struct"
    address = argument.kind in ("address", "struct") and not known
    return address and assignments.annotation(b, annotation) == layout.U64


def _find(b: Builder, signature: Signature, name: str, span: Span) -> Argument:
    target = b.hook.target
    assert target is not None
    if name == RESULT and b.hook.gives:
        if signature.result is None:
            b.error(errors.NoResult(span, target.what, b.argument, signature.text))
        return signature.result
    found = signature.find(name) if b.hook.arguments else None
    if found is None:
        b.error(
            errors.NoSuchArgument(
                span, target.what, b.argument or target.prefix, name, signature.text, _hint(b, signature, name)
            )
        )
    return found


def _hint(b: Builder, signature: Signature, name: str) -> str:
    known = [each.name for each in signature.arguments if each.name and b.hook.arguments]
    known += [RESULT] if b.hook.gives and signature.result is not None else []
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean `{near[0]}`?"
    other = next((hook for hook in HOOKS if _would_have(hook, b.hook, signature, name)), None)
    if other is not None:
        place = ", ".join(f'"{part}"' for part in (b.argument.rsplit(":", 1) if other.place else (b.argument,)))
        return f"@{other.name}({place}) has it"
    return f"it has {', '.join(f'`{each}`' for each in known)}" if known else "it has none"


def _would_have(other: Hook, hook: Hook, signature: Signature, name: str) -> bool:
    """Whether another hook on the same target has the argument."""
    if other.target != hook.target or other.attach is not hook.attach:
        return False
    if name == RESULT:
        return other.gives and signature.result is not None
    return other.arguments and signature.find(name) is not None


def _word(b: Builder, signature: Signature, argument: Argument, span: Span) -> ops.Value:
    """The eight bytes that hold it."""
    typed = b.hook.context is ContextKind.ARGUMENTS
    type = _raw(argument, typed)
    if b.hook.context is ContextKind.USDT:
        return usdt.word(b, argument.place, span)
    if not typed:
        return registers.word(b, signature, argument, type, span)
    return b.emit(ops.ContextLoad(argument.place * WORD, WORD, type, span))


def _raw(argument: Argument, typed: bool) -> AddressType | KernelType | IntType:
    """The type of the word that holds it. `typed`: whether the verifier knows types."""
    match argument.kind:
        case "struct":
            return KernelType(argument.struct, direct=typed)
        case "address":
            return AddressType(argument.space)
        case _:
            return U64


def _typed(b: Builder, argument: Argument, word: ops.Value, span: Span) -> ops.Value:
    """The argument itself: of a number narrower than its word, the rest of the word may hold anything."""
    match argument.kind:
        case "integer":
            type = layout.Integer(
                f"{'i' if argument.signed else 'u'}{argument.size * 8}", argument.size, argument.signed
            )
            if type == layout.U64:
                return word
            low, high = b.hook.result if argument.name == RESULT and b.hook.answers else (type.minimum, type.maximum)
            return b.emit(ops.Convert(word, type, IntType(low, high), span))
        case "boolean":
            byte = b.emit(ops.Convert(word, layout.U8, IntType(0, 255), span))
            return b.compare("!=", byte, b.const(0, span), span)
        case "struct" | "address":
            return word
        case "other":
            b.error(errors.ArgumentType(span, argument.declaration))
