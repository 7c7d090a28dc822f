"""The verifier's states, and when one that is new has nothing new. Source: `regsafe`, `stacksafe` and `states_equal` in
kernel/bpf/verifier.c.

A register is a tuple `(kind, offset, bounds, id, extra)`: of a number, `offset` is the constant by which it is apart
from others with its id; of a pointer, the constant part of where it points, `bounds` the variable part, and `extra`
what it points into, or for a packet the bytes that are known to be there.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

from pyebpf.effort.bounds import UNKNOWN, Bounds, known, within
from pyebpf.effort.decode import FRAME
from pyebpf.effort.flow import SLOTS
from pyebpf.effort.precision import Step

Extra: TypeAlias = "int | str"
Register: TypeAlias = tuple[int, int, Bounds, int, Extra]
Word: TypeAlias = tuple[bytes, "Register | None"]
"""Of each of a word's eight bytes what is there, and what was put there if all of it is known."""
Matters: TypeAlias = "tuple[list[tuple[int, Register]], list[tuple[int, Word, bool]]]"
"""Registers, and words with whether their number matters exactly."""

(
    NOTHING, NUMBER, CONTEXT, MAP, VALUE, VALUE_OR_NULL, STACK, PACKET, PACKET_END, MEMORY, MEMORY_OR_NULL, OBJECT,
    FUNCTION, ITERATOR,
) = range(14)  # fmt: skip
NULLABLE: Final = {VALUE_OR_NULL: VALUE, MEMORY_OR_NULL: MEMORY}
INVALID, MISC, ZERO, SPILL, ITER = range(5)
ALL_MISC: Final = bytes([MISC]) * 8
ALL_SPILL: Final = bytes([SPILL]) * 8
ITERATORS: Final = bytes([ITER]) * 8
"""A word with the state of an iterator."""
NO_WORD: Final[Word] = (bytes(8), None)
FIXED: Final = known(0)
UNSET: Final[Register] = (NOTHING, 0, FIXED, 0, 0)
ANY: Final[Register] = (NUMBER, 0, UNKNOWN, 0, 0)
APART: Final = 1 << 40
"""In an id: that the number is a constant apart from the one that has the id without this."""


def number(bounds: Bounds) -> Register:
    return (NUMBER, 0, bounds, 0, 0)


@final
class Frame:
    """Of one function that is being run."""

    __slots__ = ("callback", "callsite", "depth", "regs", "stack", "start")

    def __init__(self, start: int, callsite: int, around: int, *, callback: bool = False) -> None:
        """`around`: how many frames there are already."""
        self.start = start
        self.callsite = callsite
        self.callback = callback
        self.depth = 0
        """Rounds of callbacks that were begun."""
        self.regs: list[Register] = [UNSET] * 11
        self.regs[FRAME] = (STACK, 0, FIXED, 0, around)
        self.stack: dict[int, Word] = {}

    def copy(self) -> Frame:
        new = Frame.__new__(Frame)
        new.start, new.callsite, new.callback, new.depth = self.start, self.callsite, self.callback, self.depth
        new.regs, new.stack = self.regs.copy(), self.stack.copy()
        return new


def places_of(frames: list[Frame], at: int) -> list[int]:
    """The instruction that each function is at; the innermost is at `at`."""
    return [*(frame.callsite for frame in frames[1:]), at]


