"""What a log says of registers and stack slots: `R2=scalar(smin=0,smax=umax=15,var_off=(0x0; 0xf))`, typed.

Kernels differ in names alone: `inv` is `scalar` since 5.18, `umax_value` is `umax` since 6.4, `R2_w` is `R2`
since 6.16.
Source: print_verifier_state() in kernel/bpf/verifier.c, or log.c since 6.4.
"""

from __future__ import annotations

import re
from typing import Final, final

from pyebpf.records import dataclass

LONGEST: Final = 1 << 14
"""Characters of a line that are read for registers: all that a kernel writes of 11 registers and 64 slots."""
_ITEM: Final = re.compile(
    r"(?<![\w-])(R\d{1,2}|fp-\d{1,4})(?:_[rwDdP]{1,6})?=([^\s(]*(?:\((?:[^()]|\([^()]*\))*\))?)",
)
_FRAME: Final = re.compile(r"^\s*(?:frame(\d+)):? ?")
_NUMBER: Final = re.compile(r"^(P)?(inv|scalar|fp)?(P)?(-?(?:0x[0-9a-f]{1,16}|\d{1,20}))?(?:\((.*)\))?$")
_OTHER: Final = re.compile(r"^(P)?([A-Za-z_]\w*)(?:\((.*)\))?$")
_SLOT: Final = re.compile(r"^[m?0rdif]{8}$")
_PART: Final = re.compile(r"((?:\w+=)+)(\([^()]*\)|[^,()]*)")
_OLD_NAMES: Final = {
    "smin_value": "smin", "smax_value": "smax", "umin_value": "umin", "umax_value": "umax",
    "s32_min_value": "smin32", "s32_max_value": "smax32", "u32_min_value": "umin32", "u32_max_value": "umax32",
    "mem_size": "sz", "ref_obj_id": "ref_id",
}  # fmt: skip
_S64_MIN, _S64_MAX, _U64_MAX, _U32_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1, (1 << 32) - 1
_HUGE: Final = 1 << 62
"""Bounds beyond are none: they come of shifts."""
_OR_NULL: Final = "_or_null"


@final
@dataclass(frozen=True, slots=True)
class Register:
    """A register, or 8 bytes of the stack (`fp-16`), as the verifier knows it at one instruction."""

    name: str
    kind: str
    """`scalar`, `map_value`, `pkt`, `ctx`, `fp`, `ptr_task_struct`, …; `bytes` for stack that holds no register."""
    nullable: bool
    precise: bool
    constant: int | None
    """Of a scalar that is one number; of `fp`, the offset from the frame's end."""
    fields: tuple[tuple[str, str], ...]
    """What else is said, by its newer name: `(("map", "counts"), ("vs", "8"))`."""
    text: str
    """As the log has it."""

    def field(self, name: str) -> str:
        return next((value for key, value in self.fields if key == name), "")

    def number(self, name: str) -> int | None:
        """A field that is a number; None where the log has none."""
        return _int(self.field(name))

    @property
    def signed(self) -> tuple[int, int]:
        """The least and the largest that it can be as i64."""
        if self.constant is not None and self.kind == "scalar":
            return _signed(self.constant), _signed(self.constant)
        low, high = self.number("smin"), self.number("smax")
        least, most = self.unsigned
        positive = most <= _S64_MAX  # then kernels leave out what is the same as u64
        return (
            (least if positive else _S64_MIN) if low is None else _signed(low),
            (most if positive else _S64_MAX) if high is None else _signed(high),
        )

    @property
    def unsigned(self) -> tuple[int, int]:
        """The least and the largest that it can be as u64."""
        if self.constant is not None and self.kind == "scalar":
            return self.constant & _U64_MAX, self.constant & _U64_MAX
        low, high = self.number("umin"), self.number("umax")
        return 0 if low is None else low, _U64_MAX if high is None else high

    @property
    def is_pointer(self) -> bool:
        return self.kind not in ("scalar", "bytes")


def frame_of(text: str) -> int | None:
    """The frame that registers in `text` are of: 0 is the program's own; None if there are no registers."""
    found = _FRAME.match(text)
    if found is not None:
        return min(int(found[1][:3]), 255)
    return 0 if _ITEM.search(text[:LONGEST]) else None


def registers(text: str) -> dict[str, Register]:
    """All that a line says of registers and slots."""
    return {found[1]: _register(found[1], found[2]) for found in _ITEM.finditer(text[:LONGEST])}


