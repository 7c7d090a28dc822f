"""Arguments in registers: of functions with kprobes, and of system calls."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import arguments as errors
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.types import U64, AddressType, IntType, KernelType
from pyebpf.irbuild.builder import Builder
from pyebpf.kernel.arguments import RESULT, WORD, Argument, Signature
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.registers import Registers, registers_of
from pyebpf.source import Span

STATUS = IntType(-4095, 0)


def word(
    b: Builder, signature: Signature, argument: Argument, type: AddressType | KernelType | IntType, span: Span
) -> ops.Value:
    """The register that holds an argument, or the result."""
    registers = registers_here(b, span)
    if argument.name == RESULT and b.hook.gives:
        return b.emit(ops.ContextLoad(registers.result, WORD, type, span))
    number = [each.name for each in signature.arguments].index(argument.name)
    unlike = next((each for each in signature.arguments[: number + 1] if each.kind == "other"), None)
    if unlike is not None:  # it takes as many registers as its struct has room for, or none
        b.error(errors.ArgumentType(span, unlike.declaration))
    if b.hook.context is ContextKind.SYSCALL:
        return _of_process(b, registers, number, type, span)
    if number >= len(registers.arguments) and b.hook.context is ContextKind.USER_REGISTERS:
        return _on_stack(b, registers, number - len(registers.arguments), type, span)
    if number >= len(registers.arguments):
        many = len(registers.arguments)
        b.error(errors.ArgumentOnStack(span, argument.name, many, registers.machine, signature.text))
    return b.emit(ops.ContextLoad(registers.arguments[number], WORD, type, span))


def registers_here(b: Builder, span: Span) -> Registers:
    """Those of the machine that is compiled for, or a diagnostic."""
    found = registers_of(b.module.btf_or_none())
    if found is None:
        reason = "pyebpf doesn't know where this machine's functions have their arguments"
        b.error(hook_errors.NotHere(span, span.text, article(b.hook.name), reason))
    return found


def _on_stack(
    b: Builder, registers: Registers, number: int, type: AddressType | KernelType | IntType, span: Span
) -> ops.Value:
    """One of the arguments for which there are no registers, where the function begins; 0 if it can't be read."""
    stack = b.emit(ops.ContextLoad(registers.stack, WORD, U64, span))
    offset = b.const(registers.on_stack + WORD * number, span)
    address = b.emit(ops.Binary("+", stack, offset, U64, span))
    place = b.slot("argument", layout.U64, span)
    b.call("probe_read_user", (place, b.const(WORD, span), address), STATUS, span, writes=WORD)
    return b.emit(ops.Load(place, type, span))


def _of_process(
    b: Builder, registers: Registers, number: int, type: AddressType | KernelType | IntType, span: Span
) -> ops.Value:
    """One of the registers with which the process came into the kernel; their address is the function's argument."""
    base = b.emit(ops.ContextLoad(registers.arguments[0], WORD, U64, span))
    offset = registers.syscall_arguments[number]
    address = b.emit(ops.Binary("+", base, b.const(offset, span), U64, span)) if offset else base
    place = b.slot("register", layout.U64, span)
    b.call(
        "probe_read_kernel", (place, b.const(WORD, span), address), STATUS, span, writes=WORD
    )  # leaves 0 if it fails
    return b.emit(ops.Load(place, type, span))
