"""The functions that this kernel can be traced at: by tracefs, or else by its symbols.

`available_filter_functions` in tracefs lists them; `available_filter_functions_addrs` (6.5) says where, too, behind
landing pads. Names that several functions have stand there once for each.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final, final

from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.tracefs import TracepointsUnavailable, read_text, tracefs
from pyebpf.records import dataclass

SYMBOLS: Final = Path("/proc/kallsyms")
NEVER: Final = ("__ftrace_invalid_address__", "bpf_dispatcher_", "rcu_", "arch_cpu_idle", "default_idle")
"""What patterns don't match unless they begin so: names of no function, what runs programs itself, and what is called
by whatever runs them, so often that it slows a machine down."""
WILD: Final = "*?["
FURTHEST: Final = 16
"""Bytes from where a function begins to where it can be traced."""


@final
@dataclass(frozen=True, slots=True)
class Traceable:
    """A function; the address is 0 where it isn't known."""

    name: str
    address: int


def is_pattern(name: str) -> bool:
    return any(letter in name for letter in WILD)


def matching(pattern: str) -> list[Traceable]:
    """Those that `pattern` matches (`*`, `?`, `[…]`), in the order of their names. Where an address isn't known, all
    are without, and those are left out whose names several have."""
    wanted = _matcher(pattern)
    found = _listed(wanted)
    if found is None:
        found = _symbols(wanted)
    if not all(each.address for each in found):
        names = Counter(each.name for each in found)
        found = [Traceable(name, 0) for name, count in names.items() if count == 1]
    return sorted(set(found), key=lambda each: (each.name, each.address))


def _matcher(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(fnmatch.translate(pattern))
    never = tuple(prefix for prefix in NEVER if not pattern.startswith(prefix)) if is_pattern(pattern) else ()

    def wanted(name: str) -> bool:
        return expression.match(name) is not None and not name.startswith(never)

    return wanted


def _listed(wanted: Callable[[str], bool]) -> list[Traceable] | None:
    """By tracefs; None where it isn't there, or can't be read."""
    try:
        with tracefs() as root:
            text = read_text(root, "available_filter_functions_addrs")
            words = [line.split() for line in (text or "").splitlines()]
            if not words:
                text = read_text(root, "available_filter_functions")
                words = [["0", *line.split()] for line in (text or "").splitlines()]
    except TracepointsUnavailable:
        return None
    listed = [(int(each[0], 16), each[1]) for each in words if len(each) > 1 and wanted(each[1])]
    if not words:
        return None
    places = _addresses({name for _, name in listed})
    return [Traceable(name, _beginning(traced, places[name])) for traced, name in listed]


def _beginning(traced: int, places: list[int]) -> int:
    """Where the function begins that is traced at `traced`, of all that have its name: there or a little before, as
    some begin with a landing pad (`endbr64`). 0 if nobody knows."""
    if not traced:
        return places[0] if len(places) == 1 else 0
    return max((place for place in places if place <= traced <= place + FURTHEST), default=0)


def _symbols(wanted: Callable[[str], bool]) -> list[Traceable]:
    """By the kernel's symbols, of functions that its types know: most can be traced. Where it shows no symbols, by its
    types alone."""
    try:
        names = {name for name, _ in Btf.running().names(Kind.FUNC, "") if wanted(name)}
    except (BtfError, OSError):
        return []
    return [Traceable(name, where[0] if len(where) == 1 else 0) for name, where in _addresses(names).items()]


def _addresses(names: Collection[str]) -> dict[str, list[int]]:
    """Where the functions of these names begin; nowhere, if the kernel doesn't show it."""
    found: dict[str, list[int]] = {name: [] for name in names}
    for address, name in _functions():
        if address and name in found:
            found[name].append(address)
    return found


def _functions() -> Iterator[tuple[int, str]]:
    """The kernel's symbols, as far as they are code."""
    try:
        with SYMBOLS.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) > 2 and words[1] in "tTwW":
                    yield int(words[0], 16), words[2]
    except OSError:
        return


def names_at(addresses: tuple[int, ...]) -> dict[int, str]:
    """What the kernel's symbols call the functions there; those that it doesn't show are left out."""
    wanted = set(filter(None, addresses))
    found: dict[int, str] = {}
    for address, name in _functions() if wanted else ():
        if address in wanted:
            found.setdefault(address, name)
    return found
