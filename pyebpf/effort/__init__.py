"""How much the kernel's verifier will have to do with a program, found by doing it.

Comes in: an object as it was made, before it is loaded. Goes out: for each of its programs the instructions that the
verifier will go through and the ways that it will have to remember, of which it takes a million and 8,192. Needs
neither Linux nor root. Entry: `measure`.

What is counted is what a program costs the verifier of Linux 6.18, whose rules are followed here: which ways it sees,
what it knows on each, which states it remembers and which it finds equal. Of what it would refuse, only addresses that
are none are noticed, and too much stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from pyebpf.effort.decode import decode, helper_name
from pyebpf.effort.rules import Rules, rules_for
from pyebpf.effort.stack import MOST, deepest
from pyebpf.effort.walk import Addresses, Refused, TooMuch, Walk
from pyebpf.kernel.conventions import convention
from pyebpf.object.specs import LineRecord, Object, ProgramSpec
from pyebpf.records import dataclass

__all__ = ["Effort", "Rules", "measure", "rules_for"]


@final
@dataclass(frozen=True)
class Effort:
    """Of one program."""

    instructions: int
    """As the verifier counts them ("processed N insns"); up to where the walk was given up, if it was."""
    open_branches: int
    """The most ways that are left for later at a time."""
    complete: bool
    """Whether the walk came to its end."""
    refused: bool
    """Whether it came to something that the verifier refuses, which is a fault of the code generator."""
    lines: Mapping[tuple[str, int], int]
    """Where they are: by file and line."""
    doubtful: bool = False
    """Whether it came to something that some verifiers refuse, of which less is known here than they know."""
    addresses: Addresses = ""


def measure(obj: Object, program: ProgramSpec, most: int, rules: Rules) -> Effort:
    """What a verifier with these rules does with `program`; at most about `most` instructions are walked."""
    code = decode(obj, program)
    callbacks = frozenset(
        at
        for at, op in enumerate(code.instructions)
        if op is not None and (helper := convention(helper_name(op))).function and not helper.later
    )
    if deepest(code) > MOST:
        return Effort(0, 0, False, True, {})
    walk = Walk(code, most, callbacks, rules)
    try:
        walk.run()
    except TooMuch:
        return Effort(walk.instructions, walk.open, False, False, _lines(walk))
    except Refused:
        return Effort(walk.instructions, walk.open, False, True, _lines(walk))
    return Effort(walk.instructions, walk.open, True, False, _lines(walk), walk.doubtful, walk.addresses)


def _lines(walk: Walk) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    lines = iter([*walk.code.lines, (len(walk.code.instructions), LineRecord(0, "", "", 0, 0))])
    following, record = next(lines), None
    for at in range(len(walk.code.instructions)):
        while following[0] <= at:
            record, following = following[1], next(lines)
        if record is not None and walk.visits[at]:
            key = (record.file, record.line)
            found[key] = found.get(key, 0) + walk.visits[at]
    return found
