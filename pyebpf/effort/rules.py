"""In what verifiers of different kernels differ that makes a difference to how much they have to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass


@final
@dataclass(frozen=True)
class Rules:
    """What one kernel's verifier does."""

    rounds: bool
    """Whether it goes into the function that a helper calls until a round has nothing new. Else it does so once, and
    goes on behind the call from the end of each way through the function."""
    through_calls: bool
    """Whether it finds out which numbers matter across calls of functions and their ends. Else all do, there."""
    forgets: bool
    """Whether a number that mattered up to a state need not do so from there on. Else it goes on to; and all numbers
    matter in programs with functions."""
    unread: bool
    """Whether in such a function states differ as well in registers that nothing reads any more."""
    spills: bool
    """Whether it knows what a number can be that was put on the stack and read back. Else only of constants."""
    negates: bool
    """Whether it knows what `-x` can be."""
    circles: bool
    """Whether states of such a function are the same only if all numbers are, until all rounds are at their end."""
    subtracts: bool
    """Whether it remembers how far a difference from a constant, and not only a sum, is from what it was."""
    zeros: bool
    """Whether a part of a zero that was put on the stack is read as zero, and not only its first bytes."""


_OLDEST: Final = Rules(
    rounds=False,
    through_calls=False,
    forgets=False,
    unread=False,
    spills=False,
    negates=False,
    circles=False,
    subtracts=False,
    zeros=False,
)
_SPILLS: Final = replace(_OLDEST, spills=True)
_FORGETS: Final = replace(_SPILLS, forgets=True)
_CALLS: Final = replace(_FORGETS, through_calls=True)
_ROUNDS: Final = replace(_CALLS, rounds=True)
_ZEROS: Final = replace(_ROUNDS, zeros=True)

RULES: Final[tuple[tuple[Version, Rules], ...]] = (
    ((6, 19), replace(_ZEROS, negates=True, subtracts=True, circles=True)),
    ((6, 18), replace(_ZEROS, negates=True, subtracts=True)),
    ((6, 15), _ZEROS),
    ((6, 8), replace(_ZEROS, unread=True)),
    ((6, 7), replace(_ROUNDS, unread=True)),
    ((6, 5), _CALLS),
    ((6, 2), _FORGETS),
    ((5, 16), _SPILLS),
    ((0, 0), _OLDEST),
)
"""Each from a kernel on, the newest first. Sources: commits ab5cfac139ab (rounds), fde2a3882bd0 (calls), 7a830b53c17b
and be2ef8161572 (forgets), 14c8552db644 (unread), 354e8f1970f8 (spills), and in Linux 6.8
"preserve constant zero when doing partial register restore" (zeros). `negates` and
`subtracts` are what 6.18 does and 6.12 doesn't,
`circles` what 7.3 was seen to do, and 6.18 not."""


def rules_for(kernel: Version | None) -> Rules:
    """Those of a kernel; None for the newest."""
    return next(rules for since, rules in RULES if kernel is None or since <= kernel)
