"""Numbers in text, as the kernel's `bpf_strtol` and `bpf_strtoul` read them (kernel/bpf/helpers.c, lib/kstrtox.c)."""

from __future__ import annotations

from errno import EINVAL, ERANGE
from string import digits, hexdigits
from typing import Final

LONGEST: Final = 63
"""Bytes that are looked at, behind the sign."""
BASES: Final = (0, 8, 10, 16)
SPACES: Final = b" \t\n\v\f\r\xa0"
U64: Final = (1 << 64) - 1


def strtol(data: bytes, flags: int) -> tuple[int, int]:
    """How many bytes a signed number took, or -errno; and the number."""
    consumed, negative, value = _parse(data, flags)
    if consumed < 0:
        return consumed, 0
    if value > (1 << 63 if negative else (1 << 63) - 1):
        return -ERANGE, 0
    return consumed, -value if negative else value


def strtoul(data: bytes, flags: int) -> tuple[int, int]:
    """The same of an unsigned number."""
    consumed, negative, value = _parse(data, flags)
    if consumed < 0:
        return consumed, 0
    return (-EINVAL, 0) if negative else (consumed, value)


def _parse(data: bytes, flags: int) -> tuple[int, bool, int]:
    if flags not in BASES:
        return -EINVAL, False, 0
    rest = data.lstrip(SPACES)
    negative = rest.startswith(b"-")
    rest = rest[negative:]
    consumed = len(data) - len(rest)
    text = rest[:LONGEST].decode("latin-1")
    prefixed = text[:2].lower() == "0x"
    base = flags or (16 if prefixed and text[2:3] in (*hexdigits,) else 8 if text[:1] == "0" else 10)
    start = 2 if base == 16 and prefixed else 0
    allowed = hexdigits if base == 16 else digits[:base]
    length = next((at for at, letter in enumerate(text[start:]) if letter not in allowed), len(text) - start)
    if not length:
        return -EINVAL, False, 0
    value = int(text[start : start + length], base)
    return (-ERANGE if value > U64 else consumed + start + length), negative, value