def _register(name: str, text: str) -> Register:
    if _SLOT.match(text):
        return Register(name, "bytes", False, False, None, (), text)
    number = _NUMBER.match(text)
    if number is not None:
        precise, kind = bool(number[1] or number[3]), number[2] or "scalar"
        constant = _int(number[4] or "")
        return Register(name, "scalar" if kind == "inv" else kind, False, precise, constant, _fields(number[5]), text)
    other = _OTHER.match(text)
    if other is None:
        return Register(name, "unknown", False, False, None, (), text)
    kind = other[2]
    nullable = _OR_NULL in kind
    fields = _fields(other[3])
    constant = _int(dict(fields).get("imm", "")) if kind == "scalar" else None
    return Register(name, kind.replace(_OR_NULL, ""), nullable, bool(other[1]), constant, fields, text)


def _fields(text: str | None) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for part in _PART.finditer(text or ""):
        found += [(_OLD_NAMES.get(name, name), part[2]) for name in part[1].split("=") if name]
    return tuple(found)


def _int(text: str) -> int | None:
    try:
        return int(text, 0) if len(text) < 24 else None
    except ValueError:
        return int(text) if text.isdigit() else None  # 007


def _signed(value: int) -> int:
    """A number that may be written as one without sign."""
    return value - (1 << 64) if value > _S64_MAX else value


def words(register: Register) -> str:
    """What it is, in plain words: `a value of map counts (8 bytes), or null`."""
    if register.kind == "scalar":
        return number_words(register)
    said = _pointer_words(register)
    return f"{said}, or null" if register.nullable else said


def number_words(register: Register) -> str:
    """Which numbers it can be: `0 to 15`."""
    low, high = register.signed
    least, most = register.unsigned
    if register.constant is not None:
        return str(low)
    if low >= 0 and most <= high:
        low, high = max(low, least), most
    if (low, high) == (0, _U32_MAX):
        return "any 32-bit number"
    if low < -_HUGE and high > _HUGE:
        if least > 0 or most <= high:
            return f"{least:,} or more" if most > _HUGE else f"{least:,} to {most:,}"
        return "any number"
    if low < -_HUGE:
        return f"any number up to {high:,}, also negative ones"
    return f"{low:,} or more" if high > _HUGE else f"{low:,} to {high:,}"


def _pointer_words(register: Register) -> str:
    kind = register.kind
    offset = register.number("off") or register.number("imm") or 0
    size = register.number("vs")
    if kind in ("map_value", "map_key"):
        named = f"map {register.field('map')}" if register.field("map") else "a map"
        part, size = ("value", size) if kind == "map_value" else ("key", register.number("ks"))
        return f"a {part} of {named}{f' ({size:,} bytes)' if size is not None else ''}{_offset(register, offset)}"
    if kind == "pkt":
        checked = register.number("r") or 0
        known = f"{checked:,} bytes of it are known to be there" if checked else "no byte of it is known to be there"
        return f"in the packet{_offset(register, offset)}; {known}"
    if kind in ("mem", "ringbuf_mem", "rdonly_mem", "alloc_mem", "buf", "rdwr_buf", "rdonly_buf"):
        room = register.number("sz")
        return f"memory{f' of {room:,} bytes' if room is not None else ''}{_offset(register, offset)}"
    if kind == "fp":
        return f"the stack at fp{register.constant or 0:+d}" if register.constant else "the stack's end"
    if kind == "map_ptr":
        return f"map {register.field('map')}" if register.field("map") else "a map"
    if kind in _PLAIN:
        return f"{_PLAIN[kind]}{_offset(register, offset)}"
    trust, _, struct = kind.partition("ptr_")
    if struct:
        return (
            f"a pointer to a {struct}{' that may be stale' if 'untrusted' in trust else ''}{_offset(register, offset)}"
        )
    return f"`{register.text}`"


_PLAIN: Final = {
    "ctx": "the context",
    "pkt_end": "the packet's end",
    "pkt_meta": "the packet's metadata",
    "sock": "a socket",
    "sock_common": "a socket",
    "tcp_sock": "a TCP socket",
    "func": "a function",
    "arena": "in the arena",
    "bytes": "stack",
}


def _offset(register: Register, offset: int) -> str:
    """Where in what it points to: `, 4 to 19 bytes in`."""
    if register.field("umax") or register.field("smax") or register.field("var_off"):
        return f", {number_words(register)} bytes{f' behind byte {offset:,}' if offset else ''} in"
    return f", {offset:,} bytes in" if offset else ""
