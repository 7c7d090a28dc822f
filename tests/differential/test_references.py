"""References that may be None, and flags that say so."""

from __future__ import annotations

from pathlib import Path

import pytest
import twice
from references import HEAD, attempt
from running import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]

FOUND = {
    # `seen` says that `p` is None, which a join inside of the `if` took for what it says behind that, too.
    "a flag narrowed on one way": """
    seen = p is None
    if x > 3 and p is not None:
        v = c.get(x & 2)
        if v is not None:
            y += 1
    out[0] = seen and not q
    out[1] = y
    return XDP.DROP
""",
    # The outcome of the test is forgotten after each round, so that the verifier knows nothing of `p` in the second.
    "a test that isn't needed twice": """
    for i in range(3):
        if p is None or p.f == x:
            break
        x += 1
    out[0] = x
    return XDP.DROP
""",
    "none or what it was": """
    if (x & 3) in b:
        if found == (r.f & 1):
            p = None
    if z > (r.n & 255):
        for i in range(2):
            p = a.get(i)
    else:
        y = i64(not p)
    out[0] = y
    return XDP.DROP
""",
    "a test before a long loop": """
    found = p is not None and p.f > 3
    for i in range(600):
        if not found or i > x:
            break
        y += p.n & 1
    out[0] = y
    return XDP.DROP
""",
}
PACKETS = [bytes([bits, x, *bytes([3, 255]), *bytes(60)]) for bits in (0, 15, 85, 240, 255) for x in (0, 1, 2, 7)]


# Of the last three: a truth value that took the place of a test of a pointer, once kept where Linux 5.10 forgets it;
# and one of "either not null or not zero".
@pytest.mark.parametrize("number", [*range(40), 2654, 4591, 6525])
def test_random_references(kernel: Kernel, number: int, tmp_path: Path) -> None:
    attempt(number, kernel.worker, tmp_path)


@pytest.mark.parametrize("target", [None, (5, 10), (6, 18)], ids=str)
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + FOUND[name], PACKETS, tmp_path)