@final
class Remembered:
    """A state that later ones are compared with. `branches`: ways from it that aren't at their end."""

    __slots__ = (
        "_found",
        "at",
        "branches",
        "circle",
        "doubt",
        "frames",
        "hits",
        "misses",
        "numbers",
        "parent",
        "precise",
        "steps",
        "still",
    )

    def __init__(
        self,
        at: int,
        frames: list[Frame],
        parent: Remembered | None,
        steps: Step | None,
        circle: tuple[int, ...] | None,
    ) -> None:
        """`parent` and `steps`: how the walk came here. `circle`: the one that this is in."""
        self.at, self.frames, self.parent, self.steps, self.circle = at, frames, parent, steps, circle
        self.branches, self.hits, self.misses = 1, 0, 0
        self.numbers = [_numbers(frame) for frame in frames]
        """Of each frame the registers and words that hold numbers."""
        self.precise = [0] * len(frames)
        """And those of them that matter, as far as is known."""
        self.still = [0] * len(frames)
        """And those that are taken to matter, since they did before."""
        self.doubt: tuple[bool, int, bool, int] | None = None
        """What made the last state differ that was compared with it, loosely or not: the frame, whether it is a word of
        the stack, and which."""
        self._found: list[Matters] | None = None

    def renewed(self) -> None:
        """More numbers matter."""
        self._found = None

    def that_matters(self, live: tuple[int, ...]) -> list[Matters]:
        """Of each frame the registers and words that another state must have alike."""
        if self._found is None:
            places = places_of(self.frames, self.at)
            self._found = [
                _that_matters(frame, live[place], precise | still)
                for frame, place, precise, still in zip(self.frames, places, self.precise, self.still, strict=True)
            ]
        return self._found


def _numbers(frame: Frame) -> int:
    found = 0
    for index in range(FRAME):
        if frame.regs[index][0] == NUMBER:
            found |= 1 << index
    for index, (types, there) in frame.stack.items():
        if there is not None and there[0] == NUMBER and types[0] == SPILL:
            found |= 1 << SLOTS + index
    return found


def _that_matters(frame: Frame, live: int, precise: int) -> Matters:
    registers = []
    for index in range(10):
        kind = frame.regs[index][0]
        if kind and live >> index & 1 and (kind != NUMBER or precise >> index & 1):
            registers.append((index, frame.regs[index]))
    words = []
    for index, word in frame.stack.items():
        if live >> SLOTS + index & 1 and word[0].strip(b"\0\1"):
            words.append((index, word, precise >> SLOTS + index & 1 != 0))
    return registers, words


@final
class Ids:
    """Which ids of an old state stand for which of the new one."""

    __slots__ = ("_back", "_forth", "_made")

    def __init__(self) -> None:
        self._forth: dict[int, int] = {}
        self._back: dict[int, int] = {}
        self._made = -1

    def agree(self, old: int, new: int) -> bool:
        found = self._forth.get(old)
        if found is not None:
            return found == new
        if new in self._back:
            return False
        self._forth[old], self._back[new] = new, old
        return True

    def agree_numbers(self, old: int, new: int) -> bool:
        """Of numbers: no id is an id that nothing else has."""
        if not old and not new:
            return True
        self._made -= 2
        return self.agree(old or self._made, new or self._made - 1)


def same(old: Remembered, new: list[Frame], live: tuple[int, ...], loose: bool) -> bool:
    """Whether all that is safe from `old` on is safe from `new` on. `loose`: as states of a circle are compared, of
    which not all ways have been walked to their end."""
    frames = old.frames
    if len(frames) != len(new):
        return False
    for one, two in zip(frames, new, strict=True):
        if one.callsite != two.callsite or one.start != two.start or one.depth > two.depth:
            return False
    if old.doubt is not None and old.doubt[0] is loose and _differs(old, new, *old.doubt):
        return False
    ids = Ids()
    if not loose:
        for depth, found in enumerate(old.that_matters(live)):
            if (doubt := _unlike(found, new[depth], ids)) is not None:
                old.doubt = loose, depth, *doubt
                return False
        return True
    for depth, at in enumerate(places_of(frames, old.at)):
        if (doubt := _unlike_all(frames[depth], new[depth], live[at], ids)) is not None:
            old.doubt = loose, depth, *doubt
            return False
    return True


def _differs(old: Remembered, new: list[Frame], loose: bool, depth: int, is_word: bool, index: int) -> bool:
    """Whether what made another state differ from `old` makes this one: most often it is a counter."""
    if not is_word:
        precise = loose or old.precise[depth] >> index & 1 != 0
        return not _safe(old.frames[depth].regs[index], new[depth].regs[index], precise, Ids(), loose)
    precise = loose or old.precise[depth] >> SLOTS + index & 1 != 0
    word, other = old.frames[depth].stack[index], new[depth].stack.get(index)
    return other is None or not _same_word(word, other, precise, Ids(), loose)


