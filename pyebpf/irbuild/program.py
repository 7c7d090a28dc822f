"""The entry of this stage: probes in, module out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import TypeAlias, final

from pyebpf.diagnostics import declarations
from pyebpf.diagnostics import hooks as hook_errors
from pyebpf.diagnostics.base import CompileError, InternalError, Sink, article
from pyebpf.ir import ops
from pyebpf.ir.module import Callback, MapRef, Module, OperationsRef, Program
from pyebpf.irbuild import (
    arguments,
    assignments,
    callbacks,
    contexts,
    functions,
    invoke,
    operations,
    packets,
    places,
    statements,
    struct_context,
    suspects,
)
from pyebpf.irbuild.bindings import Called, Fixed, Frame
from pyebpf.irbuild.builder import Abandon, Builder, Later, Retype
from pyebpf.irbuild.module_state import ModuleState
from pyebpf.irbuild.operands import Context, Packet, Static
from pyebpf.irbuild.returns import finish_program
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.hooks import AttachKind, ContextKind, Hook, timer_of, work_queue_of
from pyebpf.kernel.packets import access_or_none, is_packet
from pyebpf.kernel.versions import Version
from pyebpf.lang.probes import Probe
from pyebpf.lang.variables import Declared
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree

MOST_ATTEMPTS = 1_000
"""At lowering a program. Each widens the type of one local."""
LONGEST_NAME = 127
Retyped: TypeAlias = "dict[tuple[int, str], object]"
"""Types that earlier attempts found locals to need."""
Key: TypeAlias = "tuple[int, int, MapRef, bool]"
"""Of a callback: the `id` of its function and of the frame around, and the map whose timers call it."""


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
    kernel: Version | None = None
    """The oldest that shall load it, where that is told."""


def build_module(request: Request) -> Module:
    """Lower every probe of `request`. Raises CompileError with everything that is wrong in any of them."""
    hooks = frozenset(probe.hook for probe in request.probes)
    state = ModuleState(request.parse, request.btf, request.names, request.public, hooks, request.kernel)
    sink = Sink()
    programs: list[Program] = []
    seen: dict[str, Probe] = {}
    probes = list(request.probes)
    structs = _structs(request, state, sink)
    for probe in probes:  # grows: what a program may go on with belongs to the object
        if probe.operations is not None and structs.get(id(probe.operations)) is None:
            continue
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
        programs += _build_program(state, sink, probe, function)
        probes += [target for target in state.tail_targets() if target not in probes]
    built = [each for each in structs.values() if each is not None]
    for each in built:
        taken = [
            *seen,
            *(map.name for map in state.maps.values()),
            *(other.name for other in built if other is not each),
        ]
        if each.name in taken:
            sink.add(declarations.DuplicateProbe(each.span, each.name))
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
        kernel_enums=tuple(state.enums[name] for name in sorted(state.enums)),
        big_endian=state.big_endian,
        ksyms=tuple(state.ksyms.values()),
        operations=tuple(built),
    )


def _structs(request: Request, state: ModuleState, sink: Sink) -> dict[int, OperationsRef | None]:
    """The structs of operations whose programs are built, by the `id` of their classes; None for wrong ones."""
    wanted = {id(each.operations): each.operations for each in request.probes if each.operations is not None}
    found: dict[int, OperationsRef | None] = {}
    for key, each in wanted.items():
        try:
            found[key] = operations.check(state, sink, each, request.parse)
        except CompileError as error:  # a method that can't be parsed
            for diagnostic in error.diagnostics:
                sink.add(diagnostic)
            found[key] = None
    return found


def _build_program(state: ModuleState, sink: Sink, probe: Probe, function: tree.Function) -> list[Program]:
    """Lower one probe, and then what its timers call."""
    default = int(probe.hook.default if probe.on_fault is None else probe.on_fault)

    # Where packets are filtered says nothing of what programs are given.
    named = "" if probe.hook.attach is AttachKind.NETFILTER else probe.argument

    def begin(attempt: Sink, retyped: Retyped) -> Builder:
        return Builder(state, attempt, probe.hook, named, default, retyped, owner=probe.__name__, name=probe.__name__)

    settled = _settled(state, sink, probe.__name__, begin, lambda b: _lower_program(b, probe, function))
    if settled is None:
        return []
    b, body = settled
    parameter = ", ".join(each.name for each in function.parameters)
    begun = (probe.__name__, probe.hook, probe.argument, default, parameter, body, function.span)
    program = Program(*begun, signature=b.signature, marker_arguments=tuple(sorted(b.marker[1] if b.marker else ())))
    return [program, *_build_callbacks(state, sink, program, b.later)]


def _build_callbacks(state: ModuleState, sink: Sink, owner: Program, asked: Mapping[Key, Later]) -> Iterator[Program]:
    """The callbacks of `owner`, and those that they start themselves."""
    known = dict(asked)
    pending = list(asked.values())
    for later in pending:  # grows: a callback may start timers with others
        hook = work_queue_of(owner.hook) if later.work else timer_of(owner.hook)

        def begin(
            attempt: Sink, retyped: Retyped, map: MapRef = later.map, name: str = later.name, hook: Hook = hook
        ) -> Builder:
            b = Builder(state, attempt, hook, "", 0, retyped, owner=owner.name, name=name, called_for=map)
            b.later.update(known)
            return b

        settled = _settled(state, sink, later.name, begin, partial(callbacks.lower, later=later))
        if settled is None:
            continue
        b, body = settled
        pending += [new for key, new in b.later.items() if key not in known]
        known |= b.later
        parameters = ", ".join(parameter.name for parameter in later.function.parameters)
        callback = Callback(owner.name, later.map, later.function.name)
        yield Program(later.name, hook, "", 0, parameters, body, later.function.span, callback=callback)


def _settled(
    state: ModuleState,
    sink: Sink,
    name: str,
    begin: Callable[[Sink, Retyped], Builder],
    lower: Callable[[Builder], list[ops.Op]],
) -> tuple[Builder, ops.Block] | None:
    """Lower a program, again and again until every local has a type that suits all its uses."""
    retyped: Retyped = {}
    prints, stacks = len(state.prints), set(state.stacks)
    for _ in range(MOST_ATTEMPTS):
        attempt = Sink()
        b = begin(attempt, retyped)
        b.inline, b.call_operand, b.print_call = (functions.inline, invoke.call, invoke.print_call)
        b.assign_to = assignments.assign_to
        del state.prints[prints:]
        state.forget_stacks(stacks)
        try:
            body = lower(b)
        except Retype:
            continue
        except CompileError as error:  # a @function that can't be parsed
            for diagnostic in error.diagnostics:
                sink.add(diagnostic)
            return None
        for diagnostic in attempt.diagnostics:
            sink.add(diagnostic)
        return b, ops.Block(tuple(body))
    raise InternalError(f"the types of {name}'s locals don't settle")


def _lower_program(b: Builder, probe: Probe, function: tree.Function) -> list[ops.Op]:
    b.probe = function
    b.frame = Frame(function, probe.function, 0, (Called(probe.__name__, id(function), 0),), home=b)
    with b.block() as body:
        try:
            contexts.check_hook(b)
            if b.hook.context is ContextKind.STRUCT:
                struct_context.bind(b, function)
            elif b.hook.target is not None:
                places.check(b)
                arguments.bind(b, function)
            else:
                _bind_context(b, function)
        except Abandon:
            return body
        statements.lower_block(b, function.body)
        if b.reachable:
            finish_program(b, Static(None, "None"), function.span, _end(function))
    return packets.gathered(b, body, function.span) if access_or_none(b.hook.context) is not None else body


def _end(function: tree.Function) -> Span:
    """Where the implicit return is blamed: the `def` line."""
    return function.span


def _bind_context(b: Builder, function: tree.Function) -> None:
    if len(function.parameters) != 1 or function.parameters[0].default is not None:
        hook = b.hook
        b.error(hook_errors.WrongParameters(function.span, article(hook.name), hook.parameter, function.name))
    name = function.parameters[0].name
    b.frame.bindings[name] = Fixed(Packet() if is_packet(b.hook.context) else Context())
    b.assigned |= {name}
    if access_or_none(b.hook.context) is not None:
        packets.begin(b, function.parameters[0].span)
