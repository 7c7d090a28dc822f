"""The fields of tracepoints: what lies where in the context that a program is given.

They come from, in this order:

- the table of system calls (`syscalls`): their layout is fixed, so `syscalls:*` and `raw_syscalls:*`
  compile anywhere, for any kernel, without privileges;
- the running kernel's tracefs, unless the fields are wanted for another kernel;
- the BTF struct `trace_event_raw_CLASS` of the tracepoint's class.

The first eight bytes of the context are the kernel's own and closed to programs, so the `common_*` fields are left out.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Final, Literal, final

from pyebpf.kernel import tracepoint_btf
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.syscalls import SYSCALLS
from pyebpf.kernel.tracefs import TracepointsUnavailable, read_text, tracefs
from pyebpf.kernel.tracepoint_fields import FieldKind, TracepointField, fields_of_format
from pyebpf.records import dataclass

__all__ = [
    "FieldKind",
    "Tracepoint",
    "TracepointField",
    "TracepointsUnavailable",
    "raw_tracepoint_names",
    "tracepoint_fields",
    "tracepoint_id",
    "tracepoint_names",
]

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*", re.ASCII)
_NUMBERS: Final = {"i32": (4, True), "u32": (4, False), "u16": (2, False), "i64": (8, True), "u64": (8, False)}


@final
@dataclass(frozen=True, slots=True)
class Tracepoint:
    """A tracepoint and its fields, in order of offset."""

    category: str
    name: str
    fields: tuple[TracepointField, ...]
    source: Literal["table", "format", "btf"]
    struct: str
    """The BTF struct of its class (`trace_event_raw_sys_enter`), for CO-RE; "" if there is none or it isn't known."""

    def field(self, name: str) -> TracepointField | None:
        """The field `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


def tracepoint_fields(category: str, name: str, *, btf: Btf | None = None) -> Tracepoint | None:
    """The tracepoint `category:name`, of the kernel that `btf` describes (default: the running one).

    None if it doesn't exist. Raises TracepointsUnavailable if that can't be found out.
    """
    return _tracepoint(category, name, btf)


@lru_cache(maxsize=64)  # asked for once per field of the context that a probe uses
def _tracepoint(category: str, name: str, btf: Btf | None) -> Tracepoint | None:
    if not _NAME.fullmatch(category) or not _NAME.fullmatch(name):
        return None
    fields, struct = _from_table(category, name, big_endian=_big_endian(btf))
    if fields:
        return Tracepoint(category, name, fields, "table", struct)
    if btf is not None:
        return _from_btf(category, name, btf)
    try:
        with tracefs() as root:
            text = read_text(root, f"events/{category}/{name}/format")
        if text is None:
            return None
    except TracepointsUnavailable as error:
        return _from_running_btf(category, name, error)
    fields = fields_of_format(text, user_pointers=category == "syscalls")
    return Tracepoint(category, name, fields, "format", _struct_like(name, fields))


def tracepoint_id(category: str, name: str) -> int:
    """The number by which perf_event_open(2) knows `category:name`.

    Raises LookupError if the running kernel has no such tracepoint, TracepointsUnavailable if it can't be asked.
    """
    text = None
    if _NAME.fullmatch(category) and _NAME.fullmatch(name):
        with tracefs() as root:
            text = read_text(root, f"events/{category}/{name}/id")
    if text is None or not text.strip().isdigit():
        raise LookupError(f"this kernel has no tracepoint {category}:{name}")
    return int(text)


def tracepoint_names() -> tuple[str, ...]:
    """Every `category:name` of the running kernel; where it can't be asked, those of the system calls. Sorted."""
    try:
        with tracefs() as root:
            text = read_text(root, "available_events")
    except TracepointsUnavailable:
        text = None
    if text:
        return tuple(sorted(line for line in text.split() if ":" in line))
    calls = (f"syscalls:sys_{side}_{name}" for name in SYSCALLS for side in ("enter", "exit"))
    return tuple(sorted([*calls, "raw_syscalls:sys_enter", "raw_syscalls:sys_exit"]))


def raw_tracepoint_names(btf: Btf) -> tuple[str, ...]:
    """The names that `@raw_tracepoint` takes, sorted. From the typedefs `btf_trace_NAME`, there since Linux 5.5."""
    return tracepoint_btf.names(btf)


def _big_endian(btf: Btf | None) -> bool:
    return btf.big_endian if btf is not None else sys.byteorder == "big"


def _from_table(category: str, name: str, *, big_endian: bool) -> tuple[tuple[TracepointField, ...], str]:
    """Fields and struct of a system call's tracepoint; no fields if it isn't one."""
    if category == "raw_syscalls" and name in ("sys_enter", "sys_exit"):
        rest = (
            TracepointField("args", 16, 8, False, "array", 6)
            if name == "sys_enter"
            else TracepointField("ret", 16, 8, True, "integer", 1)
        )
        return (TracepointField("id", 8, 8, True, "integer", 1), rest), f"trace_event_raw_{name}"
    if category != "syscalls":
        return (), ""
    for prefix in ("sys_enter_", "sys_exit_"):
        call = SYSCALLS.get(name[len(prefix) :]) if name.startswith(prefix) else None
        if call is None:
            continue
        number = TracepointField("__syscall_nr", 8, 4, True, "integer", 1)
        if prefix == "sys_exit_":
            return (number, TracepointField("ret", 16, 8, True, "integer", 1)), ""
        return (number, *(_argument(at, text, big_endian) for at, text in enumerate(call.split()))), ""
    return (), ""


def _argument(number: int, text: str, big_endian: bool) -> TracepointField:
    """Argument `number`, `name:type`. Each has a slot of eight bytes; the upper ones of narrow types may be garbage."""
    name, _, type_name = text.partition(":")
    offset = 16 + 8 * number
    if type_name == "ptr":
        return TracepointField(name, offset, 8, False, "user_pointer", 1)
    size, signed = _NUMBERS[type_name]
    return TracepointField(name, offset + (8 - size if big_endian else 0), size, signed, "integer", 1)


def _from_btf(category: str, name: str, btf: Btf) -> Tracepoint | None:
    try:
        if not tracepoint_btf.exists(btf, name):
            return None
        struct = tracepoint_btf.event_struct(btf, name)
        if struct is None:
            raise TracepointsUnavailable(f"BTF alone doesn't tell which class of tracepoints {name} belongs to")
        fields = tracepoint_btf.fields_of_struct(btf, struct)
        return Tracepoint(category, name, fields, "btf", btf.name(struct))
    except BtfError as error:
        raise TracepointsUnavailable(f"the BTF is malformed: {error}") from None


def _from_running_btf(category: str, name: str, first: TracepointsUnavailable) -> Tracepoint | None:
    """The running kernel's BTF is open to every user, which tracefs isn't."""
    try:
        btf = Btf.running()
    except BtfError as error:
        raise TracepointsUnavailable(f"{first.reason}; {error}") from None
    return _from_btf(category, name, btf)


def _struct_like(name: str, fields: tuple[TracepointField, ...]) -> str:
    """The BTF struct with exactly the fields that tracefs gives, or ""."""
    try:
        btf = Btf.running()
        for struct in tracepoint_btf.candidates(btf, name):
            offsets = {field.name: field.offset for field in tracepoint_btf.fields_of_struct(btf, struct)}
            if all(offsets.get(field.name) == field.offset for field in fields):
                return btf.name(struct)
    except BtfError:
        pass
    return ""
