"""From checked IR to an object, by the first plan with which everything fits.

Comes in: a module that every check has passed. Goes out: its object, which the kernel's verifier can follow: that is
tried here (`pyebpf.effort`). Where the first plan leads too far, more loops become functions. Where no plan helps, the
loop that costs most has a diagnostic. Entry: `Building`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeAlias, final

from pyebpf.diagnostics.base import CompileError, InternalError
from pyebpf.plan import Plan
from pyebpf.records import dataclass

if TYPE_CHECKING:
    from types import TracebackType

    from pyebpf.checks import Checked
    from pyebpf.codegen.worker import Worker
    from pyebpf.diagnostics.base import Diagnostic
    from pyebpf.effort import Effort
    from pyebpf.ir.module import Module, Program
    from pyebpf.ir.ops import Block, Loop
    from pyebpf.kernel.versions import Version
    from pyebpf.object.specs import Object
    from pyebpf.source import Span

ATTEMPTS: Final = ((464, False, False), (464, True, False), (96, True, False), (0, True, True))
"""Bytes of stack for local memory, tried in turn: the rest of its 512 is for what LLVM keeps beside its registers;
whether numbers are computed where the source does, so that fewer are kept at a time; and whether numbers count to local
memory as well."""
PLANS: Final = (Plan(), Plan(30_000), Plan(30_000, meeting=True), Plan(meeting=True))
"""Tried in turn."""
ENOUGH: Final = 100_000
"""Instructions of a walk up to which the first plan is taken. A verifier stops at a million."""
LAST: Final = 200_000
"""The same of other plans, and of the first when none helps. In what tests/guests has seen, the walk finds at least
0.6 times what the verifiers of 6.12 and 6.18 go through, and in one of two thousand programs only a quarter of what
those of 5.10 and 6.1 do."""
WITH_FUNCTIONS: Final = 100_000
"""The same for verifiers with circles (`effort/rules.py`) where loops are functions: the walk found an eighth once."""
DEEP: Final = 2
"""Functions in functions up to which that isn't so for older verifiers. One program with three took that of 6.18 more
than six times what the walk finds (tests/effort)."""
BRANCHES: Final = 6_000
"""Ways that are left for later at a time; the verifier remembers 8,192."""
RISKY: Final = 3_000
"""Estimated instructions beyond which it is worth trying what the verifier will do."""
FORKS: Final = 12
"""Or conditions that it can't decide, on one way through the program: no more than 4,096 ways if none of them meet."""

Rewrite: TypeAlias = "Callable[[bool], tuple[Program, ...]]"
"""Gives a module's programs after all rewrites; told whether numbers count to local memory."""


@final
@dataclass(frozen=True)
class Built:
    """What came of a plan."""

    checked: Checked
    module: Module
    """As the code was made of it."""
    text: str
    """The same in LLVM's words."""
    object: Object
    efforts: tuple[Effort, ...]
    """One for each program, in their order; none where the first plan is sure to do."""

    @property
    def refused(self) -> bool:
        """Whether the verifier would refuse some program, whatever it costs."""
        return any(effort.refused for effort in self.efforts)

    @property
    def doubtful(self) -> bool:
        """Whether some verifiers might refuse a program."""
        return any(effort.doubtful for effort in self.efforts)

    def fits(self, most: int) -> bool:
        """Whether the verifier can follow every program."""
        return all(fits(effort, most) for effort in self.efforts)


def fits(effort: Effort, most: int) -> bool:
    return effort.complete and effort.instructions <= most and effort.open_branches <= BRANCHES


