"""Addresses in the kernel, by /proc/kallsyms. Without CONFIG_KALLSYMS_ALL there are functions only."""

from __future__ import annotations

from typing import Final

from pyebpf.loader.errors import LoadError

KALLSYMS: Final = "/proc/kallsyms"
_HIDDEN: Final = "(kernel.kptr_restrict, or kernel.perf_event_paranoid above 1); CAP_SYSLOG shows them"
_EVERYWHERE: Final = b" init_task\n"
"""A variable that every kernel has."""
NO_VARIABLES: Final = "its table of symbols has functions only (CONFIG_KALLSYMS_ALL is off)"


def addresses(names: set[str]) -> dict[str, int]:
    """By name, of those that are there. Raises LoadError where the kernel hides them, or has several of a name."""
    table = _table()
    found: dict[str, int] = {}
    for name in names:
        for end in (b"\n", b"\t"):
            at = table.find(pattern := b" " + name.encode() + end)
            while at >= 0:
                value = int(table[table.rfind(b"\n", 0, at) + 1 : at].split(b" ")[0], 16)
                if not value:
                    raise LoadError(f"{KALLSYMS} hides addresses from this process {_HIDDEN}", "privileges")
                if found.setdefault(name, value) != value:
                    raise LoadError(f"this kernel has {name} more than once", "kernel")
                at = table.find(pattern, at + 1)
    return found


def has_variables() -> bool:
    """Whether the kernel knows the addresses of its variables (CONFIG_KALLSYMS_ALL). Raises LoadError."""
    return _EVERYWHERE in _table()


def _table() -> bytes:
    try:
        with open(KALLSYMS, "rb") as file:
            return file.read()
    except OSError as error:
        raise LoadError(f"{KALLSYMS}: {error.strerror or error}", "privileges") from None
