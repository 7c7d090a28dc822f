"""In what verifiers of different kernels differ that makes a difference to how much they have to do."""

from __future__ import annotations

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
    circles: bool
    """Whether states of such a function are the same only if all numbers are, until all rounds are at their end."""


RULES: Final[tuple[tuple[Version, Rules], ...]] = (
    ((6, 19), Rules(rounds=True, through_calls=True, forgets=True, unread=False, circles=True)),
    ((6, 15), Rules(rounds=True, through_calls=True, forgets=True, unread=False, circles=False)),
    ((6, 7), Rules(rounds=True, through_calls=True, forgets=True, unread=True, circles=False)),
    ((6, 5), Rules(rounds=False, through_calls=True, forgets=True, unread=False, circles=False)),
    ((6, 2), Rules(rounds=False, through_calls=False, forgets=True, unread=False, circles=False)),
    ((0, 0), Rules(rounds=False, through_calls=False, forgets=False, unread=False, circles=False)),
)
"""Each from a kernel on, the newest first. Sources: commits ab5cfac139ab (rounds), fde2a3882bd0 (calls), 7a830b53c17b
and be2ef8161572 (forgets), 14c8552db644 (unread). `circles` is what Linux 7.3 was seen to do, and 6.18 not."""


def rules_for(kernel: Version | None) -> Rules:
    """Those of a kernel; None for the newest."""
    return next(rules for since, rules in RULES if kernel is None or since <= kernel)
