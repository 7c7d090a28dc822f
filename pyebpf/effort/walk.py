"""The walk itself: every way through the program that the verifier would follow, in its order, with its memory.

Source: `do_check`, `is_state_visited` and `push_stack` in kernel/bpf/verifier.c, as of Linux 6.18.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, final

from pyebpf.effort.arithmetic import ADD, AND, END, MOV, NEG, SUB, compute, negated, sign_extended
from pyebpf.effort.bounds import Bounds, is_known, known, lower_half, unsigned
from pyebpf.effort.calls import call, leave
from pyebpf.effort.circles import Circle, Visit, circle_of, circles
from pyebpf.effort.decode import ALU, ALU64, CALL, EXIT, JA, JMP, JMP32, LD, Code, Instruction
from pyebpf.effort.flow import Flow, flow
from pyebpf.effort.iterators import is_active, next_calls
from pyebpf.effort.jumps import conditional
from pyebpf.effort.memory import access
from pyebpf.effort.precision import Links, Step, Way, mark
from pyebpf.effort.rules import Rules
from pyebpf.effort.states import (
    ANY,
    APART,
    CONTEXT,
    FIXED,
    FUNCTION,
    MAP,
    NOTHING,
    NULLABLE,
    NUMBER,
    PACKET,
    STACK,
    VALUE,
    Frame,
    Register,
    Remembered,
    number,
    places_of,
    same,
)

HISTORY: Final = 40
"""Jumps after which a state is remembered in any case."""
COMPARISONS: Final = 16
"""Comparisons of states that take about as long as an instruction's walk does here."""
BACKWARDS: Final = 8
"""Instructions on the way back that take about as long."""
MOST_OFFSET: Final = 1 << 29
"""How far a pointer may be moved (`BPF_MAX_VAR_OFF`)."""


Addresses: TypeAlias = Literal["", "sometimes", "always"]
"""Whether the program computes with addresses in a way that only CAP_PERFMON allows: not, where the verifier finds no
limits that hold on every way, or always (`sanitize_ptr_alu`, and `adjust_reg_min_max_vals` for differences)."""


class TooMuch(Exception):
    """The walk is longer than it may be."""


LARGEST_STRUCT: Final = 1 << 20
"""Bytes from null on in which no struct of the kernel's lies."""


class Refused(Exception):
    """The verifier will refuse the program: it uses as an address what is none."""


