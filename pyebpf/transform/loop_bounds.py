"""Give every loop its bound, and a counter where the verifier would not see the bound by itself.

before                          after
loop i in 0..n                  loop i in 0..n (bound 64, guarded)      # n <= 64 by a proof of ours
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.checks.bounds import bound
from pyebpf.checks.intervals import Facts
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops


def with_bound(loop: ops.Loop, language: Facts, verifier: Facts) -> ops.Loop | None:
    """The loop with its bound; None if nothing ever comes to it."""
    if not language.reachable(loop):
        return None
    if loop.bound is not None:
        return loop
    proven, seen = bound(loop, language), bound(loop, verifier)
    if proven is None:
        raise InternalError(f"{loop.span}: a loop without a bound passed the checks")
    return replace(loop, bound=proven, guarded=seen is None or seen > proven)
