"""The parameters of a probe that are the arguments of what its hook is on: bound by name, where the probe begins."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from pyebpf import layout
from pyebpf.diagnostics import arguments as errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.types import U64, AddressType, IntType, KernelType
from pyebpf.irbuild import contexts, functions
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.closures import assigned_names
from pyebpf.irbuild.operands import Context
from pyebpf.kernel.arguments import RESULT, WORD, Argument, Signature, nearest_target, signature_of
from pyebpf.kernel.hooks import HOOKS, Hook
from pyebpf.source import Span
from pyebpf.syntax import tree

CONTEXT = "ctx"
"""The parameter that stands for all that the kernel gives, for helpers that want it."""


def bind(b: Builder, function: tree.Function) -> None:
    """Every parameter as what the kernel gives for it. Raises Abandon when any of them is wrong."""
    signature = signature_of_hook(b)
    if b.hook.gives and signature.result is None:  # what is returned for a function without a result must be 0
        b.hook = replace(b.hook, result=(0, 0))
    changed = assigned_names(function)
    wrong = False
    for parameter in function.parameters:
        try:
            _bind(b, signature, function, parameter, parameter.name in changed)
        except Abandon:
            wrong = True
    if wrong:
        raise Abandon


def signature_of_hook(b: Builder) -> Signature:
    """What the hook's target takes and gives, or a diagnostic at the decorator."""
    target, span = b.hook.target, contexts.decorator_span(b)
    assert target is not None
    btf = b.module.btf(b, span)
    found = signature_of(btf, target, b.argument)
    if found is None:
        near = nearest_target(btf, target, b.argument)
        hint = f'@{b.hook.name}("{near}")' if near else ""
        b.error(errors.UnknownTarget(span, target.what, b.argument, hint))
    return found


def _bind(b: Builder, signature: Signature, function: tree.Function, parameter: tree.Parameter, changed: bool) -> None:
    span = parameter.span
    if parameter.default is not None:
        names = ", ".join(each.name for each in function.parameters)
        b.error(errors.ArgumentDefault(span, article(b.hook.name), function.name, names))
    if parameter.name == CONTEXT and signature.find(CONTEXT) is None:
        b.frame.bindings[CONTEXT] = Fixed(Context())
        b.assigned |= {CONTEXT}
        return
    argument = _find(b, signature, parameter.name, span)
    value = _typed(b, argument, b.emit(ops.ContextLoad(argument.place * WORD, WORD, _raw(argument), span)), span)
    if isinstance(value.type, KernelType) and not changed and parameter.annotation is None:
        b.frame.bindings[parameter.name] = Fixed(value)
        b.assigned |= {parameter.name}
        return
    functions.bind_parameter(b, parameter, value, span, changed)


def _find(b: Builder, signature: Signature, name: str, span: Span) -> Argument:
    target = b.hook.target
    assert target is not None
    if name == RESULT and b.hook.gives:
        if signature.result is None:
            b.error(errors.NoResult(span, target.what, b.argument, signature.text))
        return signature.result
    found = signature.find(name) if b.hook.arguments else None
    if found is None:
        b.error(errors.NoSuchArgument(span, target.what, b.argument, name, signature.text, _hint(b, signature, name)))
    return found


def _hint(b: Builder, signature: Signature, name: str) -> str:
    known = [each.name for each in signature.arguments if each.name and b.hook.arguments]
    known += [RESULT] if b.hook.gives and signature.result is not None else []
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean `{near[0]}`?"
    other = next((hook for hook in HOOKS if _would_have(hook, b.hook, signature, name)), None)
    if other is not None:
        return f'@{other.name}("{b.argument}") has it'
    return f"it has {', '.join(f'`{each}`' for each in known)}" if known else "it has none"


def _would_have(other: Hook, hook: Hook, signature: Signature, name: str) -> bool:
    """Whether another hook on the same target has the argument."""
    if other.target != hook.target or other.attach is not hook.attach:
        return False
    if name == RESULT:
        return other.gives and signature.result is not None
    return other.arguments and signature.find(name) is not None


def _raw(argument: Argument) -> AddressType | KernelType | IntType:
    """The type of the word that holds it."""
    match argument.kind:
        case "struct":
            return KernelType(argument.struct, direct=True)
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
