"""The capabilities that an ordinary user needs who loads and attaches a program: by its hook, its maps and helpers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, final

from pyebpf.kernel.capabilities import ATTACHING, CAPABILITIES, MAPS, PERFMON_HELPERS
from pyebpf.kernel.hooks import Hook
from pyebpf.kernel.least import capabilities_of
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Needs:
    """Names of capabilities, in one order."""

    always: tuple[str, ...]
    sometimes: tuple[tuple[str, str], ...] = ()
    """Those that are needed in some cases only, and in which: `before Linux 6.6`."""


ADDRESSES: Final = ("CAP_PERFMON", "where the verifier finds no limits for an index")


def needs_of(
    hook: Hook | None,
    program_type: int,
    maps: Iterable[int] = (),
    helpers: Iterable[str] = (),
    addresses: Literal["", "sometimes", "always"] = "",
) -> Needs:
    """Of a program on `hook`, or, where pyebpf has none for it, of its type (`enum bpf_prog_type`); with the types of
    its maps, and the names of the helpers that it calls. `addresses`: whether it computes with addresses, beyond what
    the verifier allows without CAP_PERFMON."""
    always = set(capabilities_of(program_type) if hook is None else hook.capabilities)
    always |= {name for kind in maps for name in MAPS.get(kind, ("CAP_BPF",))}
    if addresses == "always" or not PERFMON_HELPERS.isdisjoint(helpers):
        always.add("CAP_PERFMON")
    sometimes = [(row.capability, row.when) for row in ATTACHING if hook is not None and row.kind is hook.attach]
    if addresses == "sometimes" and "CAP_PERFMON" not in always:
        sometimes.append(ADDRESSES)
    return Needs(_ordered(always), tuple(sometimes))


def together(needs: Iterable[Needs]) -> Needs:
    """Of several programs."""
    all_needs = list(needs)
    always = _ordered({name for each in all_needs for name in each.always})
    sometimes = dict.fromkeys(pair for each in all_needs for pair in each.sometimes if pair[0] not in always)
    return Needs(always, tuple(sometimes))


def _ordered(names: set[str]) -> tuple[str, ...]:
    """Those of BPF first."""
    first = ("CAP_BPF", "CAP_PERFMON")
    return tuple(name for name in (*first, *(each for each in CAPABILITIES if each not in first)) if name in names)