@final
class Walk:
    """One walk. `frames`: where it is now. `most`: instructions after which it is given up."""

    def __init__(self, code: Code, most: int, callbacks: frozenset[int], rules: Rules) -> None:
        self.code = code
        self.rules = rules
        self.most = most
        self.flow: Flow = flow(code, callbacks, next_calls(code))
        self._live_in_circles = (-1,) * len(code.instructions) if rules.unread else self.flow.live
        self.frames: list[Frame] = [Frame(0, -1, 0)]
        self.frames[0].regs[1] = (CONTEXT, 0, FIXED, 0, 0)
        self.instructions = 0
        self.jumps = 0
        self.open = 0
        self.addresses: Addresses = ""
        self.doubtful = False
        """The most ways that were left for later at a time."""
        self.visits: Counter[int] = Counter()
        self._effort = 0
        self._ids = 0
        self._steps: Step | None = None
        self._word: tuple[int, int] | None = None
        self._parent: Remembered | None = None
        self._pending: list[tuple[int, list[Frame], Remembered | None, Step | None, int]] = []
        self._states: dict[tuple[int, int], list[Remembered]] = {}
        self._circles = circles(code, callbacks) if rules.circles or self.flow.iterators else None
        self._visits: dict[Circle, Visit] = {}
        self._last = (0, 0)
        self._history = 0

    # What the steps ask for

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def later(self, at: int, now: int, linked: Links = ()) -> list[Frame]:
        """Leave the way on from `at` for later; its frames, a copy of those of now. `now`: the instruction that leads
        there, and `linked` the numbers of which it says something."""
        frames = [frame.copy() for frame in self.frames]
        self._pending.append((at, frames, self._parent, Step(now, None, linked, self._steps), self._history))
        if self._parent is not None:
            self._parent.branches += 1
        self.open = max(self.open, len(self._pending))
        return frames

    def apart(self, frame: Frame) -> None:
        """Leave a function for later that begins with nothing but its own frame."""
        self._pending.append((frame.start, [frame], None, None, 0))
        self.open = max(self.open, len(self._pending))

    def filled(self, frame: int, bit: int) -> None:
        """The instruction puts a register into a word of the stack, or takes it from there."""
        self._word = frame, bit

    def matters(self, registers: int, at: int) -> None:
        """The numbers in these registers of the innermost function matter at `at`."""
        numbers = 0
        for index, register in enumerate(self.frames[-1].regs):
            if registers >> index & 1 and register[0] == NUMBER:
                numbers |= 1 << index
        if numbers:
            self._mark(Way(at, self._steps, self._parent), [0] * (len(self.frames) - 1) + [numbers])

    def _mark(self, way: Way, masks: list[int]) -> bool:
        count, changed = mark(self.code, self.flow.callbacks, way, masks, self.rules.through_calls)
        self._effort += count // BACKWARDS
        return changed

    def address(self, register: Register) -> None:
        """Something is read or written there. Raises Refused where there is nothing: null, or what may be null.

        Other numbers may be addresses in the kernel, which are only told apart by its types. Where one of them, moved
        on to a member, is compared with null, it is known behind that: as null, moved back.
        """
        value = register[2]
        if register[0] in NULLABLE or (register[0] == NUMBER and is_known(value) and value[0] < LARGEST_STRUCT):
            raise Refused

    def replace(self, kinds: Iterable[int], new: Register) -> None:
        """Every register and word of these kinds."""
        for frame in self.frames:
            frame.regs = [new if register[0] in kinds else register for register in frame.regs]
            for index, (types, there) in frame.stack.items():
                if there is not None and there[0] in kinds:
                    frame.stack[index] = types, new

    def shared(self, frame: Frame, register: int) -> Register:
        """The number in `register`, which is about to be copied: the copies are known to be equal."""
        value = frame.regs[register]
        if value[0] == NUMBER and not is_known(value[2]) and (not value[3] or value[3] & APART):
            value = frame.regs[register] = (NUMBER, 0, value[2], self.new_id(), 0)
        return value

    def earlier(self, at: int, skipped: int = 0) -> Remembered | None:
        """The last state at `at` on the way to here, but for so many that are `skipped`."""
        state = self._parent
        while state is not None:
            if state.at == at and len(state.frames) == len(self.frames):
                if not skipped:
                    return state
                skipped -= 1
            state = state.parent
        return None

    # The walk

    def run(self) -> None:
        """All of it. Raises TooMuch, Refused."""
        at: int | None = 0
        while True:
            while at is not None:
                at = self._step(at)
            self._ended(self._parent)
            if not self._pending:
                return
            at, self.frames, self._parent, self._steps, self._history = self._pending.pop()

    def _step(self, at: int) -> int | None:
        self.instructions += 1
        self._effort += 1
        self.visits[at] += 1
        if self._effort > self.most:
            raise TooMuch
        if at in self.flow.prune and self._seen(at):
            return None
        if at in self.flow.jump:
            self._history += 1
        op = self.code.instructions[at]
        assert op is not None
        kind, self._word = op.kind, None
        if kind in (JMP, JMP32):
            return self._jump(at, op)
        if kind in (ALU64, ALU):
            arithmetic(self, at, op)
        elif kind == LD:
            self.frames[-1].regs[op.target] = self._constant(op)
        else:
            access(self, self.frames[-1], at, op)
            self._history += self._word is not None
        self._steps = Step(at, self._word, (), self._steps)
        return at + (2 if kind == LD else 1)

    def _jump(self, at: int, op: Instruction) -> int | None:
        self.jumps += 1
        if op.code == JA:
            return at + 1 + (op.immediate if op.kind == JMP32 else op.offset)
        following: int | None
        linked: Links = ()
        if op.code == EXIT:
            following = leave(self, at)
        elif op.code == CALL:
            following = call(self, at, op)
        else:
            following, linked = conditional(self, at, op)
        self._steps = Step(at, None, linked, self._steps)
        return following

    def _constant(self, op: Instruction) -> Register:
        """A load of 64 bits: a number, a map, a variable, a function."""
        if op.names is None:
            return number(known(op.wide))
        if op.names.kind == "data":
            return (VALUE, op.names.addend, FIXED, 0, op.names.name)
        if op.names.kind == "map":
            return (MAP, 0, FIXED, 0, op.names.name)
        return (FUNCTION, 0, FIXED, 0, op.function) if op.function >= 0 else (VALUE, 0, FIXED, 0, op.names.name)

    def _seen(self, at: int) -> bool:
        """Whether what follows from here has nothing new; else it may be remembered (`is_state_visited`)."""
        calls, iterates = at in self.flow.callbacks, at in self.flow.iterators
        forced = calls or iterates or self._history > HISTORY
        jumps, instructions = self.jumps - self._last[0], self.instructions - self._last[1]
        add = forced or (jumps >= 2 and instructions >= 8)
        states = self._states.setdefault((at, self.frames[-1].callsite), [])
        self._effort += len(states) // COMPARISONS
        for state in reversed(states[:]):
            if state.branches:
                if calls:
                    if self._same(state, True):
                        return self._met(state, at, circle=True)
                elif iterates:
                    if is_active(self) and self._same(state, True):
                        return self._met(state, at, circle=True)
                elif not forced and jumps < 20 and instructions < 100:
                    add = False
            else:
                unfinished = self._unfinished(state)
                if self._same(state, unfinished):
                    return self._met(state, at, circle=unfinished)
            if add:
                state.misses += 1
            patience = 64 if (calls or iterates) and state.branches else 3
            if state.misses > state.hits * patience + patience:
                states.remove(state)
        if add:
            states.append(self._remembered(at))
        return False

    def _same(self, state: Remembered, loose: bool) -> bool:
        return same(state, self.frames, self._live_in_circles if loose else self.flow.live, loose)

    def _remembered(self, at: int) -> Remembered:
        frames = [frame.copy() for frame in self.frames]
        circle = circle_of(self._circles, places_of(frames, at)) if self._circles is not None else None
        state = Remembered(at, frames, self._parent, self._steps, circle)
        if not self.rules.forgets:
            self._still_precise(state)
        if circle is not None:
            visit = self._visits.setdefault(circle, Visit())
            visit.entry = visit.entry or state
        self._parent, self._steps, self._history = state, None, 0
        self._last = self.jumps, self.instructions
        return state

    def _still_precise(self, state: Remembered) -> None:
        """What matters in a new state because it did before."""
        if len(self.code.starts) > 1:
            state.still[:] = state.numbers
        elif state.parent is not None:
            state.still[0] = state.numbers[0] & (state.parent.precise[0] | state.parent.still[0])

    def _unfinished(self, state: Remembered) -> bool:
        """Whether more may come to matter in a state, though all ways from it are at their end: it is in a circle that
        the walk came around."""
        return state.circle is not None and bool(self._visits[state.circle].met)

    def _met(self, state: Remembered, at: int, *, circle: bool) -> bool:
        """What matters in a state that has nothing new matters here."""
        state.hits += 1
        way = Way(at, self._steps, self._parent)
        self._learn(state, way)
        if circle and state.circle is not None:
            self._visits[state.circle].met.append((state, way))
        return True

    def _learn(self, state: Remembered, way: Way) -> bool:
        masks = [
            precise & self.flow.live[place]
            for precise, place in zip(state.precise, places_of(state.frames, state.at), strict=True)
        ]
        return any(masks) and self._mark(way, masks)

    def _ended(self, state: Remembered | None) -> None:
        while state is not None:
            state.branches -= 1
            if state.branches:
                return
            if state.circle is not None and (visit := self._visits[state.circle]).entry is state:
                visit.entry = None
                self._settle(visit)
            state = state.parent

    def _settle(self, visit: Visit) -> None:
        """All ways through a circle are at their end: what matters in one state of it matters in those equal to it."""
        changed = True
        while changed:
            changed = False
            for old, way in visit.met:
                changed |= self._learn(old, way)
        visit.met.clear()


