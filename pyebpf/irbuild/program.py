"""The entry of this stage: probes in, module out."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import final

from pyebpf.diagnostics import declarations
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics.base import CompileError, InternalError, Sink, article
from pyebpf.ir import ops
from pyebpf.ir.module import Module, Program
from pyebpf.irbuild import assignments, contexts, functions, invoke, packets, statements, suspects
from pyebpf.irbuild.bindings import Called, Fixed, Frame
from pyebpf.irbuild.builder import Abandon, Builder, Retype
from pyebpf.irbuild.module_state import ModuleState
from pyebpf.irbuild.operands import Context, Packet, Static
from pyebpf.irbuild.returns import finish_program
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import ContextKind
from pyebpf.lang.probes import Probe
from pyebpf.lang.variables import Declared
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree

MOST_ATTEMPTS = 64
"""Each attempt widens the type of a local; no program needs more than a few."""
LONGEST_NAME = 127


@final
@dataclass(frozen=True)
class Request:
    """What to build, and what its names mean."""

    probes: tuple[Probe, ...]
    title: str
    license: str
    names: dict[int, str]
    """Names of module-level declarations, by `id`."""
    public: tuple[str, ...]
    """What pyebpf exports, for suggestions."""
    parse: Callable[[FunctionType], tree.Function]
    btf: Btf | None
    """Kernel types to compile for; None for the running kernel's."""
    variables: tuple[Declared, ...] = ()
    """Variables that belong to the object whether or not a probe uses them."""


def build_module(request: Request) -> Module:
    """Lower every probe of `request`. Raises CompileError with everything that is wrong in any of them."""
    state = ModuleState(request.parse, request.btf, request.names, request.public)
    sink = Sink()
    programs = []
    seen: dict[str, Probe] = {}
    probes = list(request.probes)
    for probe in probes:  # grows: what a program may go on with belongs to the object
        try:
            function = request.parse(probe.function)
        except CompileError as error:
            for diagnostic in error.diagnostics:
                sink.add(diagnostic)
            continue
        if probe.__name__ in seen:
            sink.add(declarations.DuplicateProbe(function.name_span, probe.__name__))
        if len(probe.__name__.encode()) > LONGEST_NAME:
            sink.add(declarations.NameTooLong(function.name_span, probe.__name__, LONGEST_NAME))
        seen[probe.__name__] = probe
        for suspect in suspects.of_function(function):
            state.warn(suspect)
        program = _build_program(state, sink, probe, function)
        if program is not None:
            programs.append(program)
        probes += [target for target in state.tail_targets() if target not in probes]
    sink.check()
    for declared in request.variables:
        state.variable(declared, "")
    return Module(
        request.title,
        request.license,
        tuple(state.maps.values()),
        tuple(state.variables.values()),
        tuple(programs),
        state.kernel_structs(),
        tuple(state.prints),
        tuple(state.suspects),
        tuple(state.conditions),
        tuple(state.kfuncs.values()),
        types_given=request.btf is not None,
    )


def _build_program(state: ModuleState, sink: Sink, probe: Probe, function: tree.Function) -> Program | None:
    """Lower one probe, again and again until every local has a type that suits all its uses."""
    retyped: dict[tuple[int, str], object] = {}
    prints = len(state.prints)
    for _ in range(MOST_ATTEMPTS):
        attempt = Sink()
        default = int(probe.hook.default if probe.on_fault is None else probe.on_fault)
        b = Builder(state, attempt, probe.hook, probe.argument, default, retyped)
        del state.prints[prints:]
        try:
            body = _lower_program(b, probe, function)
        except Retype:
            continue
        except CompileError as error:  # a @function that can't be parsed
            for diagnostic in error.diagnostics:
                sink.add(diagnostic)
            return None
        for diagnostic in attempt.diagnostics:
            sink.add(diagnostic)
        return Program(
            probe.__name__,
            probe.hook,
            probe.argument,
            default,
            function.parameters[0].name if function.parameters else probe.hook.parameter,
            ops.Block(tuple(body)),
            function.span,
        )
    raise InternalError(f"the types of {probe.__name__}'s locals don't settle")


def _lower_program(b: Builder, probe: Probe, function: tree.Function) -> list[ops.Op]:
    b.inline, b.call_operand, b.print_call = (functions.inline, invoke.call, invoke.print_call)
    b.assign_to = assignments.assign_to
    b.probe = function
    b.frame = Frame(function, probe.function, 0, (Called(probe.__name__, id(function), 0),))
    with b.block() as body:
        try:
            contexts.check_hook(b)
            _bind_context(b, function)
        except Abandon:
            return body
        statements.lower_block(b, function.body)
        if b.reachable:
            finish_program(b, Static(None, "None"), function.span, _end(function))
    return body


def _end(function: tree.Function) -> Span:
    """Where the implicit return is blamed: the `def` line."""
    return function.span


def _bind_context(b: Builder, function: tree.Function) -> None:
    if len(function.parameters) != 1 or function.parameters[0].default is not None:
        hook = b.hook
        b.error(hook_errors.WrongParameters(function.span, article(hook.name), hook.parameter, function.name))
    is_packet = b.hook.context in (ContextKind.XDP_PACKET, ContextKind.SKB_PACKET, ContextKind.SKB_COPY)
    name = function.parameters[0].name
    b.frame.bindings[name] = Fixed(Packet() if is_packet else Context())
    b.assigned |= {name}
    if is_packet:
        packets.begin(b, function.parameters[0].span)