@final
class Building:
    """Makes an object. Use it in a `with`: from its start on, a child process loads LLVM.

    `kernel`: the oldest that shall load it, None for the newest. `worker`: one to use instead, which is left as it is
    unless LLVM ends it.
    """

    def __init__(self, cpu: str, kernel: Version | None, worker: Worker | None = None) -> None:
        from pyebpf.codegen.worker import Worker

        self.cpu = cpu
        self._kernel = kernel
        self._given = worker
        self._worker = worker if worker is not None and worker.alive else Worker.start()

    def __enter__(self) -> Building:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._worker is not self._given:
            self._worker.close()

    def build(self, check: Callable[[Plan], Checked]) -> Built:
        """`check` checks the module; it is given a plan. Raises CompileError."""
        tried: list[Checked] = []
        found: list[Built] = []
        doubtful: list[Built] = []
        without_room: list[CompileError] = []
        for plan in PLANS:
            try:
                checked = check(plan)
            except CompileError:
                if plan == PLANS[0]:
                    raise
                continue  # what was to help isn't possible here
            if any(alike(each, checked) for each in tried):
                continue
            tried.append(checked)
            most = ENOUGH if plan == PLANS[0] else self._last(checked)
            try:
                built = self._tried(checked, most)
            except CompileError as error:  # of what another plan makes it may be that less is kept at a time
                without_room.append(error)
                continue
            if built.fits(most) and not built.doubtful:
                return built
            (doubtful if built.fits(most) else found).append(built)
        sound = [built for built in found if not built.refused]
        if not sound:
            if doubtful:
                return doubtful[0]
            raise without_room[0] if without_room else InternalError("the kernel's verifier would refuse the code")
        last = self._last(sound[0].checked)
        if sound[0].checked is tried[0] and last > ENOUGH:
            sound[0] = self._measured(sound[0], last)
            if sound[0].fits(last):
                return sound[0]
        raise _too_much(sound[-1], self._last(sound[-1].checked))

    def _tried(self, checked: Checked, most: int) -> Built:
        """Code for `checked`, measured up to `most` where that may matter."""
        from pyebpf.transform import rewritten

        rewrite = cache(partial(rewritten, checked))
        built = self._make(checked, rewrite)
        if checked.plan == PLANS[0] and not is_risky(checked):
            return built
        built = self._measured(built, most)
        if built.refused or built.doubtful:  # perhaps its functions take too much stack together, or all of it does
            other = self._measured(self._make(checked, rewrite, ATTEMPTS[2:]), most)
            return other if built.refused or not (other.refused or other.doubtful) else built
        return built

    def _last(self, checked: Checked) -> int:
        """Instructions up to which a plan is taken if nothing else helps."""
        from pyebpf.effort import rules_for

        depth = max((functions_in_functions(program.body) for program in checked.module.programs), default=0)
        return WITH_FUNCTIONS if depth > (0 if rules_for(self._kernel).circles else DEEP) else LAST

    def assembly(self, text: str) -> str:
        """LLVM's textual IR as BPF assembly."""
        return self._worker.assembly(text, self.cpu)

    def _make(
        self, checked: Checked, rewrite: Rewrite, attempts: tuple[tuple[int, bool, bool], ...] = ATTEMPTS
    ) -> Built:
        """Code for `checked`. Where LLVM's registers need more of the stack, it is made otherwise, once again."""
        from pyebpf.codegen import emit_module
        from pyebpf.codegen.worker import StackOverrun, Worker
        from pyebpf.ir.validate import validate
        from pyebpf.object.read import read_object
        from pyebpf.transform import placed

        for attempt in attempts:
            room, in_order, in_memory = attempt
            module = placed(checked, rewrite(in_memory), room)
            validate(module)
            text = emit_module(module, big_endian=module.big_endian, in_order=in_order).text
            try:
                made = read_object(self._worker.compile(text, self.cpu))
            except StackOverrun as overrun:
                self._worker = Worker.start()  # LLVM has ended the last one
                if attempt == ATTEMPTS[-1]:
                    raise _too_many_values(checked, overrun.program) from overrun
                continue
            return Built(checked, module, text, made, ())
        raise InternalError("no room")

    def _measured(self, built: Built, most: int) -> Built:
        from pyebpf.effort import measure, rules_for

        rules = rules_for(self._kernel)
        return replace(built, efforts=tuple(measure(built.object, each, most, rules) for each in built.object.programs))


def is_risky(checked: Checked) -> bool:
    """Whether the verifier may have more to do than the estimate says."""
    from pyebpf.checks.branches import open_branches

    if any(loop.is_endless for loop in loops(checked.module)):
        return True
    undecided = (open_branches(program.body, facts) for program, facts in checked.language.items())
    return any(report.worst_case > RISKY for report in checked.reports) or any(each > FORKS for each in undecided)


def alike(one: Checked, other: Checked) -> bool:
    """Whether two plans make the same of a module."""
    ways = [[loop.strategy for loop in loops(each.module)] for each in (one, other)]
    return one.plan.meeting == other.plan.meeting and ways[0] == ways[1]


def functions_in_functions(block: Block) -> int:
    """How many loops that are functions stand in one another."""
    from pyebpf.ir import ops

    deepest = 0
    for op in block.ops:
        inner = max((functions_in_functions(each) for each in ops.blocks(op)), default=0)
        deepest = max(deepest, inner + (isinstance(op, ops.Loop) and op.is_function))
    return deepest


def loops(module: Module) -> list[Loop]:
    """Of all programs."""
    from pyebpf.ir import ops

    return [op for program in module.programs for op in ops.walk(program.body) if isinstance(op, ops.Loop)]


def _too_many_values(checked: Checked, name: str) -> CompileError | InternalError:
    from pyebpf.diagnostics.loops import TooManyValues

    # A function that a loop or a helper became is named after its program.
    for program in sorted(checked.module.programs, key=lambda each: -len(each.name)):
        if name == program.name or name.startswith(f"{program.name}__"):
            return CompileError((TooManyValues(program.span, program.name),))
    return InternalError(f"the stack of {name} is too small for its registers")


def _too_much(built: Built, most: int) -> CompileError:
    """A diagnostic for each program that the verifier can't follow, at the loop that costs most."""
    from pyebpf.checks.strategies import kept_from_being_functions
    from pyebpf.diagnostics.loops import TooMuchToFollow

    programs = {program.name: program for program in built.checked.module.programs}
    found: list[Diagnostic] = []
    for spec, effort in zip(built.object.programs, built.efforts, strict=True):
        if fits(effort, most):
            continue
        program = programs[spec.name]
        callbacks = [each for each in programs.values() if each.callback and each.callback.owner == program.name]
        span, share = _costliest([program, *callbacks], effort)
        found.append(TooMuchToFollow(span, program.name, round(100 * share)))
        for each in (program, *callbacks):
            found += kept_from_being_functions(each, built.checked.language[each])
    return CompileError(tuple(found))


def _costliest(programs: list[Program], effort: Effort) -> tuple[Span, float]:
    """The innermost loop to which most of the instructions belong, or else the line, and their share. `programs`: one
    and its callbacks."""
    from pyebpf.ir import ops

    best, most = programs[0].span, 0
    every = [op for program in programs for op in ops.walk(program.body)]
    loops = [op for op in every if isinstance(op, ops.Loop)]
    for op in loops or every:
        places = {(inner.span.source.path, inner.span.line) for block in ops.blocks(op) for inner in ops.walk(block)}
        places = places if loops else {(op.span.source.path, op.span.line)}
        count = sum(effort.lines.get(place, 0) for place in places)
        if count > most or (loops and count == most):
            best, most = op.span, count
    total = sum(effort.lines.values())
    return best, most / total if total else 0.0
