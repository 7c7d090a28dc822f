"""Decoded values for people and for JSON."""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from pyebpf.addresses import MacAddress
from pyebpf.decode import Overlay
from pyebpf.pictures.distributions import Distribution
from pyebpf.views.per_cpu import PerCpu


def plain(value: Any) -> Any:
    """A value as JSON has it: records become objects, addresses and enum members text."""
    match value:
        case IntEnum():
            return value.name
        case IPv4Address() | IPv6Address() | MacAddress():
            return str(value)
        case bytes():
            return value.hex()
        case PerCpu():
            return [plain(item) for item in value]
        case tuple() | Overlay() if hasattr(value, "_asdict"):
            return {name: plain(item) for name, item in value._asdict().items()}
        case tuple() | list():
            return [plain(item) for item in value]
        case _:
            return value


def entry(key: Any, value: Any) -> dict[str, Any]:
    """An entry of a map; per-CPU values are added up, and shown apart as well."""
    if isinstance(value, PerCpu):
        return {"key": plain(key), "value": plain(value.sum()), "per_cpu": plain(value)}
    return {"key": plain(key), "value": plain(value)}


def text(value: Any) -> str:
    """A value in a table: control characters of text shown as escapes, so that no event can write to the terminal."""
    shown = plain(value)
    if isinstance(shown, str):
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    if isinstance(shown, dict):
        return " ".join(f"{name}={text(item)}" for name, item in shown.items())
    if isinstance(shown, list):
        return "[" + ", ".join(text(item) for item in shown) + "]"
    return str(shown)


def total_of(value: Any) -> Any:
    """A value; of per-CPU ones the sum, of distributions how many values they have."""
    if isinstance(value, Distribution):
        return value.total
    return value.sum() if isinstance(value, PerCpu) else value


def rank(value: Any) -> Any:
    """What entries are sorted by: the number, or the first number, in a value."""
    value = total_of(value)
    while isinstance(value, tuple):
        value = value[0] if value else 0
    return value if isinstance(value, int) else 0
