"""What has to be provable and isn't: that values fit, aren't negative, aren't None. Codes E021x; licences E022x."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class MayNotFit(Diagnostic):
    code: ClassVar = "E0210"
    title: ClassVar = "value may not fit {type}"
    label: ClassVar = "it can be {low} to {high}"
    notes: ClassVar = ("{holds}",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Storing a number where it might not fit would change it in silence. Say that only the low bits are wanted, or
    bring it into range.

        event.port = value              # wrong, if port is u16 and value a larger type
        event.port = u16(value)         # the low 16 bits
        event.port = min(value, 65535)  # right as well: it surely fits
    """

    type: str
    low: str
    high: str
    holds: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class MayBeNegative(Diagnostic):
    code: ClassVar = "E0211"
    title: ClassVar = "this may be negative, where only numbers from 0 can be"
    label: ClassVar = "it can be {low} to {high}"
    notes: ClassVar = ("a u64 and a number that may be negative have no common 64-bit type",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Python's integers have no limit, those in the kernel have 64 bits: u64 holds 0 to 2**64 - 1, i64 holds -2**63 to
    2**63 - 1. What may be negative can't be mixed with a u64, or stored as one, without saying what is meant.

        total = ktime_ns() + delta          # wrong, if delta may be negative
        total = ktime_ns() + max(delta, 0)  # right
        total = ktime_ns() + u64(delta)     # right: wraps around at 2**64
    """

    low: str
    high: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class MayBeNone(Diagnostic):
    code: ClassVar = "E0212"
    title: ClassVar = "`{name}` may be None here"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    The value may be missing. Test for it, or give a default.

        start = starts.pop(tid())
        delta = ktime_ns() - start              # wrong

        if start is not None:                   # right
            delta = ktime_ns() - start
    """

    name: str
    why: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class NeedsGpl(Diagnostic):
    code: ClassVar = "E0221"
    title: ClassVar = "`{helper}` is for programs under the GPL, and this module says `{license}`"
    notes: ClassVar = ("the kernel lets only GPL-compatible programs call it",)
    help: ClassVar = '__license__ = "GPL"'
    explanation: ClassVar = """
    Some of the kernel's functions may be called only by programs whose licence is compatible with the GPL: `GPL`,
    `GPL v2`, `Dual MIT/GPL`, `Dual BSD/GPL`, `Dual MPL/GPL`. A module without `__license__` is compiled as `GPL`.
    """

    helper: str
    license: str


@final
@dataclass(frozen=True, slots=True)
class HelperNotAllowed(Diagnostic):
    code: ClassVar = "E0222"
    title: ClassVar = "this needs the kernel's `{helper}`, which {hook} programs may not call"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Each kind of program may call its own set of the kernel's functions. A packet in the driver, for instance,
    belongs to no
    process, so there is no user memory to read.
    """

    helper: str
    hook: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class TooNew(Diagnostic):
    code: ClassVar = "E0224"
    title: ClassVar = "{what} needs Linux {since}, and this is compiled for {kernel}"
    explanation: ClassVar = """
    With `--kernel 5.10`, or `pyebpf.compile(…, kernel=(5, 10))`, an object is for that kernel and later ones. Hooks,
    maps and functions that came later would be refused when it is loaded there.
    """

    what: str
    since: str
    kernel: str


@final
@dataclass(frozen=True, slots=True)
class AlwaysFails(Diagnostic):
    code: ClassVar = "E0223"
    title: ClassVar = "this always raises {fault}"
    explanation: ClassVar = """
    Whatever the values are, this operation fails every time the program comes here.
    """

    fault: str
