"""Drop checks that can't fail, as far as the kernel's verifier sees that too.

    before                                  after
    check 3 < 16 else IndexError            x = load a[3]
    x = load a[3]

The verifier's view decides, not ours: it must be able to follow why the check isn't needed.
"""

from __future__ import annotations

from pyebpf.checks.intervals import Facts
from pyebpf.ir import ops


def is_proven(check: ops.Check, verifier: Facts) -> bool:
    """Whether the check's condition always holds."""
    return not verifier.reachable(check) or verifier.always(check.condition) is True