def arithmetic(walk: Walk, at: int, op: Instruction) -> None:
    """One arithmetic instruction."""
    frame, wide, code = walk.frames[-1], op.kind == ALU64, op.code
    regs = frame.regs
    if code == MOV:
        if op.from_register and not wide and regs[op.source][0] not in (NUMBER, NOTHING):
            walk.addresses = "always"
        regs[op.target] = _moved(walk, frame, op, wide)
        return
    one = regs[op.target]
    two = regs[op.source] if op.from_register and code != END else number(known(op.immediate))
    if one[0] == NUMBER and two[0] == NUMBER:
        if code == END:
            regs[op.target] = ANY if op.immediate == 64 else number(_swapped(op.immediate))
        elif code == NEG:
            bounds = negated(one[2], wide) if walk.rules.negates else compute(NEG, one[2], one[2], wide)
            regs[op.target] = number(bounds)
        else:
            if code == AND and is_known(two[2]) and (one[2][2:4] if wide else one[2][6:8]) == (-1, 0):
                # All bits or none, a sign that was shifted down: both are tried (`maybe_fork_scalars`, since 6.19 and
                # in later versions of 6.18).
                later = walk.later(at, at)
                later[-1].regs[op.target] = number(known(0))
                one = number(known(-1 if wide else 0xFFFFFFFF))
            bounds = compute(code, one[2], two[2], wide)
            sums = wide and (code == ADD or (code == SUB and walk.rules.subtracts))
            regs[op.target] = _apart(code, one, two[2], bounds) if sums else number(bounds)
    elif NOTHING in (one[0], two[0]):
        regs[op.target] = ANY if wide else number(lower_half(ANY[2]))
    elif code in (NEG, END) or (code == SUB and (not wide or _both_point(one, two))):
        walk.addresses = "always"  # as a number, what is left of a pointer tells where things are
        regs[op.target] = ANY if wide else number(lower_half(ANY[2]))
    elif not wide or code not in (ADD, SUB) or _both_point(one, two) or (code == SUB and one[0] == NUMBER):
        raise Refused
    else:
        if op.from_register:
            walk.matters(1 << (op.source if two[0] == NUMBER else op.target), at)
        pointer, offset = (one, two) if one[0] != NUMBER else (two, one)
        if op.from_register and pointer[0] not in (VALUE, STACK):  # of which limits are known (`retrieve_ptr_limit`)
            walk.addresses = "always"
        walk.addresses = walk.addresses or ("sometimes" if op.from_register else "")
        regs[op.target] = _pointer(walk, pointer, offset, code)