def _unlike(found: Matters, new: Frame, ids: Ids) -> tuple[bool, int] | None:
    """What of a frame matters and is another in `new`: whether it is a word of the stack, and which."""
    registers, stack = new.regs, new.stack
    for index, old in found[0]:
        if not _safe(old, registers[index], True, ids, False):
            return False, index
    for index, word, precise in found[1]:
        other = stack.get(index)
        if other is word and (word[1] is None or not word[1][3]):
            continue
        if other is None or not _same_word(word, other, precise, ids, False):
            return True, index
    return None


def _unlike_all(old: Frame, new: Frame, live: int, ids: Ids) -> tuple[bool, int] | None:
    """The same for circles: of all that is live, and all of the stack."""
    for register in range(10):
        if live >> register & 1 and not _safe(old.regs[register], new.regs[register], True, ids, True):
            return False, register
    for index, word in old.stack.items():
        other = new.stack.get(index)
        if other is word and (word[1] is None or not word[1][3]):
            continue
        if other is None or not _same_word(word, other, True, ids, True):
            return True, index
    return None


def _safe(old: Register, new: Register, precise: bool, ids: Ids, loose: bool) -> bool:
    kind = old[0]
    if kind == NOTHING or (old is new and not old[3]):
        return True
    if kind != new[0]:
        return False
    if kind == NUMBER:
        if not precise and not loose:
            return True
        if old[3] & APART != new[3] & APART or (old[3] & APART and old[1] != new[1]):
            return False
        return ids.agree_numbers(old[3], new[3]) and within(old[2], new[2])
    if kind == PACKET:
        return old[1] == new[1] and old[4] <= new[4] and ids.agree(old[3], new[3]) and within(old[2], new[2])  # type: ignore[operator]
    return old[1] == new[1] and old[4] == new[4] and ids.agree(old[3], new[3]) and within(old[2], new[2])


def _same_word(old: Word, new: Word, precise: bool, ids: Ids, loose: bool) -> bool:
    if old[0] == ITERATORS == new[0] and old[1] is not None and new[1] is not None:
        return old[1][4] == new[1][4] and ids.agree(old[1][3], new[1][3])
    if old[0] == ALL_SPILL == new[0] and old[1] is not None and new[1] is not None:
        return _safe(old[1], new[1], precise, ids, loose)
    if loose and old[0] != new[0]:
        return False
    first, second = _whole(old), _whole(new)
    if first is not None and second is not None:
        return _safe(first, second, precise and old[1] is not None, ids, loose)
    for one, two in zip(*(word[0] for word in (old, new)), strict=True):
        if one not in (INVALID, MISC) and one != two:
            return False
    if old[0][0] == SPILL:
        assert old[1] is not None and new[1] is not None
        return _safe(old[1], new[1], precise, ids, loose)
    return True


def _whole(word: Word) -> Register | None:
    """The number that reading the word gives, if it is one."""
    types, register = word
    if register is not None and types == ALL_SPILL:
        return register if register[0] == NUMBER else None
    return None if types.strip(b"\0\1") else ANY


def widened(old: Frame, new: Frame, precise: int) -> None:
    """Forget in `new` what has changed since `old` and doesn't matter exactly (`widen_imprecise_scalars`)."""
    for register in range(10):
        if not precise >> register & 1:
            new.regs[register] = _wider(old.regs[register], new.regs[register])
    for index, (types, register_there) in new.stack.items():
        before = old.stack.get(index)
        if register_there is None or before is None or before[1] is None or precise >> SLOTS + index & 1:
            continue
        new.stack[index] = types, _wider(before[1], register_there)


def _wider(old: Register, new: Register) -> Register:
    if old[0] != NUMBER or new[0] != NUMBER or (old[2] == new[2] and old[1] == new[1]):
        return new
    return ANY
