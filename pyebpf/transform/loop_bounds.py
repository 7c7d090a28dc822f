"""Give every loop its bound, and a counter where the verifier would not see the bound by itself.

before                          after
loop i in 0..n                  loop i in 0..n (bound 64, guarded)      # n <= 64 by a proof of ours
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known
from pyebpf.checks.facts import Facts
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops


def with_bound(loop: ops.Loop, language: Facts, verifier: Facts, known: frozenset[ops.Local]) -> ops.Loop | None:
    """The loop with its bound; None if nothing ever comes to it.

    It counts as well, for the verifier, unless it runs over numbers that are `known` on every way: of others LLVM may
    keep two copies, and compare the one that bounds the loop only on the narrower of them.
    """
    if not language.reachable(loop):
        return None
    if loop.bound is not None or loop.is_endless:
        return loop
    proven, seen = bound(loop, language), bound(loop, verifier)
    if proven is None:
        raise InternalError(f"{loop.span}: a loop without a bound passed the checks")
    if loop.strategy == "callback":
        return replace(loop, bound=proven)
    return replace(loop, bound=proven, guarded=seen is None or seen > proven or not _is_plain(loop, known))


def _is_plain(loop: ops.Loop, known: frozenset[ops.Local]) -> bool:
    counting = loop.counting
    if counting is not None:
        return is_known(counting.start, known) and is_known(counting.stop, known)
    tests = [op for op in loop.body.ops if isinstance(op, ops.If)]
    return bool(tests) and all(is_known(test.condition, known) for test in tests)