def _both_point(one: Register, two: Register) -> bool:
    return one[0] != NUMBER and two[0] != NUMBER


def _swapped(bits: int) -> Bounds:
    return unsigned((1 << bits) - 1)


def _apart(code: int, one: Register, two: Bounds, bounds: Bounds) -> Register:
    """A sum with a constant, or a difference, is that much apart from what it was."""
    step = two[2] if code == ADD else -two[2]
    if one[3] and is_known(two) and not one[3] & APART and 0 <= step < 1 << 31 and not is_known(bounds):
        return (NUMBER, step, bounds, one[3] | APART, 0)
    return number(bounds)


def _moved(walk: Walk, frame: Frame, op: Instruction, wide: bool) -> Register:
    if not op.from_register:
        return number(known(op.immediate if wide else op.immediate & 0xFFFFFFFF))
    source = frame.regs[op.source]
    if source[0] != NUMBER:
        return source if wide else number(lower_half(ANY[2]))
    if op.offset:
        return number(sign_extended(source[2], op.offset, wide))
    if wide or source[2][1] < 1 << 32:
        return walk.shared(frame, op.source)
    return number(lower_half(source[2]))


def _pointer(walk: Walk, pointer: Register, step: Register, code: int) -> Register:
    """A pointer further on, or back. Raises Refused where that could be far away (`check_reg_sane_offset`)."""
    kind, offset, bounds, id, extra = pointer
    far = not -MOST_OFFSET < step[2][2] < MOST_OFFSET
    if kind in NULLABLE or (far and walk.rules.spills):
        raise Refused
    # Of what verifiers before 5.16 know of numbers that were on the stack less is known here.
    walk.doubtful = walk.doubtful or far
    if is_known(step[2]):
        return (kind, offset + (step[2][2] if code == ADD else -step[2][2]), bounds, id, extra)
    moved = compute(code, bounds, step[2], True)
    if kind == PACKET:
        return (kind, offset, moved, walk.new_id(), 0)
    return (kind, offset, moved, id, extra)
